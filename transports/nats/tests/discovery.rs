//! What NATS's own tools hear of a service.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::error::{ApplicationCode, ApplicationError};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus};
use thriftwood_test_support::NatsServer;

/// Answers calls of `well` with an empty result and all others with an exception.
struct Probe;

impl Handler for Probe {
    fn service(&self) -> &'static str {
        "Probe"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let request = Frame::decode(inbound.frame).unwrap();
        let mut reply = FrameBuilder::new();
        reply.header("_opid", request.headers().get("_opid").unwrap());
        let well = request.headers().get("well").is_some();
        let kind = if well { MessageType::Reply } else { MessageType::Exception };
        let failure = ApplicationError { message: "not well".to_owned(), code: ApplicationCode::INTERNAL_ERROR.0 };
        let reply = reply
            .message(Message { name: "m", kind, sequence: 0 }, |w| {
                if !well {
                    failure.encode(w);
                }
            })
            .unwrap();
        Box::pin(async move { Some(reply) })
    }
}

async fn call(bus: &Bus, operation_id: u64, well: bool) {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &operation_id.to_string());
    if well {
        frame.header("well", "yes");
    }
    let frame = frame.message(Message { name: "m", kind: MessageType::Call, sequence: 0 }, |_| {}).unwrap();
    let outbound = Outbound { operation_id, frame, oneway: false };
    bus.rpc("probes.one").call_frame(outbound).await.unwrap().expect("a reply");
}

/// All answers to a question that come within a while of the first.
async fn ask(raw: &async_nats::Client, subject: &str) -> Vec<Value> {
    let inbox = raw.new_inbox();
    let mut answers = raw.subscribe(inbox.clone()).await.unwrap();
    raw.publish_with_reply(subject.to_owned(), inbox, Bytes::new()).await.unwrap();
    let mut all = Vec::new();
    let mut wait = Duration::from_secs(20);
    while let Ok(Some(message)) = tokio::time::timeout(wait, answers.next()).await {
        if message.status.is_some() {
            break;
        }
        all.push(serde_json::from_slice(&message.payload).unwrap());
        wait = Duration::from_millis(200);
    }
    all
}

/// Insists on exactly these fields in an answer, and these in its endpoint, of the types that NATS's ADR-32 gives them.
fn has(answer: &Value, kind: &str, fields: &[&str], endpoint: &[&str]) {
    assert_eq!(answer["type"], format!("io.nats.micro.v1.{kind}_response"));
    let is_known = |(name, value): (&String, &Value)| match &**name {
        "metadata" => value.as_object().is_some_and(|metadata| metadata.values().all(Value::is_string)),
        "endpoints" => value.as_array().is_some_and(|endpoints| endpoints.len() == 1),
        "num_requests" | "num_errors" | "processing_time" | "average_processing_time" => value.is_u64(),
        _ => value.is_string(),
    };
    let check = |value: &Value, expected: &[&str]| {
        let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = expected.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{answer}");
        assert!(value.as_object().unwrap().iter().all(is_known), "{answer}");
    };
    const ALL: [&str; 5] = ["type", "name", "id", "version", "metadata"];
    check(answer, &[&ALL, fields].concat());
    if let Some(found) = answer.get("endpoints") {
        check(&found[0], endpoint);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_service_answers_the_questions_of_nats_micro() {
    let Some(server) = NatsServer::start("a_served_service_answers_the_questions_of_nats_micro") else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let bus = thriftwood_nats::connect(&format!("{}?version=1.4.0", server.url())).await.unwrap();
    let first = bus.serve("probes.one", Probe).await.unwrap();
    let second = bus.serve("probes.one", Probe).await.unwrap();

    let pings = ask(&raw, "$SRV.PING").await;
    assert_eq!(pings.len(), 2, "{pings:?}");
    for ping in &pings {
        has(ping, "ping", &[], &[]);
        assert_eq!((&ping["name"], &ping["version"]), (&"Probe".into(), &"1.4.0".into()));
    }
    assert_ne!(pings[0]["id"], pings[1]["id"]);

    let id = pings[0]["id"].as_str().unwrap();
    let infos = ask(&raw, &format!("$SRV.INFO.Probe.{id}")).await;
    assert_eq!(infos.len(), 1, "{infos:?}");
    has(&infos[0], "info", &["description", "endpoints"], &["name", "subject", "queue_group", "metadata"]);
    assert_eq!(infos[0]["endpoints"][0]["subject"], "probes.one");
    assert_eq!(infos[0]["endpoints"][0]["queue_group"], "q");

    for operation_id in 1..=20 {
        call(&bus, operation_id, operation_id % 4 != 0).await;
    }
    let stats = ask(&raw, "$SRV.STATS.Probe").await;
    for stats in &stats {
        let counts = ["num_requests", "num_errors", "last_error", "processing_time", "average_processing_time"];
        has(stats, "stats", &["started", "endpoints"], &[&["name", "subject", "queue_group"], &counts[..]].concat());
    }
    let sum = |name: &str| stats.iter().map(|stats| stats["endpoints"][0][name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("num_requests"), sum("num_errors")), (20, 5), "{stats:?}");
    let failed = stats.iter().find(|stats| stats["endpoints"][0]["num_errors"] != 0).unwrap();
    assert_eq!(failed["endpoints"][0]["last_error"], "not well");
    assert!(failed["endpoints"][0]["average_processing_time"].as_u64().unwrap() > 0);
    assert!(failed["started"].as_str().unwrap().ends_with('Z'), "{failed}");

    first.stop().await;
    second.stop().await;
    assert_eq!(ask(&raw, "$SRV.PING.Probe").await, Vec::<Value>::new(), "what is stopped is no longer announced");
}
