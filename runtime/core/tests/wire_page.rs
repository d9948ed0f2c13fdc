//! The page about the wire says what the code does: its examples are read out of it, decoded, and written again, and its
//! numbers are the code's.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::time::Instant;

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse};
use thriftwood_core::call::{Handler, Inbound, Request, Response};
use thriftwood_core::codec::binary::{BinaryReader, BinaryWriter};
use thriftwood_core::codec::compact::{CompactReader, CompactWriter};
use thriftwood_core::codec::{MAX_DEPTH, Message, MessageType, Reader, TType, Wire, Writer};
use thriftwood_core::error::{ApplicationCode, ApplicationError};
use thriftwood_core::frame::{self, DEFAULT_MAX_FRAME, Frame, FrameBuilder, Headers};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire.md");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The bytes of the block that is fenced as `hex NAME`: digits, and a remark behind each `;`.
fn example(name: &str) -> Bytes {
    let page = page();
    let block = page.split(&format!("```hex {name}\n")).nth(1).unwrap_or_else(|| panic!("no example `{name}`"));
    let lines = block.lines().take_while(|line| *line != "```");
    let digits: Vec<u8> = lines
        .flat_map(|line| line.split(';').next().unwrap().bytes().filter(|byte| !byte.is_ascii_whitespace()))
        .collect();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    pairs.collect()
}

/// Checks that an example is a frame with these headers and this message, and that writing the same gives the same bytes.
fn check(name: &str, headers: &[(&str, &str)], message: Message<'_>, body: impl Fn(&mut BinaryWriter<'_>)) -> Frame {
    let bytes = example(name);
    let mut written = FrameBuilder::new();
    for (name, value) in headers {
        written.header(name, value);
    }
    assert_eq!(written.message(message, body).unwrap(), bytes, "{name}");
    let frame = Frame::decode(bytes).unwrap();
    assert_eq!(*frame.headers(), headers.iter().copied().collect::<Headers>(), "{name}");
    assert_eq!(BinaryReader::new(frame.message()).message().unwrap(), message, "{name}");
    frame
}

/// The value behind the envelope.
fn value<T: Wire>(frame: &Frame) -> T {
    let mut reader = BinaryReader::new(frame.message());
    reader.message().unwrap();
    T::decode(&mut reader).unwrap()
}

#[test]
fn the_example_of_a_call_is_what_a_client_writes() {
    let call = CalcRequest::Add { a: 2, b: 40 };
    let headers = [("_cid", "abc"), ("_opid", "7"), ("_timeout", "5000")];
    let frame = check("request", &headers, Message::new("add", MessageType::Call), |w| call.encode(w));
    let mut reader = BinaryReader::new(frame.message());
    reader.message().unwrap();
    assert_eq!(CalcRequest::decode("add", &mut reader).unwrap().unwrap(), call);
}

#[tokio::test]
async fn the_example_of_a_reply_is_what_a_server_answers_to_the_example_of_a_call() {
    let result = CalcResponse::Add(42);
    let headers = [("_opid", "7"), ("_cid", "abc")];
    check("reply", &headers, Message::new("add", MessageType::Reply), |w| result.encode(w));
    let (server, _strings) = Calc::server();
    let inbound = Inbound { frame: example("request"), received: Instant::now(), max_response: 1024, failure: None };
    assert_eq!(server.handle(inbound).await.unwrap(), example("reply"));
}

#[test]
fn the_example_of_an_exception_reads_as_one() {
    let exception =
        ApplicationError { message: "Unknown function nope".to_owned(), code: ApplicationCode::UNKNOWN_METHOD.0 };
    let headers = [("_opid", "7"), ("_cid", "abc")];
    let message = Message::new("nope", MessageType::Exception);
    let frame = check("exception", &headers, message, |w| exception.encode(w));
    assert_eq!(value::<ApplicationError>(&frame), exception);
}

#[test]
fn the_example_of_an_event_reads_as_one() {
    let headers = [("_cid", "abc"), ("_opid", "8"), ("_timeout", "5000"), ("_topic_user", "bill")];
    let message = Message::new("SomeInt", MessageType::Call);
    let frame = check("event", &headers, message, |w| w.write_i64(5));
    assert_eq!(value::<i64>(&frame), 5);
}

#[test]
fn the_example_of_a_call_in_compact_is_what_the_writer_writes() {
    let call = CalcRequest::Add { a: 2, b: 40 };
    let message = Message::new("add", MessageType::Call);
    let bytes = example("compact-request");
    let mut written = Vec::new();
    let w = &mut CompactWriter::new(&mut written);
    w.message(message);
    call.encode(w);
    assert_eq!(written, bytes);
    let mut reader = CompactReader::new(&bytes);
    assert_eq!(reader.message().unwrap(), message);
    assert_eq!(CalcRequest::decode("add", &mut reader).unwrap().unwrap(), call);
}

#[test]
fn the_example_of_fields_in_compact_is_what_the_writer_writes() {
    let bytes = example("compact-fields");
    let mut written = Vec::new();
    let w = &mut CompactWriter::new(&mut written);
    w.struct_begin();
    w.field_begin(1, TType::Bool);
    w.write_bool(true);
    w.field_begin(2, TType::Bool);
    w.write_bool(false);
    w.field_begin(30, TType::List);
    vec![-1, 1].encode(w);
    w.field_begin(5, TType::Map);
    w.map_begin(TType::I32, TType::I32, 0);
    w.field_begin(31, TType::Struct);
    w.struct_begin();
    w.field_begin(1, TType::Double);
    w.write_double(1.0);
    w.struct_end();
    w.struct_end();
    assert_eq!(written, bytes);
    let mut reader = CompactReader::new(&bytes);
    reader.skip(TType::Struct).unwrap();
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn the_numbers_and_names_of_the_page_are_those_of_the_code() {
    let page = page();
    let says = |text: &str| assert!(page.contains(text), "the page does not say {text:?}");
    let thousands = |n: usize| format!("{},{:03},{:03}", n / 1_000_000, n / 1000 % 1000, n % 1000);
    says(&format!("at most {} after N", thousands(DEFAULT_MAX_FRAME)));
    says(&format!("nesting beyond {MAX_DEPTH}"));
    for header in [frame::CORRELATION_ID, frame::OPERATION_ID, frame::TIMEOUT, frame::CANCEL] {
        says(&format!("| `{header}` |"));
    }
    says(&format!("| `{}NAME` |", frame::TOPIC_VARIABLE));
    let codes = [
        (ApplicationCode::UNKNOWN_METHOD, "unknown method"),
        (ApplicationCode::INTERNAL_ERROR, "internal error"),
        (ApplicationCode::PROTOCOL_ERROR, "protocol error"),
        (ApplicationCode::RESPONSE_TOO_LARGE, "response too large"),
        (ApplicationCode::OVERLOADED, "overloaded"),
    ];
    for (code, meaning) in codes {
        says(&format!("| {} | {meaning} |", code.0));
    }
    for (ttype, name) in [
        (TType::Bool, "bool"),
        (TType::I8, "byte"),
        (TType::Double, "double"),
        (TType::I16, "i16"),
        (TType::I32, "i32"),
        (TType::I64, "i64"),
        (TType::String, "string and binary"),
        (TType::Struct, "struct, union, exception"),
        (TType::Map, "map"),
        (TType::Set, "set"),
        (TType::List, "list"),
        (TType::Uuid, "uuid"),
    ] {
        assert!(page.replace('\n', " ").contains(&format!("{} {name}", ttype as u8)), "{name}");
    }
}
