//! What goes through JSON comes out as the same bytes.

use thriftwood_core::codec::compact::{CompactReader, CompactWriter};
use thriftwood_core::codec::{Wire, binary};
use thriftwood_core::schema::json::{self, Answer};
use thriftwood_core::schema::{Field, Struct, StructKind, Type, Value};

use crate::random::Random;
use crate::rich;
use crate::support::{ALBUM, CHOICE, FORMAT, TRACK, bytes, parse, print};

static RICH: Struct = Struct::new(
    "Rich",
    StructKind::Struct,
    &[
        Field::new(1, "b", Type::Bool),
        Field::new(2, "i8f", Type::I8),
        Field::new(3, "i16f", Type::I16),
        Field::new(4, "i32f", Type::I32),
        Field::new(5, "i64f", Type::I64),
        Field::new(6, "d", Type::Double),
        Field::new(7, "s", Type::String),
        Field::new(8, "bin", Type::Binary),
        Field::new(9, "id", Type::Uuid),
        Field::new(10, "list", Type::List(&Type::I32)),
        Field::new(11, "strings", Type::List(&Type::String)),
        Field::new(12, "set", Type::Set(&Type::String)),
        Field::new(13, "doubles", Type::Set(&Type::Double)),
        Field::new(14, "map", Type::Map(&Type::String, &Type::I64)),
        Field::new(-15, "nested", Type::Map(&Type::I32, &Type::List(&Type::Bool))),
        Field::optional(i16::MAX, "child", Type::Struct(&RICH)),
    ],
);

#[test]
fn a_typed_value_goes_through_json_and_comes_out_as_the_same_bytes() {
    let value = rich::rich();
    let there = binary::to_bytes(&value).into();
    let printed = print(Type::Struct(&RICH), &there);
    assert!(printed.unknown.is_empty(), "{printed:?}");
    let back = parse(Type::Struct(&RICH), &printed.json).unwrap();
    assert_eq!(back, there, "{}", printed.json);
    assert_eq!(rich::Rich::decode(&mut binary::BinaryReader::new(&back)).unwrap().s, value.s);
}

#[test]
fn any_value_of_any_type_goes_through_json_in_any_protocol() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let ty = random.ty(4);
        let value = random.value(ty);
        let there = bytes(&value);
        let printed = print(ty, &there);
        let back = parse(ty, &printed.json).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", printed.json));
        assert_eq!(back, there, "seed {seed}: {ty}\n{}", printed.json);
        let mut compact = Vec::new();
        value.encode(&mut CompactWriter::new(&mut compact));
        let again = json::print(ty, &mut CompactReader::new(&compact.into())).unwrap();
        assert_eq!(again, printed, "seed {seed}");
        // What any other parser of JSON makes of it.
        serde_json::from_str::<serde::de::IgnoredAny>(&printed.json).unwrap();
    }
}

#[test]
fn the_form_is_the_one_of_the_page() {
    let text = r#"{"asin":"B000","tracks":[{"title":"So What","duration":562}],"format":"VINYL","cover":"AAH/","#
        .to_owned()
        + r#""sold":{"CD":3,"7":-1},"by_track":[{"key":{"title":"a","duration":180},"value":true}],"rating":"NaN","#
        + r#""id":"f81d4fae-7dec-41d0-a765-00a0c91e6bf6","choice":{"many":[{"number":1}]},"flags":[-1,2]}"#;
    let there = parse(Type::Struct(&ALBUM), &text).unwrap();
    assert_eq!(print(Type::Struct(&ALBUM), &there).json, text);
}

#[test]
fn what_is_not_given_has_its_default_unless_it_is_optional() {
    let album = parse(Type::Struct(&ALBUM), r#" {"tracks": [{"title": "x"}], "asin": "B", "cover": null} "#).unwrap();
    let expected = r#"{"asin":"B","tracks":[{"title":"x","duration":180}],"format":"CD"}"#;
    assert_eq!(print(Type::Struct(&ALBUM), &album).json, expected);
}

#[test]
fn numbers_are_read_from_text_and_enums_from_numbers() {
    let number = |text| Value::from_json(Type::I64, text).unwrap();
    assert_eq!(number("\"9007199254740993\""), Value::I64(9_007_199_254_740_993));
    assert_eq!(number("-9223372036854775808"), Value::I64(i64::MIN));
    for text in ["2", "\"LP\"", "\"VINYL\"", "\"2\""] {
        assert_eq!(Value::from_json(Type::Enum(&FORMAT), text).unwrap(), Value::I32(2), "{text}");
    }
    assert_eq!(Value::from_json(Type::Double, "3").unwrap(), Value::Double(3.0));
    assert_eq!(Value::from_json(Type::Binary, "\"AA\"").unwrap(), Value::Binary(vec![0]));
}

#[test]
fn what_the_description_does_not_have_is_named_by_its_place() {
    static OLDER: Struct = Struct::new(
        "Album",
        StructKind::Struct,
        &[
            Field::new(2, "tracks", Type::List(&Type::Struct(&OLDER_TRACK))),
            // The newer one has it as an enum.
            Field::new(3, "format", Type::String),
        ],
    );
    static OLDER_TRACK: Struct = Struct::new("Track", StructKind::Struct, &[Field::new(2, "duration", Type::I32)]);
    let newer = parse(Type::Struct(&ALBUM), r#"{"asin": "B", "tracks": [{"title": "x"}, {"title": "y"}]}"#).unwrap();
    let printed = print(Type::Struct(&OLDER), &newer);
    assert_eq!(printed.json, r#"{"tracks":[{"duration":180},{"duration":180}]}"#);
    assert_eq!(printed.unknown, ["1", "tracks[0].1", "tracks[1].1", "3"]);
}

#[test]
fn an_answer_is_a_result_or_a_declared_exception() {
    static BOUGHT: Struct = Struct::new(
        "Store.buy",
        StructKind::Struct,
        &[Field::optional(0, "success", Type::Struct(&TRACK)), Field::optional(1, "denied", Type::Struct(&CHOICE))],
    );
    static VOID: Struct = Struct::new("Store.ping", StructKind::Struct, &[]);
    let answer = |result, bytes: &[u8]| {
        json::print_answer(result, &mut binary::BinaryReader::new(&bytes.to_vec().into())).unwrap()
    };
    let track = [&[12, 0, 0][..], &parse(Type::Struct(&TRACK), r#"{"title": "a"}"#).unwrap(), &[0]].concat();
    let Some(Answer::Result(printed)) = answer(&BOUGHT, &track) else { panic!("no result") };
    assert_eq!(printed.json, r#"{"title":"a","duration":180}"#);
    let denied = [&[12, 0, 1][..], &parse(Type::Struct(&CHOICE), r#"{"number": 5}"#).unwrap(), &[0]].concat();
    let Some(Answer::Exception(field, printed)) = answer(&BOUGHT, &denied) else { panic!("no exception") };
    assert_eq!((field.name, printed.json.as_str()), ("denied", r#"{"number":5}"#));
    assert_eq!(answer(&BOUGHT, &[0]), None);
    // An exception that only a newer peer knows.
    assert_eq!(answer(&BOUGHT, &[12, 0, 7, 0, 0]), None);
    assert!(matches!(answer(&VOID, &[0]), Some(Answer::Result(printed)) if printed.json == "null"));
}

#[test]
fn a_struct_that_refers_to_itself_is_defined_later() {
    let tree: &'static Struct = Box::leak(Box::new(Struct::new("Tree", StructKind::Struct, &[])));
    let children = Box::leak(Box::new(Type::Struct(tree)));
    tree.define(vec![Field::optional(1, "children", Type::List(children))].leak());
    let text = r#"{"children":[{"children":[]},{}]}"#;
    assert_eq!(print(Type::Struct(tree), &parse(Type::Struct(tree), text).unwrap()).json, text);
    assert_eq!(
        format!("{:?}, {tree:?}, {}", TRACK, Type::Map(&Type::I8, &Type::I64)),
        "Struct(\"Track\"), Struct(\"Tree\"), map<i8, i64>"
    );
}
