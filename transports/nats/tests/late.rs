//! Replies that nobody waits for any more.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use thriftwood_core::Context;
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::frame::FrameBuilder;
use thriftwood_core::observe::{CallStart, EventStart, Observation, Observer};
use thriftwood_core::transport::Outbound;
use thriftwood_test_support::NatsServer;
use tokio::sync::mpsc;

struct Late(mpsc::UnboundedSender<(&'static str, u64)>);

impl Observer for Late {
    fn call(&self, _: &CallStart<'_>, _: &mut Context) -> Option<Box<dyn Observation>> {
        None
    }

    fn event(&self, _: &EventStart<'_>, _: &mut Context) -> Option<Box<dyn Observation>> {
        None
    }

    fn late_replies(&self, transport: &'static str, replies: u64) {
        self.0.send((transport, replies)).ok();
    }
}

fn call(operation_id: u64) -> Outbound {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &operation_id.to_string());
    let frame = frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap();
    Outbound { operation_id, frame, oneway: false }
}

#[tokio::test]
async fn a_reply_that_comes_after_its_caller_gave_up_and_a_second_one_are_counted_and_dropped() {
    let test = "a_reply_that_comes_after_its_caller_gave_up_and_a_second_one_are_counted_and_dropped";
    let Some(server) = NatsServer::start(test) else { return };
    let soon = Duration::from_secs(20);
    let (told, mut heard) = mpsc::unbounded_channel();
    let bus = thriftwood_nats::connect(&server.url()).await.unwrap().with_observer(Arc::new(Late(told)));
    let raw = async_nats::connect(server.url()).await.unwrap();
    let mut requests = raw.subscribe("svc").await.unwrap();
    // A flush tells nothing of what the server has: a message to oneself does.
    let mut echo = raw.subscribe("there.and.back").await.unwrap();
    raw.publish("there.and.back", Bytes::new()).await.unwrap();
    tokio::time::timeout(soon, echo.next()).await.unwrap().unwrap();
    let rpc = bus.rpc("svc");
    let request = async {
        let request = tokio::time::timeout(soon, requests.next()).await.unwrap().unwrap();
        let Some(reply) = request.reply else { panic!("a request without a place for its reply") };
        (reply, request.payload)
    };
    let (reply, payload): (_, Bytes) = tokio::select! {
        outcome = rpc.call_frame(call(1)) => panic!("nobody answered: {outcome:?}"),
        request = request => request,
    };
    for _ in 0..2 {
        raw.publish(reply.clone(), payload.clone()).await.unwrap();
        assert_eq!(tokio::time::timeout(soon, heard.recv()).await.unwrap(), Some(("nats", 1)));
    }
    bus.close().await.unwrap();
}
