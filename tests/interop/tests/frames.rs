//! Every captured frame is read and, from what was read, written again as it was: headers, envelope, and typed value.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::{Handler, Inbound, Request, Response};
use thriftwood::codec::binary::BinaryReader;
use thriftwood::codec::{MessageType, Reader, TType, UnknownField, Wire};
use thriftwood::error::ApplicationError;
use thriftwood::frame::{Frame, FrameError};
use thriftwood_interop::capture::{assert_same, rebuilt};
use thriftwood_interop::idl::wire::{Everything, Point, WireRequest, WireServer};
use thriftwood_interop::peer::{Peer, defaults, everything};
use thriftwood_interop::{Binary, Capture, Compact, Protocol, captures, compact_captures};

#[test]
fn the_capture_is_whole() {
    for captures in [captures(), compact_captures()] {
        assert_eq!(captures.len(), 129);
        let frames = captures.iter().filter(|capture| capture.is_whole_frame()).count();
        // 20 were sent by hand or answer what was; one is cut, one has no reply but a size, one is HTTP's own error.
        assert_eq!(frames, 129 - 20 - 3);
    }
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
    have_headers_and_envelope::<Binary>(&captures());
    have_headers_and_envelope::<Compact>(&compact_captures());
}

fn have_headers_and_envelope<P: Protocol>(captures: &[Capture]) {
    for capture in captures.iter().filter(|capture| capture.is_whole_frame()) {
        let (frame, what) = (capture.frame(), format!("{} {}", P::NAME, capture.description));
        assert!(frame.operation_id().is_some(), "{what}");
        assert!(frame.headers().get("_cid").is_some_and(|id| id.starts_with("cid-")), "{what}");
        let (message, mut reader) = P::open(frame.message()).unwrap_or_else(|error| panic!("{what}: {error}"));
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
            assert_eq!(reader.remaining(), 0, "{what}");
        }
    }
}

#[test]
fn every_message_is_read_as_its_generated_type_and_written_again_as_it_was() {
    are_read_and_written::<Binary>(&captures());
    are_read_and_written::<Compact>(&compact_captures());
}

fn are_read_and_written<P: Protocol>(captures: &[Capture]) {
    let mut request = None;
    for capture in captures.iter().filter(|capture| capture.is_whole_frame()) {
        let what = format!("{} {} {}", P::NAME, capture.description, capture.direction);
        let frame = capture.frame();
        let (envelope, mut r) = P::open(frame.message()).unwrap();
        let again = match (&*capture.direction, envelope.kind) {
            ("publisher->subscriber", _) => match envelope.name {
                "Created" | "Tick" => value_again::<Point, P>(frame.message()),
                "Count" => value_again::<i64, P>(frame.message()),
                "Name" => value_again::<String, P>(frame.message()),
                "Names" => value_again::<Vec<String>, P>(frame.message()),
                "Blob" => value_again::<Bytes, P>(frame.message()),
                "All" => value_again::<Everything, P>(frame.message()),
                other => panic!("{what}: {other}"),
            },
            ("server->client", MessageType::Exception) => value_again::<ApplicationError, P>(frame.message()),
            ("server->client", _) => {
                let request: &WireRequest = request.as_ref().unwrap();
                let response = request.decode_response(&mut r).unwrap_or_else(|error| panic!("{what}: {error}"));
                P::message(envelope, |w| response.encode(w))
            }
            _ => {
                let call = WireRequest::decode(envelope.name, &mut r).unwrap_or_else(|| panic!("{what}"));
                let call = request.insert(call.unwrap_or_else(|error| panic!("{what}: {error}")));
                match capture.what() {
                    "roundtrip of a struct with every type" => {
                        assert_eq!(*call, WireRequest::Roundtrip { e: everything() });
                    }
                    "roundtrip of a default struct" => assert_eq!(*call, WireRequest::Roundtrip { e: defaults() }),
                    _ => {}
                }
                P::message(envelope, |w| call.encode(w))
            }
        };
        assert_eq!(again, frame.message()[..], "{what}");
    }
}

/// A message whose body is one value, read and written.
fn value_again<T: Wire, P: Protocol>(message: &Bytes) -> Vec<u8> {
    let (envelope, mut r) = P::open(message).unwrap();
    let value = T::decode(&mut r).unwrap_or_else(|error| panic!("{}: {error}", envelope.name));
    assert_eq!(r.remaining(), 0);
    P::message(envelope, |w| value.encode(w))
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
