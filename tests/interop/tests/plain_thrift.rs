//! Messages of plain Apache Thrift, without Frugal's frame: read as generated types and written again as they were.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use bytes::Bytes;
use thriftwood::call::{Request, Response};
use thriftwood::codec::{AnyReader, AnyWriter, MessageType, Protocol, Reader, Wire};
use thriftwood::error::ApplicationError;
use thriftwood_interop::capture::{hex, records};
use thriftwood_interop::idl::calc::{CalcRequest, P};

/// One message: what was done, from whom, in which protocol, and its bytes without the frame's size.
struct Plain {
    what: String,
    call: bool,
    protocol: Protocol,
    message: Bytes,
}

fn plain() -> Vec<Plain> {
    let read = |record: &serde_json::Value| {
        let text = |name: &str| record[name].as_str().unwrap();
        let mut bytes = Bytes::from(hex(text("hex")));
        let (framing, protocol) = text("transport").split_once(' ').unwrap();
        if framing == "framed" {
            let size = bytes.split_to(4);
            assert_eq!(u32::from_be_bytes(size[..].try_into().unwrap()) as usize, bytes.len());
        }
        let protocol = Protocol::ALL.into_iter().find(|named| protocol.starts_with(named.name())).unwrap();
        let call = text("direction") == "client->server";
        Plain { what: text("description").to_owned(), call, protocol, message: bytes }
    };
    records(include_str!("../data/captures/plain-thrift-py.json")).iter().map(read).collect()
}

/// The struct that is sent and comes back.
fn echoed() -> P {
    P {
        x: 7,
        s: Some("h\u{e9}".to_owned()),
        l: vec![1, -2, 1 << 40],
        m: [("k".to_owned(), true)].into(),
        d: 2.5,
        b: Bytes::from_static(&[0, 0xff]),
        st: [3].into(),
        t: -5,
    }
}

/// A message and what it was, in words; the words leave out fields that Python left out.
fn reads(plain: &Plain, call: &mut Option<CalcRequest>) -> (String, Option<Vec<u8>>) {
    let mut r = AnyReader::new(plain.protocol, &plain.message);
    let envelope = r.message().unwrap();
    assert_eq!((Protocol::of(&plain.message), envelope.sequence), (plain.protocol, 0), "{}", plain.what);
    let mut again = Vec::new();
    let mut w = AnyWriter::new(plain.protocol, &mut again);
    w.message(envelope);
    let said = match (envelope.kind, &*call) {
        (MessageType::Call | MessageType::Oneway, _) => {
            let read = call.insert(CalcRequest::decode(envelope.name, &mut r).unwrap().unwrap());
            read.encode(&mut w);
            format!("{read:?}")
        }
        (MessageType::Reply, Some(call)) => {
            let response = call.decode_response(&mut r).unwrap();
            response.encode(&mut w);
            format!("{response:?}")
        }
        (MessageType::Exception, _) => {
            let exception = ApplicationError::decode(&mut r).unwrap();
            exception.encode(&mut w);
            format!("{exception:?}")
        }
        (kind, None) => panic!("{kind:?} without a call"),
    };
    assert_eq!(r.remaining(), 0, "{}", plain.what);
    // The call that ends in a declared exception has one field set.
    let whole = !(plain.call && plain.what.ends_with("declared exception"));
    (said, whole.then_some(again))
}

#[test]
fn every_message_is_read_and_written_again_as_it_was() {
    let (mut call, mut written, mut echoes) = (None, 0, 0);
    let all = plain();
    assert_eq!(all.len(), 72);
    for plain in &all {
        let (said, again) = reads(plain, &mut call);
        if let Some(again) = again {
            assert_eq!(again, plain.message[..], "{} {}: {said}", plain.protocol, plain.what);
            written += 1;
        }
        if plain.what.ends_with("echo struct") {
            assert!(said.contains(&format!("{:?}", echoed())), "{said}");
            echoes += 1;
        }
        if plain.what.ends_with("undeclared error") && !plain.call {
            assert_eq!(said, r#"ApplicationError { message: "Internal error", code: 6 }"#);
        }
    }
    // Eight ways of sending five calls, of which one is answered by nothing.
    assert_eq!((written, echoes), (72 - 8, 16));
}
