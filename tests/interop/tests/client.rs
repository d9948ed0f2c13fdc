//! A generated client calls as the peer's did: its requests are the captured ones, and the captured replies are its results.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fmt::Debug;
use std::time::Duration;

use thriftwood::frame::Frame;
use thriftwood::{Bus, Context, RpcError, RpcErrorKind};
use thriftwood_interop::capture::{assert_same, renumbered};
use thriftwood_interop::content::Expected;
use thriftwood_interop::idl::wire::{FailsError, WireClient};
use thriftwood_interop::peer::{defaults, everything};
use thriftwood_interop::tape::Tape;
use thriftwood_interop::{Capture, Origin, captures};

/// Python sends oneway calls as if they were others, and leaves out fields that nobody set.
const DIFFERS_IN_PYTHON: [&str; 2] = ["oneway fire", "roundtrip of a default struct"];

/// One captured exchange over one transport, and a client that is about to repeat it.
struct Exchange {
    request: Capture,
    tape: Tape,
    client: WireClient,
    ctx: Context,
}

/// The exchanges with this correlation id: one for each peer, protocol and transport that they were captured on.
fn exchanges(correlation_id: &str) -> Vec<Exchange> {
    let captures = captures();
    let requests = captures.iter().enumerate().filter(|(_, request)| {
        let whole = request.is_request() && request.is_whole_frame();
        whole && request.frame().headers().get("_cid") == Some(correlation_id)
    });
    let found: Vec<_> = requests
        .map(|(at, request)| {
            let tape = Tape::default();
            if let Some(reply) = captures.get(at + 1).filter(|reply| reply.direction == "server->client") {
                tape.reply(&reply.bytes);
            }
            let bus = Bus::new(tape.clone()).with_protocol(request.protocol);
            let client = WireClient::new(bus.rpc(&request.subject));
            let ctx = Context::new().with_correlation_id(correlation_id).with_timeout(Duration::from_secs(2));
            Exchange { request: request.clone(), tape, client, ctx }
        })
        .collect();
    assert!(!found.is_empty(), "no capture of {correlation_id}");
    found
}

impl Exchange {
    /// Compares what the client sent with the captured request, but for the operation id, which is a counter.
    fn check_request(&self) {
        let sent = self.tape.sent();
        assert_eq!(sent.len(), 1, "{}", self.request.description);
        let theirs = self.request.frame();
        let ours = renumbered(&sent[0].1, &theirs.operation_id().unwrap().to_string());
        if self.request.origin == Origin::Python && DIFFERS_IN_PYTHON.contains(&self.request.what()) {
            let ours = Frame::decode(ours).unwrap();
            assert_eq!(ours.headers(), theirs.headers());
            let read =
                |frame: &Frame| format!("{:?}", frame.read(Expected { direction: "client->server", call: None }));
            assert_eq!(read(&ours), read(&theirs));
        } else {
            assert_same(&ours, &self.request.bytes, &self.request.description);
        }
    }

    fn check<T: Debug + PartialEq, E: Debug>(&self, result: Result<T, E>, expected: &T) {
        self.check_request();
        match result {
            Ok(value) => assert_eq!(value, *expected, "{}", self.request.description),
            Err(error) => panic!("{}: {error:?}", self.request.description),
        }
    }

    fn check_error(&self, error: &RpcError, kind: RpcErrorKind, text: &str) {
        self.check_request();
        assert_eq!(error.kind(), kind, "{}", self.request.description);
        // Texts differ between peers, but for the part that the handler said.
        assert!(error.message().contains(text), "{}: {error}", self.request.description);
    }
}

#[tokio::test]
async fn calls_and_results_of_every_type_are_the_peers_bytes() {
    for exchange in exchanges("cid-ping") {
        exchange.check(exchange.client.ping(&exchange.ctx, "t1".into()).await, &"pong:t1".to_owned());
    }
    for exchange in exchanges("cid-echo") {
        exchange.check(exchange.client.echo(&exchange.ctx, "hello".into()).await, &"hello".to_owned());
    }
    for exchange in exchanges("cid-empty") {
        exchange.check(exchange.client.echo(&exchange.ctx, String::new()).await, &String::new());
    }
    for exchange in exchanges("cid-all") {
        exchange.check(exchange.client.roundtrip(&exchange.ctx, everything()).await, &everything());
    }
    for exchange in exchanges("cid-def") {
        exchange.check(exchange.client.roundtrip(&exchange.ctx, defaults()).await, &defaults());
    }
    for exchange in exchanges("cid-f9") {
        exchange.check(exchange.client.fails(&exchange.ctx, 9).await, &9);
    }
    for exchange in exchanges("cid-void") {
        exchange.check(exchange.client.nothing(&exchange.ctx).await, &());
    }
    for exchange in exchanges("cid-flag") {
        exchange.check(exchange.client.flag(&exchange.ctx, true).await, &false);
    }
    for exchange in exchanges("cid-b16") {
        exchange.check(exchange.client.blob(&exchange.ctx, 16).await, &vec![0xab; 16].into());
    }
    for exchange in exchanges("cid-one") {
        exchange.check(exchange.client.fire(&exchange.ctx, "bang".into()).await, &());
    }
}

#[tokio::test]
async fn headers_travel_both_ways_as_the_peers_do() {
    for exchange in exchanges("cid-hdr") {
        let ctx = exchange.ctx.clone();
        let ctx = ctx.with_header("naïve", "ünï").with_header("empty", "").with_header("who", "alice");
        exchange.check(exchange.client.echo(&ctx, "with headers".into()).await, &"with headers".to_owned());
        let expected = [("_cid", "cid-hdr"), ("naïve-back", "ünï"), ("served-for", "alice")];
        assert_eq!(ctx.response_headers(), expected.into_iter().collect());
    }
}

#[tokio::test]
async fn exceptions_of_the_peer_are_typed_errors() {
    for exchange in exchanges("cid-f1") {
        let Err(FailsError::Oops(oops)) = exchange.client.fails(&exchange.ctx, 1).await else { panic!("no Oops") };
        exchange.check_request();
        assert_eq!((oops.code, &*oops.reason), (42, "declared"));
    }
    for exchange in exchanges("cid-f2") {
        let Err(FailsError::BaseError(error)) = exchange.client.fails(&exchange.ctx, 2).await else {
            panic!("no BaseError")
        };
        exchange.check_request();
        assert_eq!((error.code, &*error.reason), (7, "from base"));
    }
    for (id, how, kind, text) in [
        ("cid-f3", 3, RpcErrorKind::Internal, "handler blew up"),
        ("cid-f4", 4, RpcErrorKind::Application(400), "application says no"),
    ] {
        for exchange in exchanges(id) {
            let Err(FailsError::Rpc(error)) = exchange.client.fails(&exchange.ctx, how).await else {
                panic!("{id}: no error")
            };
            exchange.check_error(&error, kind, text);
        }
    }
    for exchange in exchanges("cid-unk") {
        let error = exchange.client.echo(&exchange.ctx, "anyone?".into()).await.unwrap_err();
        exchange.check_error(&error, RpcErrorKind::UnknownMethod, "Unknown function");
    }
    for exchange in exchanges("cid-big") {
        let error = exchange.client.blob(&exchange.ctx, 1_100_000).await.unwrap_err();
        exchange.check_error(&error, RpcErrorKind::ResponseTooLarge, "Buffer size reached");
    }
}
