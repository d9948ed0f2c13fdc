//! The captured requests, given to a generated server: its replies are the captured ones.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::Wire;
use thriftwood::codec::binary::BinaryReader;
use thriftwood::error::{ApplicationCode, ApplicationError};
use thriftwood::frame::Frame;
use thriftwood_interop::capture::assert_same;
use thriftwood_interop::idl::base::BaseServer;
use thriftwood_interop::idl::wire::WireServer;
use thriftwood_interop::peer::Peer;
use thriftwood_interop::{Capture, captures};

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
    let inbound = Inbound { frame: request.bytes.clone(), received: Instant::now(), max_response };
    if request.what().contains("server only has Base.ping") {
        return BaseServer::new(Peer::default()).handle(inbound).await;
    }
    WireServer::new(Peer::default()).handle(inbound).await
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
        assert_same(&ours, &reply.bytes, &request.description);
        compared += 1;
    }
    // 15 over NATS and as many over HTTP and TCP.
    assert_eq!(compared, 45);
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
        let inbound = Inbound { frame: request.bytes, received: Instant::now(), max_response: LIMIT };
        assert_eq!(server.handle(inbound).await, None);
        assert_eq!(*peer.fired.lock().unwrap(), ["bang"]);
        done += 1;
    }
    assert_eq!(done, 3);
}

#[tokio::test]
async fn a_result_that_just_fits_is_sent_and_a_larger_one_is_the_exception_that_says_so() {
    let find = |what: &str| exchanges().into_iter().find(|(request, _)| request.what().starts_with(what)).unwrap();
    let (request, reply) = find("response just fits?");
    let reply = reply.unwrap();
    let ours = answer(&request, LIMIT).await.unwrap();
    assert_eq!(Some(ours.len()), reply.full_length);
    // The capture is cut; what there is of the message is the same.
    let theirs = Frame::decode(reply.bytes.clone()).unwrap();
    let our = Frame::decode(ours).unwrap();
    assert_eq!(our.headers(), theirs.headers());
    assert_eq!(our.message()[..theirs.message().len()], theirs.message()[..]);

    let (request, reply) = find("response too large");
    let exception = |bytes: Bytes| {
        let frame = Frame::decode(bytes).unwrap();
        let mut reader = BinaryReader::new(frame.message());
        let message = reader.message().unwrap();
        (message.name.to_owned(), message.kind, ApplicationError::decode(&mut reader).unwrap().code)
    };
    let theirs = exception(reply.unwrap().bytes);
    assert_eq!(theirs.2, ApplicationCode::RESPONSE_TOO_LARGE.0);
    // Texts differ between peers; name, type and code do not.
    assert_eq!(exception(answer(&request, LIMIT).await.unwrap()), theirs);
}
