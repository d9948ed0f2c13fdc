//! What a build script gets: files in its folder, or the compiler's own words.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::path::Path;

use thriftwood_build::{BuildError, Builder};

fn build(folder: &Path, idl: &str) -> Result<(), BuildError> {
    let file = folder.join("shop.frugal");
    std::fs::write(&file, idl).expect("the file is written");
    Builder::new().out_dir(folder.join("out")).compile([file]).into_result()
}

#[test]
fn the_tree_and_a_file_for_each_namespace_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    build(folder.path(), "namespace * v1.shop\nstruct Album { 1: string asin }\n").expect("the file is sound");
    let out = folder.path().join("out/thriftwood");
    let tree = std::fs::read_to_string(out.join("mod.rs")).expect("the tree is written");
    assert!(tree.contains("pub mod shop") && tree.contains("pub struct Album"));
    let namespace = std::fs::read_to_string(out.join("v1.shop.rs")).expect("the namespace is written");
    assert!(namespace.contains("pub use idl::v1::shop::*;"), "{namespace}");
}

#[test]
fn files_that_did_not_change_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let idl = "struct Album { 1: string asin }\n";
    build(folder.path(), idl).expect("the file is sound");
    let tree = folder.path().join("out/thriftwood/mod.rs");
    let time = || std::fs::metadata(&tree).and_then(|data| data.modified()).expect("the tree has a time");
    let before = time();
    build(folder.path(), idl).expect("the file is sound");
    assert_eq!(time(), before);
}

#[test]
fn a_broken_file_stops_the_build_with_its_diagnostics() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = build(folder.path(), "struct Shelf {\n    1: list<Albun> albums\n}\n").expect_err("a type is unknown");
    let text = error.to_string();
    for part in ["error[E0004]", "shop.frugal:2:", "Albun"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!folder.path().join("out").exists(), "nothing is written for a broken file");
}

#[test]
fn a_denied_lint_stops_the_build_and_one_there_is_not_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shop.frugal");
    std::fs::write(&file, "scope winners { Winner: slist }\n").expect("the file is written");
    let build = |builder: Builder| builder.out_dir(folder.path().join("out")).compile([&file]).into_result();
    let text = build(Builder::new().deny("warnings").allow("deprecated")).expect_err("it is denied").to_string();
    assert!(text.contains("error[W0004]") && !text.contains("W0002"), "{text}");
    let text = build(Builder::new().deny("W0002").allow("W0002")).expect_err("both is denied").to_string();
    assert!(text.contains("error[W0002]"), "{text}");
    let text = build(Builder::new().allow("deprecatd")).expect_err("it is no lint").to_string();
    assert_eq!(text, "there is no lint `deprecatd`; did you mean `deprecated`?");
    assert!(!folder.path().join("out").exists(), "nothing is written where a build is stopped");
    build(Builder::new().allow("warnings")).expect("nothing is wrong with it");
}

#[test]
fn a_constant_without_a_required_field_is_shown_where_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let idl = "struct Point { 1: required i32 x, 2: required i32 y }\nconst Point ORIGIN = { \"x\": 0 }\n";
    let text = build(folder.path(), idl).expect_err("y is missing").to_string();
    assert!(text.contains("`y`") && text.contains("shop.frugal:2:"), "{text}");
}

#[test]
fn files_of_one_namespace_that_define_one_name_are_modules_of_their_own_inside_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it is written");
    write("other.frugal", "namespace * shop\nstruct Album {}\nconst i32 LIMIT = 3\n");
    write("base.frugal", "namespace * shop\nstruct Price {}\n");
    write("deep.frugal", "namespace * shop.other\nstruct Deep {}\n");
    let idl = "namespace * shop\ninclude \"other.frugal\"\ninclude \"base.frugal\"\ninclude \"deep.frugal\"\n\
               struct Album { 1: other.Album inner, 2: base.Price price, 3: deep.Deep deep, 4: i32 limit = other.LIMIT }\n\
               service Shop { Album get(1: other.Album album) }\n";
    build(folder.path(), idl).expect("the files are sound");
    let out = folder.path().join("out");
    let tree = std::fs::read_to_string(out.join("thriftwood/mod.rs")).expect("the tree is written");
    for part in
        ["/// `shop`, from base.frugal.", "pub mod shop {", "pub inner: other_::Album,", "pub deep: other::Deep,"]
    {
        assert!(tree.contains(part), "{part:?} is not in:\n{tree}");
    }
    for namespace in ["shop.rs", "shop.shop.rs", "shop.other_.rs", "shop.other.rs"] {
        assert!(out.join("thriftwood").join(namespace).exists(), "{namespace}");
    }
    support::manifest(folder.path(), "\"runtime\"", "");
    std::fs::create_dir(folder.path().join("src")).expect("the folder is made");
    write("src/lib.rs", "include!(\"../out/thriftwood/mod.rs\");\n");
    support::cargo(folder.path(), &["check"]);
}

/// `shop.frugal` beside `shared.frugal`, which it includes with this annotation.
fn build_with_shared(folder: &Path, annotation: &str) -> String {
    let shared =
        "namespace * v1.shared\nnamespace rs v1.shared (vendor = \"vendored_idl\")\nstruct Price { 1: i64 micros }\n";
    std::fs::write(folder.join("shared.frugal"), shared).expect("the file is written");
    let idl = format!(
        "namespace * v1.shop\ninclude \"shared.frugal\" {annotation}\nstruct Album {{ 1: shared.Price price }}\n"
    );
    build(folder, &idl).expect("the files are sound");
    std::fs::read_to_string(folder.join("out/thriftwood/mod.rs")).expect("the tree is written")
}

#[test]
fn an_included_file_can_be_taken_from_another_crate() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = build_with_shared(folder.path(), "(rust.crate = \"shared_idl\")");
    assert!(tree.contains("pub price: ::shared_idl::v1::shared::Price,"), "{tree}");
    assert!(!tree.contains("pub struct Price"), "a type of another crate is not generated again");
    let tree = build_with_shared(folder.path(), "(vendor)");
    assert!(tree.contains("pub price: ::vendored_idl::v1::shared::Price,"), "{tree}");
    let tree = build_with_shared(folder.path(), "");
    assert!(tree.contains("pub price: shared::Price,") && tree.contains("pub struct Price"), "{tree}");
}
