//! The frame, byte for byte against examples that were computed by hand and are what Frugal's own runtimes write.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::time::Instant;

use bytes::Bytes;
use calc::{Calc, CalcRequest};
use thriftwood_core::call::{Handler, Inbound, Request};
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::frame::{Frame, FrameBuilder, FrameError, Headers};

const REQUEST: &str = "00000054 00 00000031 00000004 5f636964 00000003 616263 00000005 5f6f706964 00000001 37 \
     00000008 5f74696d656f7574 00000004 35303030 80010001 00000003 616464 00000000 \
     08 0001 00000002 08 0002 00000028 00";
const REPLY: &str = "00000039 00 0000001d 00000005 5f6f706964 00000001 37 00000004 5f636964 00000003 616263 \
     80010002 00000003 616464 00000000 08 0000 0000002a 00";
const UNKNOWN_METHOD: &str = "00000056 00 0000001d 00000005 5f6f706964 00000001 37 00000004 5f636964 00000003 616263 \
     80010003 00000004 6e6f7065 00000000 0b 0001 00000015 556e6b6e6f776e2066756e6374696f6e206e6f7065 08 0002 00000001 00";
const EVENT: &str = "00000068 00 00000048 00000004 5f636964 00000003 616263 00000005 5f6f706964 00000001 38 \
     00000008 5f74696d656f7574 00000004 35303030 0000000b 5f746f7069635f75736572 00000004 62696c6c \
     80010001 00000007 536f6d65496e74 00000000 0000000000000005";

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    pairs.collect()
}

fn builder(headers: &[(&str, &str)]) -> FrameBuilder {
    let mut frame = FrameBuilder::new();
    for (name, value) in headers {
        frame.header(name, value);
    }
    frame
}

async fn answer(frame: Bytes, max_response: usize) -> Option<Bytes> {
    let (server, _strings) = Calc::server();
    server.handle(Inbound { frame, received: Instant::now(), max_response, failure: None }).await
}

#[test]
fn a_call_is_the_88_bytes_of_the_worked_example() {
    let frame = builder(&[("_cid", "abc"), ("_opid", "7"), ("_timeout", "5000")]);
    let call = CalcRequest::Add { a: 2, b: 40 };
    let written = frame.message(Message::new("add", MessageType::Call), |w| call.encode(w)).unwrap();
    assert_eq!((written.len(), &written), (88, &bytes(REQUEST)));

    let read = Frame::decode(written).unwrap();
    let headers: Headers = [("_opid", "7"), ("_cid", "abc"), ("_timeout", "5000")].into_iter().collect();
    assert_eq!((read.headers(), read.operation_id()), (&headers, Some(7)));
    let mut reader = BinaryReader::new(read.message());
    assert_eq!(reader.message().unwrap(), Message::new("add", MessageType::Call));
    assert_eq!(CalcRequest::decode("add", &mut reader).unwrap().unwrap(), call);
}

#[tokio::test]
async fn the_reply_is_the_61_bytes_of_the_worked_example() {
    let reply = answer(bytes(REQUEST), 1024).await.unwrap();
    assert_eq!((reply.len(), &reply), (61, &bytes(REPLY)));
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_the_90_bytes_of_the_worked_example() {
    let frame = builder(&[("_opid", "7"), ("_cid", "abc")]);
    let message = Message::new("nope", MessageType::Call);
    let call = frame.message(message, |w| thriftwood_core::codec::Writer::struct_end(w)).unwrap();
    let reply = answer(call, 1024).await.unwrap();
    assert_eq!((reply.len(), &reply), (90, &bytes(UNKNOWN_METHOD)));
}

#[test]
fn an_event_is_the_108_bytes_of_the_worked_example() {
    let frame = builder(&[("_cid", "abc"), ("_opid", "8"), ("_timeout", "5000"), ("_topic_user", "bill")]);
    let message = Message::new("SomeInt", MessageType::Call);
    let written = frame.message(message, |w| 5_i64.encode(w)).unwrap();
    assert_eq!((written.len(), &written), (108, &bytes(EVENT)));
}

#[test]
fn the_smallest_frame_has_no_headers_and_no_message() {
    let frame = Frame::decode(bytes("00000005 00 00000000")).unwrap();
    assert!(frame.headers().is_empty() && frame.message().is_empty());
    assert_eq!(frame.operation_id(), None);
}

#[test]
fn what_is_no_frame_is_refused_by_name() {
    let refused = |hex| Frame::decode(bytes(hex)).unwrap_err();
    assert_eq!(refused(""), FrameError::Truncated { size: 0 });
    assert_eq!(refused("00000004 00 000000"), FrameError::Truncated { size: 8 });
    assert_eq!(refused("00000005 01 00000000"), FrameError::Version(1));
    assert_eq!(refused("00000005 00 00000001"), FrameError::Headers);
    assert_eq!(refused("00000005 00 ffffffff"), FrameError::Headers);
    assert_eq!(refused("0000000d 00 00000008 00000000 00000001"), FrameError::Headers);
    assert_eq!(refused("0000000e 00 00000009 00000001 ff 00000000"), FrameError::Utf8);
}

#[tokio::test]
async fn no_bytes_make_a_server_panic() {
    let whole = bytes(REQUEST);
    for end in 0..whole.len() {
        answer(whole.slice(..end), 1024).await;
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut altered = whole.to_vec();
            altered[at] ^= 1 << bit;
            let reply = answer(altered.into(), 1024).await;
            assert!(reply.is_none_or(|reply| reply.len() <= 1024));
        }
    }
}

#[tokio::test]
async fn a_reply_is_never_larger_than_the_transport_carries() {
    // The correlation id must be echoed, and alone is more than fits.
    let large = "c".repeat(2000);
    let frame = builder(&[("_opid", "7"), ("_cid", &large)]);
    let call = CalcRequest::Add { a: 2, b: 40 };
    let call = frame.message(Message::new("add", MessageType::Call), |w| call.encode(w)).unwrap();
    assert_eq!(answer(call.clone(), 1024).await, None);
    assert!(answer(call, 4096).await.is_some());
}
