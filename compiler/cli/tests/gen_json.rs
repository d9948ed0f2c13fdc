//! The JSON that describes IDL files is what is kept in `golden/`, and `docs/json-model.md` tells the truth about it.
//!
//! `THRIFTWOOD_BLESS=1` writes the golden files anew instead of comparing them.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn thriftwood(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_thriftwood");
    Command::new(program).args(arguments).current_dir(folder).output().expect("the command runs")
}

/// The document of a file, named as seen from a folder.
fn generated(folder: &Path, file: &str) -> String {
    let output = thriftwood(folder, &["gen", "json", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the document is UTF-8")
}

fn music() -> String {
    generated(&here("../../idl-examples"), "idl/music.frugal")
}

fn everything() -> String {
    generated(&here("../codegen/tests/golden/idl"), "everything.frugal")
}

fn check(generated: &str, golden: &str) {
    let golden = here(golden);
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        return fs::write(golden, generated).expect("the golden file is written");
    }
    let kept = fs::read_to_string(&golden).unwrap_or_default();
    let line = kept.lines().zip(generated.lines()).take_while(|(kept, generated)| kept == generated).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    assert!(
        kept == generated,
        "{}:{}\n     kept: {}\ngenerated: {}\nTHRIFTWOOD_BLESS=1 writes it anew",
        golden.display(),
        line + 1,
        at(&kept),
        at(generated)
    );
}

#[test]
fn the_music_example_is_as_kept() {
    check(&music(), "tests/golden/music.json");
}

#[test]
fn every_construct_is_as_kept() {
    check(&everything(), "tests/golden/everything.json");
}

#[test]
fn the_document_is_written_into_a_file_whose_folder_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.frugal"), "struct A {}").expect("the file is written");
    let printed = generated(folder.path(), "a.frugal");
    let output = thriftwood(folder.path(), &["gen", "json", "a.frugal", "--out", "deep/er/a.json"]);
    assert!(output.status.success() && output.stdout.is_empty());
    let written = fs::read_to_string(folder.path().join("deep/er/a.json"));
    assert_eq!(written.expect("the file was written"), printed);
}

#[test]
fn what_only_cpp_has_a_use_for_is_in_the_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        "cpp_include \"vector\"\nstruct A { 1: map cpp_type \"Fast\" <i32, i32> a, 2: optional A & b xsd_optional }";
    fs::write(folder.path().join("a.thrift"), text).expect("the file is written");
    let document: Value = serde_json::from_str(&generated(folder.path(), "a.thrift")).expect("it is JSON");
    let file = &document["files"][0];
    let note = |name: &str, value: &str| json!({ "name": name, "value": value });
    assert_eq!(file["cpp_includes"], json!(["vector"]));
    let fields = &file["structs"][0]["fields"];
    assert_eq!(fields[0]["type"]["annotations"], json!([note("cpp_type", "Fast")]));
    assert_eq!(fields[1]["annotations"], json!([note("&", ""), note("xsd_optional", "")]));
}

#[test]
fn a_broken_file_gives_no_document() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.frugal"), "struct A { 1: Nothing n }").expect("the file is written");
    let output = thriftwood(folder.path(), &["gen", "json", "a.frugal", "--out", "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[E0004]"));
    assert!(!folder.path().join("a.json").exists());
}

/// Every index of a file leads to one, and every reference to something of that kind and name.
#[test]
fn every_reference_leads_somewhere() {
    for document in [music(), everything()] {
        let document: Value = serde_json::from_str(&document).expect("a document");
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let file = &document["files"][reference["file"].as_u64().expect("an index") as usize];
            let (kind, name) = (reference["kind"].as_str().expect("a kind"), &reference["name"]);
            let list = match kind {
                "struct" | "union" | "exception" => "structs",
                "enum" => "enums",
                "typedef" => "typedefs",
                "service" => "services",
                "constant" => "constants",
                other => panic!("a reference to a {other}"),
            };
            let found = file[list].as_array().expect("a list").iter().find(|each| each["name"] == *name);
            let found = found.unwrap_or_else(|| panic!("{reference} leads nowhere"));
            assert!(list != "structs" || found["kind"] == kind, "{reference}");
        }
    }
}

fn collect_references<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            if members.len() == 3 && members.contains_key("kind") && members.contains_key("file") {
                found.push(value);
            }
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

fn page() -> String {
    fs::read_to_string(here("../../docs/json-model.md")).expect("the page is there")
}

/// The text of the first block of a language.
fn block<'p>(page: &'p str, language: &str) -> &'p str {
    let start = page.find(&format!("```{language}\n")).expect("the page has such a block") + language.len() + 4;
    let end = page[start..].find("```").expect("the block ends");
    &page[start..start + end]
}

#[test]
fn the_example_of_the_page_is_what_is_printed_for_it() {
    let page = page();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("music.frugal"), block(&page, "thrift")).expect("the file is written");
    assert_eq!(generated(folder.path(), "music.frugal"), block(&page, "json"));
}

/// Members are what stands between backquotes in the first column of a table; some are only named in a second one.
#[test]
fn the_page_names_every_member_and_none_that_never_occurs() {
    let folder = tempfile::tempdir().expect("a folder");
    // The one thing that neither file has.
    let uuid = "const uuid KEY = \"00112233-4455-6677-8899-aabbccddeeff\"";
    fs::write(folder.path().join("uuid.frugal"), uuid).expect("the file is written");
    let uuid = generated(folder.path(), "uuid.frugal");
    assert!(uuid.contains("\"uuid\": \"00112233-4455-6677-8899-aabbccddeeff\""), "{uuid}");
    let mut occurring = BTreeSet::new();
    for document in [music(), everything(), uuid] {
        collect_names(&serde_json::from_str(&document).expect("a document"), &mut occurring);
    }
    let page = page();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let named = |cells: usize| -> BTreeSet<String> {
        let cells = rows.iter().flat_map(|row| row.split('|').skip(1).take(cells));
        cells.flat_map(backquoted).map(str::to_owned).collect()
    };
    let never: Vec<String> = named(1).difference(&occurring).cloned().collect();
    assert!(never.is_empty(), "the page names members that never occur: {never:?}");
    let unnamed: Vec<String> = occurring.difference(&named(2)).cloned().collect();
    assert!(unnamed.is_empty(), "the page does not name {unnamed:?}");
}

fn backquoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn collect_names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.insert(name.clone());
                collect_names(member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, found)),
        _ => {}
    }
}
