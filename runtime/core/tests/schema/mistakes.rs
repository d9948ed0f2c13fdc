//! What is no value of its type is refused, with the place and with what to do about it.

use bytes::Bytes;
use thriftwood_core::codec::DecodeErrorKind;
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::schema::json::{self, JsonErrorKind};
use thriftwood_core::schema::{Field, Struct, StructKind, Type, Value};

use crate::support::{ALBUM, CHOICE, FORMAT, TRACK, parse};

/// A text, what is wrong with it, and what is said.
const MISTAKES: &[(&str, JsonErrorKind, &str)] = &[
    (
        r#"{"asin": "B", "tracks": [{"title": "a"}, {"title": "b"}, {"title": "c", "durration": 1}]}"#,
        JsonErrorKind::UnknownField,
        "tracks[2].durration: `Track` has no such field, did you mean `duration`?",
    ),
    (
        r#"{"asin": "B", "tracks": [{"title": "a", "year": 1959}]}"#,
        JsonErrorKind::UnknownField,
        "tracks[0].year: `Track` has no such field; it has `title`, `duration`",
    ),
    (r#"{"tracks": []}"#, JsonErrorKind::MissingField, "required field `asin` of `Album` is absent"),
    (
        r#"{"asin": "B", "tracks": [{}]}"#,
        JsonErrorKind::MissingField,
        "tracks[0]: required field `title` of `Track` is absent",
    ),
    (r#"{"asin": null}"#, JsonErrorKind::MissingField, "required field `asin` of `Album` is absent"),
    (r#"{"asin": "B", "asin": "C"}"#, JsonErrorKind::Duplicate, "asin: the field is given twice"),
    (r#"{"asin": 7}"#, JsonErrorKind::Type, "asin: the number 7 is not a string"),
    (r#"{"asin": "B", "flags": [1, 128]}"#, JsonErrorKind::Type, "flags[1]: 128 is out of the range of i8"),
    (r#"{"asin": "B", "flags": [1.5]}"#, JsonErrorKind::Type, "flags[0]: the number 1.5 is not a whole number (i8)"),
    (r#"{"asin": "B", "flags": {}}"#, JsonErrorKind::Type, "flags: an object is not an array (set<i8>)"),
    (r#"{"asin": "B", "tracks": [[]]}"#, JsonErrorKind::Type, "tracks[0]: an array is not an object (Track)"),
    (
        r#"{"asin": "B", "tracks": [null]}"#,
        JsonErrorKind::Type,
        "tracks[0]: invalid type: null, expected an object (Track)",
    ),
    (
        r#"{"asin": "B", "format": "VINIL"}"#,
        JsonErrorKind::Type,
        "format: enum Format has no value \"VINIL\", did you mean `VINYL`?",
    ),
    (
        r#"{"asin": "B", "sold": {"CD": 1, "TAPE": 2}}"#,
        JsonErrorKind::Type,
        "sold[\"TAPE\"]: as a key, enum Format has no value \"TAPE\"",
    ),
    (
        r#"{"asin": "B", "sold": {"CD": "many"}}"#,
        JsonErrorKind::Type,
        "sold[\"CD\"]: \"many\" is not a whole number (i64)",
    ),
    (
        r#"{"asin": "B", "by_track": [{"key": {"title": "a"}}]}"#,
        JsonErrorKind::MissingField,
        "by_track[0]: an entry of the map must have both \"key\" and \"value\"",
    ),
    (r#"{"asin": "B", "cover": "?"}"#, JsonErrorKind::Type, "cover: \"?\" is not a string in Base64 (binary)"),
    (
        r#"{"asin": "B", "id": "f81d4fae"}"#,
        JsonErrorKind::Type,
        "id: \"f81d4fae\" is not a string like f81d4fae-7dec-41d0-a765-00a0c91e6bf6 (uuid)",
    ),
    (r#"{"asin": "B", "rating": "nan"}"#, JsonErrorKind::Type, "rating: \"nan\" is not a number (double)"),
    (
        r#"{"asin": "B", "choice": {"number": 1, "many": []}}"#,
        JsonErrorKind::Union,
        "choice: union `Choice` must have exactly one field set, not 2",
    ),
    ("{\"asin\": \"B\",\n  oops}", JsonErrorKind::Syntax, "not JSON: key must be a string (line 2, column 3)"),
    ("{\"asin\": \"B\"} 1", JsonErrorKind::Syntax, "not JSON: trailing characters (line 1, column 15)"),
    ("", JsonErrorKind::Syntax, "not JSON: EOF while parsing a value (line 1, column 0)"),
];

#[test]
fn every_mistake_says_where_it_is_and_what_to_do() {
    for (text, kind, said) in MISTAKES {
        let error = parse(Type::Struct(&ALBUM), text).expect_err(text);
        assert_eq!((error.to_string().as_str(), error.kind()), (*said, *kind), "{text}");
    }
}

#[test]
fn a_name_that_is_a_novel_is_cut_in_the_message() {
    let text = format!("{{\"{}\": 1}}", "x\u{1b}".repeat(1000));
    let said = parse(Type::Struct(&TRACK), &text).unwrap_err().to_string();
    assert!(said.len() < 400 && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn nesting_without_end_is_refused_both_ways() {
    let text = format!("{}{}", "{\"many\":[".repeat(40), "]}".repeat(40));
    assert_eq!(parse(Type::Struct(&CHOICE), &text).unwrap_err().kind(), JsonErrorKind::Depth);
    let deep = "{\"many\":[".repeat(100_000);
    parse(Type::Struct(&CHOICE), &deep).unwrap_err();
    let bytes = Bytes::from([15, 0, 2, 12, 0, 0, 0, 1].repeat(1000));
    let error = json::print(Type::Struct(&CHOICE), &mut BinaryReader::new(&bytes)).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Depth);
}

#[test]
fn a_default_that_goes_on_forever_is_refused() {
    static ENDLESS: Struct = Struct::new(
        "Endless",
        StructKind::Struct,
        &[Field::new(1, "again", Type::Struct(&ENDLESS)).with_default("{}")],
    );
    assert_eq!(parse(Type::Struct(&ENDLESS), "{}").unwrap_err().kind(), JsonErrorKind::Depth);
}

#[test]
fn a_small_text_does_not_become_a_large_value() {
    static LARGE: Struct = Struct::new(
        "Large",
        StructKind::Struct,
        &[Field::new(1, "text", Type::String).with_default(include_str!("large.json"))],
    );
    let text = format!("[{}{{}}]", "{},".repeat(200_000));
    static MANY: Type = Type::Struct(&LARGE);
    let error = Value::from_json(Type::List(&MANY), &text).unwrap_err();
    assert_eq!(error.kind(), JsonErrorKind::Memory);
}

#[test]
fn a_small_message_does_not_become_a_large_text() {
    static NAMED: Struct =
        Struct::new("Named", StructKind::Struct, &[Field::new(1, include_str!("large.json"), Type::Bool)]);
    let element = [2, 0, 1, 1, 0];
    let bytes = [&[12, 0, 3, 0, 0][..], &element.repeat(0x0003_0000)].concat();
    static MANY: Type = Type::Struct(&NAMED);
    let error = json::print(Type::List(&MANY), &mut BinaryReader::new(&bytes.into())).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Memory);
}

#[test]
fn bytes_that_are_no_such_value_are_refused() {
    let refused = |ty, bytes: &'static [u8]| {
        json::print(ty, &mut BinaryReader::new(&Bytes::from_static(bytes))).unwrap_err().kind()
    };
    assert_eq!(
        refused(Type::Struct(&TRACK), &[0]),
        DecodeErrorKind::MissingField { structure: "Track", field: "title" }
    );
    assert_eq!(refused(Type::Struct(&CHOICE), &[0]), DecodeErrorKind::Union { union: "Choice" });
    assert_eq!(refused(Type::Enum(&FORMAT), &[0, 0]), DecodeErrorKind::Truncated);
    assert!(matches!(
        refused(Type::List(&Type::I8), &[11, 0, 0, 0, 1, 0, 0, 0, 0]),
        DecodeErrorKind::ElementType { .. }
    ));
}

#[test]
fn no_text_makes_it_panic() {
    let sound =
        r#"{"asin":"B","tracks":[{"title":"x"}],"sold":{"CD":3},"by_track":[{"key":{"title":"a"},"value":true}]}"#;
    for cut in 0..sound.len() {
        parse(Type::Struct(&ALBUM), &sound[..cut]).unwrap_err();
        for other in ['"', '{', '}', '[', ']', ':', ',', '0', 'n', '\u{0}'] {
            let mut text = sound.to_owned();
            text.replace_range(cut..=cut, &other.to_string());
            let _ = parse(Type::Struct(&ALBUM), &text);
        }
    }
}
