//! What `thriftwood doc` writes, what it leaves alone, and what it says when it cannot.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use support::{assert_holds, folder, read, thriftwood};

const A: &str = "include \"b.frugal\"\n/** A record. */\nstruct Album { 1: b.Price price }\n";
const B: &str = "struct Price { 1: i64 micros }\n";

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_site_is_written_into_the_target_folder_when_no_other_is_named() {
    let folder = folder(&[("a.frugal", A), ("b.frugal", B)]);
    let ran = thriftwood(folder.path(), &["doc", "a.frugal"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_holds(&ran.out, &["index.html: 6 files, 6 of them changed"]);
    let out = folder.path().join("target/idl-doc");
    assert_eq!(names(&out), ["a.html", "b.html", "index.html", "search-index.js", "site.js", "style.css"]);
    assert_holds(&read(&folder, "target/idl-doc/a.html"), &["A record.", "b.html#struct_Price"]);
}

#[test]
fn includes_are_looked_for_in_the_include_folders() {
    let folder = folder(&[("idl/a.frugal", A), ("shared/b.frugal", B)]);
    let ran = thriftwood(folder.path(), &["doc", "-I", "shared", "idl/a.frugal", "--out", "site/of/idl"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(folder.path().join("site/of/idl/b.html").is_file());
}

#[test]
fn an_unchanged_page_keeps_its_time() {
    let folder = folder(&[("a.frugal", A), ("b.frugal", B)]);
    assert_eq!(thriftwood(folder.path(), &["doc", "a.frugal", "--out", "site"]).code, Some(0));
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let page = |name: &str| folder.path().join("site").join(name);
    for name in ["b.html", "index.html"] {
        let file = fs::File::options().write(true).open(page(name)).expect("the page is there");
        file.set_modified(old).expect("its time is set");
    }
    fs::write(folder.path().join("b.frugal"), "struct Price { 1: i64 cents }\n").expect("the file is written");
    let ran = thriftwood(folder.path(), &["doc", "a.frugal", "--out", "site"]);
    // The page of the file, the example of the other file's struct, and the search.
    assert_holds(&ran.out, &["6 files, 3 of them changed"]);
    let time = |name: &str| fs::metadata(page(name)).and_then(|found| found.modified()).expect("it has a time");
    assert_eq!(time("index.html"), old);
    assert_ne!(time("b.html"), old);
}

#[test]
fn pages_of_files_that_are_gone_are_removed_and_nothing_else_is() {
    let folder =
        folder(&[("a.frugal", A), ("b.frugal", B), ("site/mine.html", "<p>Mine.</p>"), ("site/notes.txt", "")]);
    assert_eq!(thriftwood(folder.path(), &["doc", "a.frugal", "--out", "site"]).code, Some(0));
    assert_eq!(thriftwood(folder.path(), &["doc", "b.frugal", "--out", "site"]).code, Some(0));
    let expected = ["b.html", "index.html", "mine.html", "notes.txt", "search-index.js", "site.js", "style.css"];
    assert_eq!(names(&folder.path().join("site")), expected);
}

#[test]
fn a_broken_file_makes_no_site() {
    let folder = folder(&[("a.frugal", "struct Album { 1: Nothing what }\n")]);
    let ran = thriftwood(folder.path(), &["doc", "a.frugal"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert_holds(&ran.err, &["error[E0004]", "a.frugal:1:"]);
    assert!(!folder.path().join("target").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named_with_what_to_do() {
    let folder = folder(&[("b.frugal", B), ("taken", "a file")]);
    let ran = thriftwood(folder.path(), &["doc", "b.frugal", "--out", "taken/site"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert_holds(&ran.err, &["error: cannot make the folder taken/site: ", "choose another folder with --out"]);
    assert_eq!(read(&folder, "taken"), "a file");
}

#[test]
fn a_page_that_cannot_be_written_is_named_and_nothing_half_written_is_left() {
    let folder = folder(&[("b.frugal", B), ("site/b.html/in-the-way", "")]);
    let ran = thriftwood(folder.path(), &["doc", "b.frugal", "--out", "site"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["error: cannot write site/b.html: "]);
    assert!(names(&folder.path().join("site")).iter().all(|name| !name.ends_with(".new")));
}
