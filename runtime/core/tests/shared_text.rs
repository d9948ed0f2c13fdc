//! Text that shares the memory of the message it is in: when it does, that it is the same text, and that it is checked.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod protocol;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use protocol::{Binary, Compact, Json, Protocol};
use thriftwood_core::bytestring::ByteString;
use thriftwood_core::codec::{DecodeErrorKind, Reader, TType, Wire, Writer};

/// One test for each protocol, of the generic function with the same name.
macro_rules! in_all {
    ($($name:ident)*) => {
        mod binary {
            $(#[test] fn $name() { super::$name::<super::Binary>(); })*
        }
        mod compact {
            $(#[test] fn $name() { super::$name::<super::Compact>(); })*
        }
        mod json {
            $(#[test] fn $name() { super::$name::<super::Json>(); })*
        }
    };
}

in_all! {
    all_text_of_a_short_message_shares_its_memory_and_of_a_long_one_only_what_is_long
    shared_text_is_written_and_read_as_owned_text_is
    text_that_is_not_utf8_is_refused_whether_it_would_share_or_not
}

/// A text, and other text that makes the message so long.
fn message<P: Protocol>(text: &str, least: usize) -> Bytes {
    Bytes::from(P::to_bytes(&vec![text.to_owned(), "x".repeat(least)]))
}

fn all_text_of_a_short_message_shares_its_memory_and_of_a_long_one_only_what_is_long<P: Protocol>() {
    for (length, others, shared) in
        [(1, 0, true), (63, 0, true), (63, 4000, true), (1, 4096, false), (63, 4096, false), (64, 4096, true)]
    {
        let text = "a".repeat(length);
        let message = message::<P>(&text, others);
        let read: Vec<ByteString> = P::from_bytes(&message).unwrap();
        assert_eq!(read[0], text);
        let is_inside = message.as_ptr_range().contains(&read[0].as_ptr());
        assert_eq!(is_inside, shared, "{length} bytes in a message of {}", message.len());
    }
}

fn shared_text_is_written_and_read_as_owned_text_is<P: Protocol>() {
    let owned: BTreeMap<String, Vec<String>> = BTreeMap::from([
        (String::new(), vec!["a".to_owned()]),
        ("\u{e9}\u{1f980} \"quoted\" \\ \n".to_owned(), vec!["x".repeat(100), String::new()]),
    ]);
    let bytes = Bytes::from(P::to_bytes(&owned));
    let shared: BTreeMap<ByteString, Vec<ByteString>> = P::from_bytes(&bytes).unwrap();
    assert_eq!(P::to_bytes(&shared), bytes);
    assert_eq!(P::from_bytes::<BTreeMap<String, Vec<String>>>(&bytes).unwrap(), owned);
    // It is found in a map by plain text.
    let counted = HashMap::from([(ByteString::from_static("a"), 1_i32)]);
    let read: HashMap<ByteString, i32> = P::from_bytes(&P::to_bytes(&counted).into()).unwrap();
    assert_eq!(read.get("a"), Some(&1));
    // Past it the reader is where it is past owned text.
    let pair = P::write(|w| {
        w.list_begin(TType::String, 2);
        w.write_string("\"first\"");
        w.write_string("second");
    });
    let mut r = P::reader(&pair);
    r.list_begin().unwrap();
    let (first, second) = (r.read_shared_string().unwrap(), r.read_string().unwrap());
    r.container_end();
    assert_eq!((&*first, &*second, r.remaining()), ("\"first\"", "second", 0));
}

fn text_that_is_not_utf8_is_refused_whether_it_would_share_or_not<P: Protocol>() {
    for (length, others) in [(1, 0), (80, 0), (1, 5000), (80, 5000)] {
        let good = message::<P>(&"#".repeat(length), others);
        let at = good.iter().rposition(|byte| *byte == b'#').unwrap();
        for wrong in [0xff, 0x80, 0xc3] {
            let mut bad = good.to_vec();
            bad[at] = wrong;
            let error = P::from_bytes::<Vec<ByteString>>(&bad.clone().into()).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Utf8, "{wrong:#x} in {length} bytes");
            assert_eq!(error, P::from_bytes::<Vec<String>>(&bad.into()).unwrap_err());
        }
        let cut = good.slice(..at);
        let error = P::from_bytes::<Vec<ByteString>>(&cut).unwrap_err();
        assert_eq!(error, P::from_bytes::<Vec<String>>(&cut).unwrap_err(), "cut inside of the text");
    }
}

#[test]
fn text_with_escapes_in_json_has_memory_of_its_own() {
    let message = Bytes::from_static(br#"["str",2,"a\u00e9b","plain"]"#);
    let read: Vec<ByteString> = Json::from_bytes(&message).unwrap();
    assert_eq!((&*read[0], &*read[1]), ("a\u{e9}b", "plain"));
    let is_inside = |text: &ByteString| message.as_ptr_range().contains(&text.as_ptr());
    assert_eq!((is_inside(&read[0]), is_inside(&read[1])), (false, true));
    let bad = Bytes::from_static(br#"["str",1,"\ud800"]"#);
    assert_eq!(Json::from_bytes::<Vec<ByteString>>(&bad).unwrap_err().kind(), DecodeErrorKind::Utf8);
}

#[test]
fn whichever_reader_is_chosen_at_run_time_shares_too() {
    for protocol in thriftwood_core::codec::Protocol::ALL {
        let message = Bytes::from(protocol.to_bytes(&vec!["a".to_owned()]));
        let read: Vec<ByteString> = protocol.from_bytes(&message).unwrap();
        assert!(message.as_ptr_range().contains(&read[0].as_ptr()), "{protocol}");
        assert_eq!(<ByteString as Wire>::TYPE, TType::String);
    }
}
