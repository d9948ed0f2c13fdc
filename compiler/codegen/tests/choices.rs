//! The Rust types one can choose between: everywhere by the build script, in one place by the IDL, and what is refused.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::path::Path;

use thriftwood_build::{Builder, RustType};

#[test]
fn every_choice_compiles_everywhere_and_takes_only_the_comparisons_it_must() {
    let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/idl");
    let folder = tempfile::tempdir().expect("a folder");
    let choices = [RustType::VecU8, RustType::HashSet, RustType::HashMap];
    let builder = choices.into_iter().fold(Builder::new().mocks(true), Builder::rust_type);
    let [tree, shared] = [RustType::ArcStr, RustType::ByteString].map(|text| {
        let out = folder.path().join("src").join(format!("{text:?}"));
        let files = ["everything", "options"].map(|name| idl.join(format!("{name}.frugal")));
        let built = builder.clone().rust_type(text).out_dir(&out).compile(files);
        built.into_result().expect("the code is generated");
        std::fs::read_to_string(out.join("thriftwood/mod.rs")).expect("the tree is written")
    });
    assert!(shared.contains("pub type Index = HashMap<ByteString, Vec<Id>>;"), "{shared}");
    let has = |lines: &[&str]| {
        let text: Vec<&str> = tree.lines().map(str::trim).collect();
        assert!(text.windows(lines.len()).any(|window| window == lines), "{lines:?} is not in the code");
    };
    has(&["pub type Index = HashMap<Arc<str>, Vec<Id>>;"]);
    has(&["pub usual: String,", "pub back: String,", "pub raw: Vec<u8>,", "pub seal: Vec<u8>,"]);
    has(&["#[derive(Clone, Debug, Default, PartialEq)]", "pub struct Theatre {"]);
    has(&["#[derive(Clone, Debug, Default, PartialEq, Eq)]", "pub struct Full {"]);
    // A key keeps its order.
    has(&[
        "#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]",
        "pub struct Seating {",
        "pub seats: BTreeSet<i32>,",
        "pub name: Shared,",
    ]);
    let serde = "serde = { version = \"1\", features = [\"derive\"] }\n";
    support::manifest(folder.path(), "\"runtime\", \"serde\"", serde);
    let modules = ["ArcStr", "ByteString"]
        .map(|text| format!("pub mod {} {{ include!(\"{text}/thriftwood/mod.rs\"); }}\n", text.to_lowercase()));
    std::fs::write(folder.path().join("src/lib.rs"), modules.concat()).expect("the crate is written");
    support::cargo(folder.path(), &["check"]);
}

#[test]
fn of_two_choices_for_one_type_the_later_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shop.frugal");
    std::fs::write(&file, "struct Album { 1: string asin }\n").expect("the file is written");
    let builder = Builder::new().rust_type(RustType::ArcStr).rust_type(RustType::String);
    builder.out_dir(folder.path()).compile([file]).into_result().expect("the file is sound");
    let tree = std::fs::read_to_string(folder.path().join("thriftwood/mod.rs")).expect("the tree is written");
    assert!(tree.contains("pub asin: String,"), "{tree}");
}

#[test]
fn a_choice_that_is_none_is_refused_where_it_is_written() {
    let newtype = "typedef string Name (rust.newtype)\n";
    for (idl, message, help) in [
        (
            "struct A {\n1: string s (rust.type = \"Rc<str>\") }",
            "`Rc<str>` is no Rust type",
            "write `String`, `Arc<str>` or `ByteString`",
        ),
        ("struct A {\n1: list<binary> s (rust.type = \"Bytes\") }", "`Bytes` is no Rust type", "write it behind that"),
        ("service A {\nset<map<i32 (rust.type), i32>> f() }", "`` is no Rust type", "has a choice"),
        ("scope A { B:\nset<i32> (rust.type = \"HashMap\") }", "`HashMap` is no Rust type", "`BTreeSet` or `HashSet`"),
        (
            &format!("{newtype}struct A {{ 1: Name n (rust.type = \"Arc<str>\") }}"),
            "`Name` is a type of its own",
            "write it where `Name` is declared",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("shop.frugal");
        std::fs::write(&file, idl).expect("the file is written");
        let built = Builder::new().out_dir(folder.path()).compile([file]);
        let text = built.into_result().expect_err("it is refused").to_string();
        for part in ["error[E0010]", message, help, "shop.frugal:2:"] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
}
