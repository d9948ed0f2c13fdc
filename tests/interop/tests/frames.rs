//! Every captured frame is read and, from what was read, written again as it was: headers, envelope, and typed value.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Instant;

use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::{AnyReader, AnyWriter, MessageType, Protocol, Reader, TType, UnknownField, Writer};
use thriftwood::frame::{Frame, FrameBuilder, FrameError};
use thriftwood_interop::capture::assert_same;
use thriftwood_interop::content::{Content, Expected};
use thriftwood_interop::idl::wire::{WireRequest, WireServer};
use thriftwood_interop::peer::{Peer, defaults, everything};
use thriftwood_interop::{Capture, Origin, captures};

#[test]
fn the_captures_are_whole() {
    let captures = captures();
    let count = |origin: Origin, protocol: Protocol| {
        let of = captures.iter().filter(|capture| (capture.origin, capture.protocol) == (origin, protocol));
        (of.clone().count(), of.filter(|capture| capture.is_whole_frame()).count())
    };
    // 20 were sent by hand or answer what was; one is cut, one has no reply but a size, one is HTTP's own error.
    assert_eq!(count(Origin::Go, Protocol::Binary), (129, 129 - 20 - 3));
    assert_eq!(count(Origin::Go, Protocol::Compact), (129, 129 - 20 - 3));
    for protocol in Protocol::ALL {
        assert_eq!(count(Origin::Python, protocol), (75, 75 - 2));
    }
}

#[test]
fn every_frame_has_the_headers_and_the_envelope_that_its_direction_calls_for() {
    for capture in captures().iter().filter(|capture| capture.is_whole_frame()) {
        let (frame, what) = (capture.frame(), &capture.description);
        assert!(frame.operation_id().is_some(), "{what}");
        assert!(frame.headers().get("_cid").is_some_and(|id| id.starts_with("cid-")), "{what}");
        assert_eq!(frame.protocol(), capture.protocol, "{what}");
        let message = frame.envelope().unwrap_or_else(|error| panic!("{what}: {error}"));
        let wanted = match &*capture.direction {
            "server->client" if capture.outcome.starts_with("TApplicationException") => MessageType::Exception,
            "server->client" if capture.outcome.starts_with("TTransportException") => MessageType::Exception,
            "server->client" => MessageType::Reply,
            _ if capture.what() == "oneway fire" && capture.origin == Origin::Go => MessageType::Oneway,
            _ => MessageType::Call,
        };
        assert_eq!((message.kind, message.sequence), (wanted, 0), "{what}");
        assert_eq!(frame.headers().get("_timeout").is_some(), capture.direction != "server->client", "{what}");
        if capture.direction == "publisher->subscriber" {
            assert!(capture.subject.ends_with(&format!(".{}", message.name)), "{what}");
        }
    }
}

/// Python leaves out fields without a modifier that nobody set; here they are written.
fn leaves_fields_out(capture: &Capture) -> bool {
    capture.origin == Origin::Python && capture.what() == "roundtrip of a default struct"
}

#[test]
fn every_frame_is_read_as_generated_types_and_written_again_as_it_was() {
    let mut call = None;
    for capture in captures().iter().filter(|capture| capture.is_whole_frame()) {
        let what = format!("{:?} {} {} {}", capture.origin, capture.protocol, capture.description, capture.direction);
        let frame = capture.frame();
        assert_eq!(u32::from_be_bytes(capture.bytes[..4].try_into().unwrap()) as usize + 4, capture.bytes.len());
        let expected = Expected { direction: &capture.direction, call: call.as_ref() };
        let content = frame.read(expected).unwrap_or_else(|error| panic!("{what}: {error}"));
        let written = |headers: Vec<(&str, &str)>| {
            let mut again = FrameBuilder::new();
            headers.into_iter().for_each(|(name, value)| again.header(name, value));
            again.message_in(capture.protocol, frame.envelope().unwrap(), &content).unwrap()
        };
        let again = written(frame.headers().iter().collect());
        if leaves_fields_out(capture) {
            let read = Frame::decode(again).unwrap().read(expected).unwrap();
            assert_eq!(format!("{read:?}"), format!("{content:?}"), "{what}");
        } else {
            assert_eq!(again, capture.bytes, "{what}");
            // In another order too, which is all that may differ.
            let mut pairs: Vec<_> = frame.headers().iter().collect();
            pairs.sort_unstable();
            assert_same(&written(pairs), &capture.bytes, &what);
        }
        if let Content::Call(request) = content {
            match capture.what() {
                "roundtrip of a struct with every type" => {
                    assert_eq!(request, WireRequest::Roundtrip { e: everything() });
                }
                "roundtrip of a default struct" => assert_eq!(request, WireRequest::Roundtrip { e: defaults() }),
                _ => {}
            }
            call = Some(request);
        }
    }
}

#[test]
fn every_struct_is_kept_unread_and_passed_on_as_it_was() {
    for capture in captures().iter().filter(|capture| capture.is_whole_frame()) {
        let what = format!("{:?} {} {}", capture.origin, capture.protocol, capture.description);
        let frame = capture.frame();
        let bare = matches!(frame.envelope().unwrap().name, "Count" | "Name" | "Names" | "Blob");
        if bare && capture.direction == "publisher->subscriber" {
            continue;
        }
        let mut reader = AnyReader::new(capture.protocol, frame.message());
        reader.message().unwrap();
        let start = reader.offset();
        let kept =
            UnknownField::decode(1, TType::Struct, &mut reader).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(reader.remaining(), 0, "{what}");
        let mut again = Vec::new();
        let mut w = AnyWriter::new(capture.protocol, &mut again);
        w.struct_begin();
        kept.encode(&mut w);
        w.struct_end();
        let body = &frame.message()[start..];
        let expected = match capture.protocol {
            Protocol::Compact => [&[0x1c], body, &[0]].concat(),
            // What closes the message closes the field's object too, but for the bracket.
            Protocol::Json => [br#"{"1":{"rec":"#, &body[..body.len() - 1], b"}}"].concat(),
            _ => [&[12, 0, 1], body, &[0]].concat(),
        };
        assert_eq!(again, expected, "{what}");
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
        server.handle(Inbound {
            frame: by_hand(what).bytes,
            received: Instant::now(),
            max_response: 1 << 20,
            failure: None,
        })
    };
    assert_eq!(answer("missing _opid").await, None);
    // The peer gives up on a frame without a message; it can be answered, so here it is.
    for what in ["missing _cid", "headers fine, no thrift message"] {
        let reply = Frame::decode(answer(what).await.unwrap()).unwrap();
        assert_eq!(reply.envelope().unwrap().kind, MessageType::Exception, "{what}");
        assert_eq!(reply.headers().get("_cid").is_some(), what != "missing _cid");
    }
}
