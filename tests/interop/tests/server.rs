//! The captured requests, given to a generated server: its replies are the captured ones.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::MessageType;
use thriftwood::error::ApplicationCode;
use thriftwood::frame::Frame;
use thriftwood_interop::capture::assert_same;
use thriftwood_interop::content::{Content, Expected};
use thriftwood_interop::idl::base::BaseServer;
use thriftwood_interop::idl::wire::WireServer;
use thriftwood_interop::peer::Peer;
use thriftwood_interop::{Capture, Origin, captures};

/// Frugal's limit on NATS, with the leading size.
const LIMIT: usize = 1024 * 1024;

/// Each request that a peer's client sent, with the reply that followed.
fn exchanges() -> Vec<(Capture, Option<Capture>)> {
    let captures = captures();
    let requests = captures.iter().enumerate().filter(|(_, request)| request.is_request() && request.is_whole_frame());
    requests
        .map(|(at, request)| {
            let reply = captures.get(at + 1).filter(|next| next.direction == "server->client");
            (request.clone(), reply.cloned())
        })
        .collect()
}

async fn answer(request: &Capture, max_response: usize) -> Option<Bytes> {
    let inbound = Inbound { frame: request.bytes.clone(), received: Instant::now(), max_response, failure: None };
    if request.what().contains("server only has Base.ping") {
        return BaseServer::new(Peer::default()).handle(inbound).await;
    }
    WireServer::new(Peer::default()).handle(inbound).await
}

/// Whether our answer may differ from the captured one: texts of exceptions are each peer's own, and Python leaves out fields.
fn differs(request: &Capture, reply: &Frame) -> bool {
    let exception = reply.envelope().unwrap().kind == MessageType::Exception;
    request.origin == Origin::Python && (exception || request.what() == "roundtrip of a default struct")
}

#[tokio::test]
async fn a_generated_server_answers_captured_requests_as_the_peer_did() {
    let mut compared = 0;
    for (request, reply) in exchanges() {
        let Some(reply) = reply.filter(Capture::is_whole_frame) else { continue };
        if request.what().starts_with("response too large") {
            continue;
        }
        let ours = answer(&request, LIMIT).await.unwrap_or_else(|| panic!("{}: no answer", request.description));
        compared += 1;
        if !differs(&request, &reply.frame()) {
            assert_same(&ours, &reply.bytes, &request.description);
            continue;
        }
        let (our, their) = (Frame::decode(ours).unwrap(), reply.frame());
        assert_eq!(our.headers(), their.headers(), "{}", request.description);
        assert_eq!(our.envelope(), their.envelope(), "{}", request.description);
        let call = request.frame().read(Expected { direction: "client->server", call: None }).unwrap();
        let Content::Call(call) = call else { panic!("{call:?}") };
        let content = |frame: &Frame| match frame.read(Expected { direction: "server->client", call: Some(&call) }) {
            Ok(Content::Exception(exception)) => exception.code.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(content(&our), content(&their), "{}", request.description);
    }
    // Of Go 15 over each of NATS, HTTP and TCP in two protocols; of Python 15 over NATS and HTTP in three.
    assert_eq!(compared, 2 * 45 + 3 * 30);
}

#[tokio::test]
async fn a_oneway_request_is_done_and_not_answered() {
    let mut done = 0;
    for (request, reply) in exchanges() {
        if request.what() != "oneway fire" {
            continue;
        }
        // Over HTTP the peer answers with a size of zero, which is the transport's business.
        assert!(reply.is_none_or(|reply| reply.bytes[..] == [0; 4] || reply.what() != "oneway fire"));
        let peer = Peer::default();
        let server = WireServer::new(peer.clone());
        let inbound = Inbound { frame: request.bytes, received: Instant::now(), max_response: LIMIT, failure: None };
        assert_eq!(server.handle(inbound).await, None);
        assert_eq!(*peer.fired.lock().unwrap(), ["bang"]);
        done += 1;
    }
    assert_eq!(done, 2 * 3 + 3 * 2);
}

#[tokio::test]
async fn a_result_that_just_fits_is_sent_and_a_larger_one_is_the_exception_that_says_so() {
    let find =
        |what: &'static str| exchanges().into_iter().filter(move |(request, _)| request.what().starts_with(what));
    for (request, reply) in find("response just fits?") {
        let reply = reply.unwrap();
        let ours = answer(&request, LIMIT).await.unwrap();
        assert_eq!(Some(ours.len()), reply.full_length);
        // The capture is cut; what there is of the message is the same.
        let theirs = Frame::decode(reply.bytes.clone()).unwrap();
        let our = Frame::decode(ours).unwrap();
        assert_eq!(our.headers(), theirs.headers());
        assert_eq!(our.message()[..theirs.message().len()], theirs.message()[..]);
    }
    for (request, reply) in find("response too large") {
        let exception = |bytes: Bytes| {
            let frame = Frame::decode(bytes).unwrap();
            let envelope = frame.envelope().unwrap();
            let content = frame.read(Expected { direction: "server->client", call: None }).unwrap();
            let Content::Exception(exception) = content else { panic!("{content:?}") };
            // Texts differ between peers; name, type and code do not.
            (envelope.name.to_owned(), envelope.kind, exception.code)
        };
        let theirs = exception(reply.unwrap().bytes);
        assert_eq!(theirs.2, ApplicationCode::RESPONSE_TOO_LARGE.0);
        assert_eq!(exception(answer(&request, LIMIT).await.unwrap()), theirs);
    }
    assert_eq!((find("response just fits?").count(), find("response too large").count()), (2, 2 + 3));
}
