//! Descriptions of types say the same as the types.

// Included as text: as a module of its own it would be formatted by this workspace's settings.
mod everything {
    include!("golden/everything.rs");
}

use std::collections::BTreeMap;

use everything::golden::base::Point;
use everything::golden::everything as idl;
use idl::{Choice, Everything, FullRequest, Key};
use thriftwood::call::Request;
use thriftwood::codec::TotalF64;
use thriftwood::codec::binary::{self, BinaryReader, BinaryWriter};
use thriftwood::schema::{Field, Struct, Type, Value, json};

/// The description of `Everything`, by way of the method that takes one.
#[allow(clippy::expect_used)]
fn described() -> Type {
    let arguments = idl::FULL_ECHO.arguments.expect("generated code describes its methods");
    arguments.fields()[0].ty
}

fn bytes(value: &Value) -> thriftwood::bytes::Bytes {
    let mut bytes = Vec::new();
    value.encode(&mut BinaryWriter::new(&mut bytes));
    bytes.into()
}

#[test]
fn a_generated_value_goes_through_json_and_comes_out_as_itself() {
    let mut value = Everything::new(7);
    value.children = vec![Everything::new(8)];
    value.choice = Some(Choice::Many(vec![Choice::Text("a".into()), Choice::Nested(Box::new(Choice::Number(-1)))]));
    value.by_key = BTreeMap::from([(Key { weight: TotalF64(f64::NAN), scores: vec![TotalF64(-0.0)] }, 2.0)]);
    value.point = Some(Point::new(1.0, 2.0));
    let there = binary::to_bytes(&value).into();
    let printed = json::print(described(), &mut BinaryReader::new(&there)).unwrap();
    assert!(printed.unknown.is_empty(), "{printed:?}");
    assert!(printed.json.contains(r#""colour":"GREEN""#), "{}", printed.json);
    let back = bytes(&Value::from_json(described(), &printed.json).unwrap());
    assert_eq!(back, there, "{}", printed.json);
}

#[test]
fn what_json_leaves_out_is_what_the_type_has_by_default() {
    let sent = bytes(&Value::from_json(described(), r#"{"id": 7}"#).unwrap());
    assert_eq!(binary::from_bytes::<Everything>(&sent).unwrap(), Everything::new(7));
    let printed = json::print(described(), &mut BinaryReader::new(&sent)).unwrap();
    let expected = concat!(
        r#"{"colour":"GREEN","id":7,"limit":42,"greeting":"hallo \"Welt\"\n","some":[1,2,3],"#,
        r#""must":"must"}"#
    );
    assert_eq!(printed.json, expected);
}

#[test]
fn every_default_is_a_value_of_its_type() {
    fn check(ty: Type, seen: &mut Vec<&'static Struct>) -> usize {
        match ty {
            Type::Struct(def) if !seen.contains(&def) => {
                seen.push(def);
                def.fields().iter().map(|field| default(field) + check(field.ty, seen)).sum()
            }
            Type::List(element) | Type::Set(element) => check(*element, seen),
            Type::Map(key, value) => check(*key, seen) + check(*value, seen),
            _ => 0,
        }
    }
    fn default(field: &Field) -> usize {
        let Some(text) = field.default else { return 0 };
        Value::from_json(field.ty, text).unwrap_or_else(|error| panic!("{} = {text}: {error}", field.name));
        1
    }
    let mut seen = Vec::new();
    let methods = FullRequest::methods().iter().flat_map(|method| [method.arguments, method.result]);
    let defaults: usize = methods.flatten().map(|def| check(Type::Struct(def), &mut seen)).sum();
    assert!(defaults >= 7 && seen.len() > 20, "{defaults} defaults in {} structs", seen.len());
}

#[test]
fn a_service_names_its_methods_those_it_inherits_included() {
    let names: Vec<&str> = FullRequest::methods().iter().map(|method| method.wire_name).collect();
    assert!(names.contains(&"echo") && names.contains(&"ping"), "{names:?}");
}

#[test]
fn nothing_is_described_where_nobody_wants_it() {
    let idl = thriftwood_idl::compile(
        &[std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/idl/everything.frugal")],
        &thriftwood_idl::Options::default(),
    );
    let mut options = thriftwood_build::rust::RustOptions::default();
    options.no_schema = true;
    let rust = thriftwood_build::rust::generate_with(&idl.model.unwrap(), options).unwrap().tree;
    assert!(rust.contains("arguments: None,") && !rust.contains("idl_schema"));
}

/// The Rust of these files, the first of which is asked for.
#[allow(clippy::expect_used)]
fn generated(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("the file is written");
    }
    let idl = thriftwood_idl::compile(&[folder.path().join(files[0].0)], &thriftwood_idl::Options::default());
    thriftwood_build::rust::generate(&idl.model.expect("the files are sound")).expect("they have a Rust form").tree
}

#[test]
fn types_of_another_crate_are_described_here_again() {
    let rust = generated(&[
        (
            "shop.frugal",
            "include \"money.frugal\" (rust.crate = \"money\")\nnamespace * shop\n\
             service Till { money.Price total(1: money.Currency currency) }\n",
        ),
        (
            "money.frugal",
            "namespace * money\nenum Currency { EUR }\nstruct Price { 1: i64 micros, 2: Currency currency }\n",
        ),
    ]);
    let described = rust.split_once("pub mod idl_schema").unwrap().1;
    for part in [
        "pub static PRICE: Struct",
        "pub static CURRENCY: Enum",
        "Field::optional(0, \"success\", Type::Struct(&PRICE))",
    ] {
        assert!(described.contains(part), "{part:?} is not in:\n{described}");
    }
    assert!(!described.contains("::money"), "{described}");
}

#[test]
fn names_that_are_taken_give_way() {
    let rust = generated(&[
        (
            "a.frugal",
            "include \"b.frugal\"\nnamespace * idl_schema.a\nstruct Price { 1: i64 micros }\n\
             struct TillTotalArgs { 1: Price price }\nservice Till { TillTotalArgs total(1: b.Price price) }\n",
        ),
        ("b.frugal", "namespace * b\nstruct Price { 1: double amount }\n"),
    ]);
    let described = rust.split_once("pub mod idl_schema_ {").unwrap().1;
    let names = described.lines().filter_map(|line| line.trim().strip_prefix("pub static ")?.split(':').next());
    let names: Vec<&str> = names.collect();
    let distinct: std::collections::BTreeSet<&&str> = names.iter().collect();
    assert!(names.len() == 5 && distinct.len() == 5, "{names:?}");
    assert!(rust.contains("Some(&super::super::idl_schema_::"), "{rust}");
}
