//! What the `thriftwood` command prints, and what it exits with.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    }
    folder
}

fn thriftwood(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_thriftwood");
    Command::new(program).args(arguments).current_dir(folder).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SOUND: &str = "namespace * a.b\nstruct Album { 1: string asin }\nservice Store { Album get(1: string asin) }\n";

#[test]
fn a_sound_file_is_checked_with_exit_code_0() {
    let folder = folder(&[("a.frugal", SOUND)]);
    let output = thriftwood(folder.path(), &["check", "a.frugal"]);
    assert!(output.status.success());
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("1 file, no errors, 0 warnings\n", ""));
}

#[test]
fn a_syntax_error_is_shown_where_it_is_with_exit_code_1() {
    let folder = folder(&[("a.frugal", "struct Album {\n    1: string asin\n    2 string title\n}\n")]);
    let output = thriftwood(folder.path(), &["check", "a.frugal"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    for part in ["error[E0001]", "a.frugal:3:", "2 string title", "^", "help: "] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
}

#[test]
fn an_unknown_type_is_shown_with_the_one_that_was_meant() {
    let folder = folder(&[("a.frugal", "struct Album { 1: string asin }\nstruct Shelf { 1: list<Albun> albums }\n")]);
    let output = thriftwood(folder.path(), &["check", "a.frugal"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    for part in ["error[E0004]", "a.frugal:2:", "Albun", "`Album`"] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
}

#[test]
fn a_missing_include_is_shown_and_found_with_an_include_folder() {
    let folder = folder(&[
        ("idl/a.frugal", "include \"common.frugal\"\nstruct Shelf { 1: common.Album album }\n"),
        ("shared/common.frugal", "struct Album { 1: string asin }\n"),
    ]);
    let output = thriftwood(folder.path(), &["check", "idl/a.frugal"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    assert!(shown.contains("error[E0002]") && shown.contains("idl/a.frugal:1:"), "{shown}");
    let output = thriftwood(folder.path(), &["check", "-I", "shared", "idl/a.frugal"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn gen_rust_writes_one_file_or_to_standard_output() {
    let folder = folder(&[("a.frugal", SOUND)]);
    let printed = thriftwood(folder.path(), &["gen", "rust", "a.frugal"]);
    assert!(printed.status.success());
    assert!(text(&printed.stdout).contains("pub trait Store"));
    let written = thriftwood(folder.path(), &["gen", "rust", "a.frugal", "--out", "src/idl/mod.rs"]);
    assert!(written.status.success() && written.stdout.is_empty());
    let file = std::fs::read(folder.path().join("src/idl/mod.rs")).expect("the file was written");
    assert_eq!(file, printed.stdout);
}

#[test]
fn gen_rust_writes_nothing_for_a_broken_file() {
    let folder = folder(&[("a.frugal", "struct {")]);
    let output = thriftwood(folder.path(), &["gen", "rust", "a.frugal", "--out", "a.rs"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!folder.path().join("a.rs").exists());
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let folder = folder(&[]);
    let output = thriftwood(folder.path(), &["check", "nowhere.frugal"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.frugal"), "{}", text(&output.stderr));
}
