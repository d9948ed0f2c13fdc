//! Every captured frame is read and, from what was read, written again as it was.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Instant;

use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::binary::BinaryReader;
use thriftwood::codec::{MessageType, TType, UnknownField};
use thriftwood::frame::{Frame, FrameError};
use thriftwood_interop::capture::{assert_same, rebuilt};
use thriftwood_interop::captures;
use thriftwood_interop::idl::wire::WireServer;
use thriftwood_interop::peer::Peer;

#[test]
fn the_capture_is_whole() {
    let captures = captures();
    assert_eq!(captures.len(), 129);
    let frames = captures.iter().filter(|capture| capture.is_whole_frame()).count();
    // 20 were sent by hand or answer what was; one is cut, one has no reply but a size, one is HTTP's own error.
    assert_eq!(frames, 129 - 20 - 3);
}

#[test]
fn every_frame_is_read_and_written_again_as_it_was() {
    for capture in captures().iter().filter(|capture| capture.is_whole_frame()) {
        let frame = capture.frame();
        assert_eq!(u32::from_be_bytes(capture.bytes[..4].try_into().unwrap()) as usize + 4, capture.bytes.len());
        let again = rebuilt(frame.headers(), frame.message());
        assert_eq!(again, capture.bytes, "{}", capture.description);
        // In another order too, which is all that may differ.
        let mut pairs: Vec<_> = frame.headers().iter().collect();
        pairs.sort_unstable();
        let sorted = rebuilt(&pairs.into_iter().collect(), frame.message());
        assert_same(&sorted, &capture.bytes, &capture.description);
    }
}

#[test]
fn every_frame_has_the_headers_and_the_envelope_that_its_direction_calls_for() {
    for capture in captures().iter().filter(|capture| capture.is_whole_frame()) {
        let (frame, what) = (capture.frame(), &capture.description);
        assert!(frame.operation_id().is_some(), "{what}");
        assert!(frame.headers().get("_cid").is_some_and(|id| id.starts_with("cid-")), "{what}");
        let mut reader = BinaryReader::new(frame.message());
        let message = reader.message().unwrap_or_else(|error| panic!("{what}: {error}"));
        let wanted = match &*capture.direction {
            "server->client" if capture.outcome.starts_with("TApplicationException") => MessageType::Exception,
            "server->client" if capture.outcome.starts_with("TTransportException") => MessageType::Exception,
            "server->client" => MessageType::Reply,
            _ if capture.what() == "oneway fire" => MessageType::Oneway,
            _ => MessageType::Call,
        };
        assert_eq!(message.kind, wanted, "{what}");
        assert_eq!(frame.headers().get("_timeout").is_some(), capture.direction != "server->client", "{what}");
        if capture.direction == "publisher->subscriber" {
            assert!(capture.subject.ends_with(&format!(".{}", message.name)), "{what}");
        } else {
            // Arguments, results and exceptions are structs, and nothing follows them.
            UnknownField::decode(0, TType::Struct, &mut reader).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(thriftwood::codec::Reader::remaining(&reader), 0, "{what}");
        }
    }
}

#[tokio::test]
async fn what_the_peer_refuses_is_refused_here_too() {
    let by_hand = |what: &str| {
        let found =
            captures().into_iter().find(|capture| capture.is_request() && capture.what() == format!("raw: {what}"));
        found.unwrap_or_else(|| panic!("no capture of {what}"))
    };
    for (what, error) in [
        ("body of 3 bytes", FrameError::Truncated { size: 3 }),
        ("frame of size 0", FrameError::Truncated { size: 4 }),
        ("unsupported header version 1", FrameError::Version(1)),
        ("truncated header block (size larger than the data)", FrameError::Headers),
        ("header value size past the block", FrameError::Headers),
    ] {
        assert_eq!(Frame::decode(by_hand(what).bytes).unwrap_err(), error, "{what}");
    }
    let server = WireServer::new(Peer::default());
    let answer = |what: &str| {
        server.handle(Inbound { frame: by_hand(what).bytes, received: Instant::now(), max_response: 1 << 20 })
    };
    assert_eq!(answer("missing _opid").await, None);
    // The peer gives up on a frame without a message; it can be answered, so here it is.
    for what in ["missing _cid", "headers fine, no thrift message"] {
        let reply = Frame::decode(answer(what).await.unwrap()).unwrap();
        assert_eq!(BinaryReader::new(reply.message()).message().unwrap().kind, MessageType::Exception, "{what}");
        assert_eq!(reply.headers().get("_cid").is_some(), what != "missing _cid");
    }
}
