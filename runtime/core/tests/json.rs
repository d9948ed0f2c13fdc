//! The JSON protocol, byte by byte: what is written, what of other peers' ways is read too, and what is refused by name.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod protocol;
mod rich;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use bytes::Bytes;
use protocol::Protocol as _;
use rich::{Rich, rich};
use thriftwood_core::codec::json::{JsonReader, JsonWriter, from_bytes, to_bytes};
use thriftwood_core::codec::{
    AnyReader, AnyWriter, DecodeErrorKind, MAX_DEPTH, Message, MessageType, Protocol, Reader, TType, UnknownField,
    Wire, Writer,
};

fn read<T: Wire>(text: &str) -> Result<T, DecodeErrorKind> {
    from_bytes(&Bytes::copy_from_slice(text.as_bytes())).map_err(|error| error.kind())
}

/// Every value is written as this text, and read from it.
fn both_ways<T: Wire + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(String::from_utf8(to_bytes(value)).unwrap(), text, "{value:?}");
    assert_eq!(read::<T>(text).as_ref(), Ok(value));
}

/// Several texts that other peers write for the same value.
fn all_read<T: Wire + PartialEq + Debug>(value: &T, texts: &[&str]) {
    for text in texts {
        assert_eq!(read::<T>(text).as_ref(), Ok(value), "{text}");
    }
}

#[test]
fn numbers_are_themselves_and_bools_are_numbers() {
    both_ways(&true, "1");
    both_ways(&false, "0");
    both_ways(&i8::MIN, "-128");
    both_ways(&i64::MIN, "-9223372036854775808");
    both_ways(&-0.0_f64, "-0");
    both_ways(&3.25_f64, "3.25");
    both_ways(&1.0_f64, "1");
    both_ways(&1e20_f64, "100000000000000000000");
    both_ways(&1e21_f64, "1e21");
    both_ways(&-1.5e-7_f64, "-1.5e-7");
    both_ways(&0.1_f64, "0.1");
    both_ways(&f64::MAX, "1.7976931348623157e308");
    both_ways(&f64::INFINITY, "\"Infinity\"");
    both_ways(&f64::NEG_INFINITY, "\"-Infinity\"");
    assert_eq!(to_bytes(&f64::NAN), b"\"NaN\"");
    all_read(&true, &["true", "\"1\"", "7"]);
    all_read(&false, &["false", "\"0\"", "-0"]);
    all_read(&12_i32, &["+12", "\"12\"", " 12", "0012"]);
    all_read(&0.1_f64, &["0.10000000000000001", "\"0.1\"", "1e-1", "1E-01", "+.1"]);
    all_read(&f64::INFINITY, &["inf", "\"inf\"", "Infinity", "1e999"]);
    assert!(read::<f64>("nan").unwrap().is_nan());
}

#[test]
fn text_is_escaped_where_it_must_be_and_read_however_it_is() {
    both_ways(&"".to_owned(), r#""""#);
    both_ways(&"a/\"\\\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}".to_owned(), "\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\"");
    both_ways(&"h\u{e9} \u{2028} \u{1f980} <&>".to_owned(), "\"h\u{e9} \u{2028} \u{1f980} <&>\"");
    // Go escapes what HTML minds, C++ and PHP the slash, and whoever is careful all beyond ASCII; Python no control character.
    all_read(&"<\u{2028}>/".to_owned(), &[r#""\u003c\u2028\u003E\/""#, "\"<\u{2028}>/\""]);
    all_read(&"\u{1f980}!".to_owned(), &[r#""\ud83e\udd80!""#, r#""\uD83E\uDD80\u0021""#]);
    all_read(&"\0\u{1f}".to_owned(), &["\"\0\u{1f}\""]);
    for lone in [r#""\ud83e""#, r#""\udd80\ud83e""#, r#""\ud83ex""#, r#""\ud83e\u0041""#] {
        assert_eq!(read::<String>(lone), Err(DecodeErrorKind::Utf8), "{lone}");
    }
    assert_eq!(read::<String>(r#""\x""#), Err(DecodeErrorKind::Syntax("one of JSON's escapes behind `\\`")));
    assert_eq!(read::<String>(r#""\u12""#), Err(DecodeErrorKind::Syntax("four hexadecimal digits behind `\\u`")));
    assert_eq!(read::<String>(r#""\u+123""#), Err(DecodeErrorKind::Syntax("four hexadecimal digits behind `\\u`")));
    let latin = Bytes::from_static(b"\"\xe9\"");
    assert_eq!(from_bytes::<String>(&latin).unwrap_err().kind(), DecodeErrorKind::Utf8);
}

#[test]
fn binary_is_base64_with_its_padding_or_without() {
    both_ways(&Bytes::new(), r#""""#);
    both_ways(&Bytes::from_static(&[0, 1, 2, 0xfe, 0xff]), r#""AAEC/v8=""#);
    both_ways(&Bytes::from_static(&[0xff]), r#""/w==""#);
    all_read(&Bytes::from_static(&[0xff]), &[r#""/w""#, r#""\/w==""#, r#""\u002fw=""#]);
    assert_eq!(read::<Bytes>(r#""a""#), Err(DecodeErrorKind::Syntax("base64")));
    assert_eq!(read::<Bytes>(r#""_w==""#), Err(DecodeErrorKind::Syntax("base64")));
    let id = *b"\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
    both_ways(&id, r#""00112233-4455-6677-8899-aabbccddeeff""#);
    all_read(&id, &[r#""{00112233-4455-6677-8899-AABBCCDDEEFF}""#, r#""00112233445566778899aabbccddeeff""#]);
    assert_eq!(read::<[u8; 16]>(r#""+0112233445566778899aabbccddeeff""#), Err(DecodeErrorKind::Syntax("a uuid")));
}

#[test]
fn containers_say_type_and_count_first_and_keys_that_are_numbers_wear_quotes() {
    both_ways(&Vec::<i32>::new(), r#"["i32",0]"#);
    both_ways(&vec![1_i32, -1], r#"["i32",2,1,-1]"#);
    both_ways(&BTreeSet::from(["a".to_owned()]), r#"["set",1,"a"]"#.replace("set", "str").as_str());
    both_ways(&BTreeMap::<String, i64>::new(), r#"["str","i64",0,{}]"#);
    both_ways(&BTreeMap::from([(1_i16, true), (2, false)]), r#"["i16","tf",2,{"1":1,"2":0}]"#);
    both_ways(&BTreeMap::from([(true, vec![[7_u8; 16]; 0])]), r#"["tf","lst",1,{"1":["uid",0]}]"#);
    let deep = BTreeMap::from([(5, vec![vec![true], vec![]]), (6, vec![])]);
    both_ways(&deep, r#"["i32","lst",2,{"5":["lst",2,["tf",1,1],["tf",0]],"6":["lst",0]}]"#);
    // A key that is a container is no JSON, and what every library writes.
    both_ways(&BTreeMap::from([(vec![1_i8], 2_i8)]), r#"["lst","i8",1,{["i8",1,1]:2}]"#);
    all_read(&deep, &["[ \"i32\" , \"lst\",2,\t{5:[\"lst\",2,[\"tf\",1,true],[\"tf\",0 ] ],\n\"6\" : [\"xyz\",0]} ]"]);
    let wrong = DecodeErrorKind::ElementType { expected: TType::I32, found: TType::I64 };
    assert_eq!(read::<Vec<i32>>(r#"["i64",1,1]"#), Err(wrong));
}

#[test]
fn a_struct_is_read_and_written_again_whatever_is_in_it() {
    let value = Rich { child: None, ..rich() };
    let text = String::from_utf8(to_bytes(&value)).unwrap();
    assert!(text.starts_with(r#"{"1":{"tf":1},"2":{"i8":-128},"3":{"i16":-300},"#), "{text}");
    assert!(text.ends_with(r#""-15":{"map":["i32","lst",2,{"5":["tf",2,1,0],"6":["tf",0]}]}}"#), "{text}");
    assert_eq!(to_bytes(&read::<Rich>(&text).unwrap()), text.as_bytes());
    let bytes = Bytes::from(to_bytes(&rich()));
    let again = from_bytes::<Rich>(&bytes).unwrap();
    assert_eq!(to_bytes(&again), bytes[..]);
    assert_eq!(read::<Rich>("{}").unwrap(), Rich::default());
    assert_eq!(read::<Rich>(r#" { "7" : { "str" : "x" } , "99":{"rec":{"1":{"str":"?"}}} } "#).unwrap().s, "x");
}

#[test]
fn what_is_not_the_value_is_refused_by_name_and_place() {
    let wrong = |text: &str| {
        let error = from_bytes::<Rich>(&Bytes::copy_from_slice(text.as_bytes())).unwrap_err();
        (error.kind(), error.offset())
    };
    assert_eq!(wrong("[]"), (DecodeErrorKind::Syntax("`{`"), 0));
    assert_eq!(wrong(r#"{"1":{"tf":1},}"#).0, DecodeErrorKind::Syntax("a whole number"));
    assert_eq!(wrong(r#"{"1":{"tf":1}"2":{"tf":1}}"#), (DecodeErrorKind::Syntax("`,`"), 13));
    assert_eq!(wrong(r#"{"x":{"tf":1}}"#).0, DecodeErrorKind::Syntax("a whole number"));
    assert_eq!(wrong(r#"{"40000":{"tf":1}}"#).0, DecodeErrorKind::FieldId);
    let name = DecodeErrorKind::Syntax("the name of a type, such as \"i32\" or \"rec\"");
    assert_eq!(wrong(r#"{"1":{"int":1}}"#).0, name);
    assert_eq!(wrong(r#"{"2":{"i8":128}}"#).0, DecodeErrorKind::Varint);
    assert_eq!(wrong(r#"{"5":{"i64":9223372036854775808}}"#).0, DecodeErrorKind::Varint);
    assert_eq!(wrong(r#"{"4":{"i32":1.5}}"#).0, DecodeErrorKind::Syntax("a whole number"));
    assert_eq!(wrong(r#"{"6":{"dbl":}}"#).0, DecodeErrorKind::Syntax("a number"));
    assert_eq!(wrong(r#"{"10":{"lst":["i32",2,1]}}"#).0, DecodeErrorKind::Syntax("`,`"));
    assert_eq!(wrong(r#"{"10":{"lst":["i32",1,1,2]}}"#).0, DecodeErrorKind::Syntax("`]`"));
    assert_eq!(wrong(r#"{"10":{"lst":["i32",-1]}}"#).0, DecodeErrorKind::Length(-1));
    assert_eq!(wrong(r#"{"10":{"lst":["i32",2000000000,1]}}"#).0, DecodeErrorKind::Length(2_000_000_000));
    assert_eq!(wrong(r#"{"14":{"map":["str","i64",1,{"a":1]}}"#).0, DecodeErrorKind::Syntax("`}`"));
    let error = from_bytes::<Rich>(&Bytes::from_static(b"[]")).unwrap_err();
    assert_eq!(error.to_string(), "the JSON protocol expects `{` here (at byte 0)");
}

/// Two changes at once, which a change of every byte by itself never makes: a string that ends early and goes on elsewhere.
#[test]
fn changed_at_random_it_is_read_as_something_or_refused_and_never_takes_the_reader_apart() {
    let whole = to_bytes(&rich());
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let marks = b"\"\\[]{},:0123456789-+.eE tfiusrclmd\0\xff";
    let mut readable = 0;
    for round in 0..10_000 {
        let mut text = whole.clone();
        for _ in 0..=random(3) {
            let at = random(text.len());
            match random(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, marks[random(marks.len())]),
                2 => text[at] = marks[random(marks.len())],
                _ => {
                    let piece = text[at..text.len().min(at + random(40))].to_vec();
                    let to = random(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        let bytes = Bytes::from(text);
        let mut r = JsonReader::new(&bytes);
        if let Ok(value) = Rich::decode(&mut r) {
            assert!(r.offset() <= bytes.len(), "round {round}");
            let again = Bytes::from(to_bytes(&value));
            assert_eq!(to_bytes(&from_bytes::<Rich>(&again).unwrap()), again[..], "round {round}");
            readable += 1;
        }
        let skipped = JsonReader::new(&bytes).skip(TType::Struct).is_ok();
        let kept = UnknownField::decode(1, TType::Struct, &mut JsonReader::new(&bytes)).is_ok();
        assert_eq!(skipped, kept, "round {round}");
    }
    assert!((500..5_000).contains(&readable), "{readable} were readable: the changes say little");
}

#[test]
fn nesting_is_bounded() {
    fn nested(depth: usize) -> Result<(), DecodeErrorKind> {
        let text = r#"["lst",1,"#.repeat(depth - 1) + r#"["lst",0]"# + &"]".repeat(depth - 1);
        JsonReader::new(&text.into()).skip(TType::List).map_err(|error| error.kind())
    }
    assert_eq!(nested(MAX_DEPTH as usize), Ok(()));
    assert_eq!(nested(MAX_DEPTH as usize + 1), Err(DecodeErrorKind::Depth));
    // What was left is not counted any more.
    let wide = r#"["lst",200,"#.to_owned() + &vec![r#"["rec",1,{}]"#; 200].join(",") + "]";
    JsonReader::new(&wide.into()).skip(TType::List).unwrap();
}

#[test]
fn the_envelope_is_read_and_written() {
    let message = |text: &str| {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let mut r = JsonReader::new(&bytes);
        let message = r.message().map_err(|error| error.kind())?;
        let (name, kind, sequence) = (message.name.to_owned(), message.kind, message.sequence);
        r.skip(TType::Struct).map_err(|error| error.kind())?;
        Ok((name, kind, sequence, r.remaining()))
    };
    let mut written = Vec::new();
    let mut w = JsonWriter::new(&mut written);
    w.message(Message::new("add", MessageType::Call).with_sequence(-7));
    w.struct_begin();
    w.field_begin(1, TType::I32);
    w.write_i32(2);
    w.struct_end();
    let add = r#"[1,"add",1,-7,{"1":{"i32":2}}]"#;
    assert_eq!(String::from_utf8(written).unwrap(), add);
    assert_eq!(message(add), Ok(("add".to_owned(), MessageType::Call, -7, 0)));
    assert_eq!(message("[1 , \"n\",4,0,{ } ]x"), Ok(("n".to_owned(), MessageType::Oneway, 0, 1)));
    for end in 0..add.len() {
        assert_eq!(message(&add[..end]), Err(DecodeErrorKind::Truncated), "cut at {end}");
    }
    assert_eq!(message(r#"[2,"add",1,0,{}]"#), Err(DecodeErrorKind::Version(2)));
    assert_eq!(message(r#"[1,"add",5,0,{}]"#), Err(DecodeErrorKind::MessageType(5)));
    assert_eq!(message(r#"[1,"\u0061dd",1,0,{}]"#), Err(DecodeErrorKind::Syntax("a name without escapes")));
}

#[test]
fn unknown_fields_are_passed_on_as_the_text_they_were() {
    let text = r#"{"1":{"str":"AAEC/v8="},"2":{"str":"\n"},"3":{"map":["i8","rec",1,{"1":{"1":{"tf":1}}}]}}"#;
    let field = UnknownField::decode(9, TType::Struct, &mut JsonReader::new(&text.into())).unwrap();
    let mut again = Vec::new();
    let mut w = JsonWriter::new(&mut again);
    w.struct_begin();
    field.encode(&mut w);
    w.struct_end();
    assert_eq!(String::from_utf8(again).unwrap(), format!(r#"{{"9":{{"rec":{text}}}}}"#));
    // From binary, where nobody can tell them apart: text where it is text, base64 where it cannot be.
    let field = |value: &'static [u8]| {
        let bytes = Bytes::from(protocol::Binary::to_bytes(&Bytes::from_static(value)));
        let field = UnknownField::decode(1, TType::String, &mut protocol::Binary::reader(&bytes)).unwrap();
        let mut written = Vec::new();
        let mut w = JsonWriter::new(&mut written);
        w.struct_begin();
        field.encode(&mut w);
        w.struct_end();
        String::from_utf8(written).unwrap()
    };
    assert_eq!(field(b"text"), r#"{"1":{"str":"text"}}"#);
    assert_eq!(field(b"\xff"), r#"{"1":{"str":"/w=="}}"#);
}

#[test]
fn a_protocol_named_at_run_time_reads_and_writes_the_same_bytes() {
    fn same<P: protocol::Protocol>(named: Protocol) {
        assert_eq!(named.name(), P::NAME);
        let bytes = Bytes::from(named.to_bytes(&rich()));
        assert_eq!(bytes, P::to_bytes(&rich()));
        assert_eq!(named.to_bytes(&named.from_bytes::<Rich>(&bytes).unwrap()), bytes[..]);
        let mut message = Vec::new();
        let mut w = AnyWriter::new(named, &mut message);
        let envelope = Message::new("add", MessageType::Reply).with_sequence(i32::MIN);
        w.message(envelope);
        rich().encode(&mut w);
        assert!(w.is_sound());
        let message = Bytes::from(message);
        assert_eq!(Protocol::of(&message), named);
        let mut r = AnyReader::new(named, &message);
        assert_eq!(r.message().unwrap(), envelope);
        Rich::decode(&mut r).unwrap();
        assert_eq!(r.remaining(), 0);
        assert_eq!(P::read_message(&message).unwrap(), envelope);
        // A broken one is still known by its start, and an old binary one too.
        assert_eq!(Protocol::of(&message[..1]), named);
    }
    same::<protocol::Binary>(Protocol::Binary);
    same::<protocol::Compact>(Protocol::Compact);
    same::<protocol::Json>(Protocol::Json);
    assert_eq!(Protocol::of(&[]), Protocol::Binary);
    assert_eq!(Protocol::of(&[0, 0, 0, 3, b'a', b'd', b'd', 1]), Protocol::Binary);
}
