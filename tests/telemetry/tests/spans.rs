//! The spans of calls and events: their names, parents and attributes, and what is sent beside a message.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use opentelemetry::trace::Status;
use thriftwood::{Bus, Context};
use thriftwood_telemetry::observer;
use thriftwood_telemetry_tests::collected::{Collected, attribute, tree};
use thriftwood_telemetry_tests::idl::{BackClient, FrontClient, Greetings};
use thriftwood_telemetry_tests::{hops, soon};
use thriftwood_test_support::NatsServer;
use tracing::{Instrument, info_span};

async fn connect(url: &str) -> Bus {
    thriftwood::connect(url).await.unwrap().with_observer(observer(url))
}

async fn memory() -> Bus {
    connect("memory:").await
}

fn patient() -> Context {
    Context::new().with_timeout(Duration::from_secs(60))
}

/// What a call of two hops and an event makes.
const TWO_HOPS_AND_AN_EVENT: [&str; 6] = [
    "Client Front/greet",
    "Server Front/greet < Client Front/greet",
    "Client Back/title < Server Front/greet",
    "Server Back/title < Client Back/title",
    "Producer publish v1.hops.{region}.Greetings.Greeted < Server Front/greet",
    "Consumer process v1.hops.{region}.Greetings.Greeted < Producer publish v1.hops.{region}.Greetings.Greeted",
];

async fn two_hops_and_an_event(collected: &Collected, front: &Bus, back: &Bus) {
    let _seen = hops::serve(front, back).await;
    let mut greetings = Greetings::subscriber(back, "emea").group("readers").greeted().await.unwrap();
    let client = FrontClient::new(back.rpc("front"));
    assert_eq!(client.greet(&patient(), "No".into()).await.unwrap(), "Hello, Dr. No");
    soon("the event", greetings.next()).await.unwrap().unwrap().ack().await.unwrap();
    let spans = collected.spans(6).await;
    assert_eq!(tree(&spans), TWO_HOPS_AND_AN_EVENT);
    let trace = spans[0].span_context.trace_id();
    assert!(spans.iter().all(|span| span.span_context.trace_id() == trace), "one trace");
    let ids: Vec<_> = spans.iter().map(|span| attribute(span, "thriftwood.correlation_id")).collect();
    assert!(ids[0].len() == 32 && ids.iter().all(|id| *id == ids[0]), "one correlation id: {ids:?}");
}

#[tokio::test]
async fn two_hops_and_an_event_are_one_trace_over_memory() {
    let collected = Collected::new();
    let bus = memory().await;
    two_hops_and_an_event(&collected, &bus, &bus).await;
}

#[tokio::test]
async fn two_hops_and_an_event_are_one_trace_over_nats() {
    let Some(nats) = NatsServer::start("spans over nats") else { return };
    let collected = Collected::new();
    let (front, back) = (connect(&nats.url()).await, connect(&nats.url()).await);
    two_hops_and_an_event(&collected, &front, &back).await;
}

#[tokio::test]
async fn two_hops_and_an_event_are_one_trace_over_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let collected = Collected::new();
    let bus = connect(&format!("log:{}", folder.path().display())).await;
    two_hops_and_an_event(&collected, &bus, &bus).await;
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_call_over_tcp_and_http_names_the_server_it_goes_to() {
    for scheme in ["tcp", "http"] {
        let collected = Collected::new();
        let serving = thriftwood::connect(&format!("{scheme}://127.0.0.1:0")).await.unwrap().unobserved();
        let (seen, _seen) = tokio::sync::mpsc::unbounded_channel();
        let address = hops::serve_back(&serving, seen).await.local_addr().unwrap().to_owned();
        let port = address.rsplit_once(':').unwrap().1.to_owned();
        let bus = connect(&format!("{scheme}://127.0.0.1:{port}")).await;
        BackClient::new(bus.rpc("back")).title(&patient(), "No".into()).await.unwrap();
        let spans = collected.spans(1).await;
        assert_eq!(attribute(&spans[0], "server.address"), "127.0.0.1", "{scheme}");
        assert_eq!(attribute(&spans[0], "server.port"), port, "{scheme}");
        assert_eq!(attribute(&spans[0], "thriftwood.address"), "back", "{scheme}");
    }
}

#[tokio::test]
async fn a_bus_with_a_configuration_of_its_own_is_observed_like_any_other() {
    let serving = thriftwood::connect("tcp://127.0.0.1:0").await.unwrap().unobserved();
    let (seen, _seen) = tokio::sync::mpsc::unbounded_channel();
    let tcp = hops::serve_back(&serving, seen.clone()).await.local_addr().unwrap().to_owned();
    let serving = thriftwood::connect("http://127.0.0.1:0").await.unwrap().unobserved();
    let http = hops::serve_back(&serving, seen).await.local_addr().unwrap().to_owned();
    for bus in [
        thriftwood::tcp::connect(&format!("tcp://{tcp}"), thriftwood::tcp::Config::default()).unwrap(),
        thriftwood::tcp::connect(&format!("tcp://{tcp},{tcp}"), thriftwood::tcp::Config::default()).unwrap(),
        thriftwood::http::connect(&format!("http://{http}"), thriftwood::http::Config::default()).unwrap(),
    ] {
        let collected = Collected::new();
        BackClient::new(bus.rpc("back")).title(&patient(), "No".into()).await.unwrap();
        assert_eq!(tree(&collected.spans(1).await), ["Client Back/title"]);
    }
}

#[tokio::test]
async fn the_attributes_are_those_of_the_conventions() {
    let collected = Collected::new();
    let bus = memory().await;
    let _seen = hops::serve(&bus, &bus).await;
    let mut greetings = Greetings::subscriber(&bus, "*").group("readers").greeted().await.unwrap();
    FrontClient::new(bus.rpc("front")).greet(&patient(), "No".into()).await.unwrap();
    soon("the event", greetings.next()).await.unwrap().unwrap().ack().await.unwrap();
    let spans = collected.spans(6).await;
    let expect = |span: usize, expected: &[(&str, &str)]| {
        for (name, value) in expected {
            assert_eq!(attribute(&spans[span], name), *value, "{name} of {}", spans[span].name);
        }
        assert_eq!(attribute(&spans[span], "error.type"), "", "{}", spans[span].name);
        assert_eq!(spans[span].status, Status::Unset);
    };
    let call = [
        ("rpc.system.name", "thriftwood"),
        ("rpc.method", "Front/greet"),
        ("server.address", "front"),
        ("thriftwood.transport", "memory"),
    ];
    expect(0, &call);
    expect(1, &call);
    let event = [
        ("messaging.system", "thriftwood_memory"),
        ("messaging.destination.name", "v1.hops.emea.Greetings.Greeted"),
        ("messaging.destination.template", "v1.hops.{region}.Greetings.Greeted"),
    ];
    expect(4, &event);
    expect(4, &[("messaging.operation.name", "publish"), ("messaging.operation.type", "send")]);
    expect(5, &event);
    expect(5, &[("messaging.operation.name", "process"), ("messaging.operation.type", "process")]);
    expect(5, &[("messaging.consumer.group.name", "readers"), ("thriftwood.attempt", "1")]);
}

#[tokio::test]
async fn failures_are_named_on_the_side_that_they_concern() {
    let collected = Collected::new();
    let bus = memory().await;
    let _seen = hops::serve(&bus, &bus).await;
    let front = FrontClient::new(bus.rpc("front"));
    // What was asked, the type of error on both sides, and whether the server's span failed.
    for (code, error_type, server_failed) in [(0, "internal", true), (1, "internal", true), (402, "402", false)] {
        front.fail(&patient(), code).await.unwrap_err();
        let spans = collected.spans(2).await;
        assert_eq!([0, 1].map(|side| attribute(&spans[side], "error.type")), [error_type; 2], "code {code}");
        assert!(matches!(spans[0].status, Status::Error { .. }), "code {code}: {:?}", spans[0].status);
        assert_eq!(matches!(spans[1].status, Status::Error { .. }), server_failed, "code {code}");
    }
    front.fail(&patient().with_timeout(Duration::from_millis(20)), 2).await.unwrap_err();
    let spans = collected.spans(2).await;
    assert_eq!([0, 1].map(|side| attribute(&spans[side], "error.type")), ["timeout"; 2]);
    front.greet(&patient(), String::new()).await.unwrap_err();
    let spans = collected.spans(2).await;
    for span in spans {
        assert_eq!(span.status, Status::Unset, "a declared exception is a result");
        assert_eq!(attribute(&span, "error.type"), "");
        assert_eq!(attribute(&span, "thriftwood.exception"), "Unwelcome");
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_cancelled() {
    let collected = Collected::new();
    let bus = memory().await;
    let _seen = hops::serve(&bus, &bus).await;
    let front = FrontClient::new(bus.rpc("front"));
    let gave_up = tokio::time::timeout(Duration::from_millis(20), front.fail(&patient(), 2)).await;
    assert!(gave_up.is_err());
    let spans = collected.spans(1).await;
    assert_eq!((&*spans[0].name, &*attribute(&spans[0], "error.type")), ("Front/fail", "cancelled"));
}

#[tokio::test]
async fn a_call_belongs_to_the_span_it_is_made_in() {
    let collected = Collected::new();
    let bus = memory().await;
    let mut seen = hops::serve(&bus, &bus).await;
    let front = FrontClient::new(bus.rpc("front"));
    front.note(&patient(), "x".into()).instrument(info_span!("work")).await.unwrap();
    soon("the note", seen.recv()).await.unwrap();
    let spans = collected.spans(3).await;
    assert_eq!(
        tree(&spans),
        ["Internal work", "Client Front/note < Internal work", "Server Front/note < Client Front/note"]
    );
}

/// A consumer's loop stands in a span of its own, and handles events of many traces: the context it hands on decides.
#[tokio::test]
async fn a_context_from_another_trace_counts_more_than_the_span_around() {
    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let collected = Collected::new();
    let bus = memory().await;
    let mut seen = hops::serve(&bus, &bus).await;
    let front = FrontClient::new(bus.rpc("front"));
    let context = patient().with_header("traceparent", SENT).with_header("tracestate", "vendor=1");
    front.note(&context, "x".into()).instrument(info_span!("work")).await.unwrap();
    let headers = soon("the note", seen.recv()).await.unwrap();
    assert!(headers.contains(&("tracestate".into(), "vendor=1".into())), "{headers:?}");
    let spans = collected.spans(3).await;
    let call = spans.iter().find(|span| span.name == "Front/note").unwrap();
    assert_eq!(call.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(call.parent_span_id.to_string(), "b7ad6b7169203331");
    let handler = spans.iter().find(|span| span.parent_span_id == call.span_context.span_id()).unwrap();
    let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", handler.span_context.span_id());
    assert!(headers.contains(&("traceparent".into(), expected)), "{headers:?}");
}

#[tokio::test]
async fn without_a_subscriber_no_header_is_sent_and_those_that_came_are_passed_on() {
    let bus = memory().await;
    let mut seen = hops::serve(&bus, &bus).await;
    let front = FrontClient::new(bus.rpc("front"));
    front.note(&patient(), "x".into()).await.unwrap();
    let headers = soon("the note", seen.recv()).await.unwrap();
    // Names with an underscore are the runtime's own, of which there may be more than this test knows.
    let others: Vec<_> = headers.iter().filter(|(name, _)| !name.starts_with('_')).collect();
    assert!(others.is_empty(), "{others:?}");
    let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    front.note(&patient().with_header("traceparent", sent), "x".into()).await.unwrap();
    let headers = soon("the note", seen.recv()).await.unwrap();
    assert!(headers.contains(&("traceparent".into(), sent.into())), "{headers:?}");
}
