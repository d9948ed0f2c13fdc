//! What `thriftwood audit` prints and exits with, also against the revisions of a real git repository.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use thriftwood_test_support::skipped;

const OLD: &str = "struct Album {\n    1: string title,\n    2: i32 year,\n}\n";
const RENAMED: &str = "struct Album {\n    1: string name,\n    2: i32 year,\n}\n";
const BROKEN: &str = "struct Album {\n    1: string name,\n    2: i64 year,\n}\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), files);
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder is made");
        fs::write(path, text).expect("the file is written");
    }
}

fn audit(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_thriftwood");
    Command::new(program).arg("audit").args(arguments).current_dir(folder).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs an audit that exits with this code, and returns what it prints on standard output and standard error.
fn audited(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = audit(folder, arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    (out, err)
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_breaking_change_is_shown_with_both_sides_and_exit_code_1() {
    let folder = folder(&[("old.frugal", OLD), ("new.frugal", BROKEN)]);
    let (out, err) = audited(folder.path(), &["old.frugal", "new.frugal"], 1);
    assert_has(
        &out,
        &[
            "error[field-type-changed]: struct Album: field year: types not equal: 'i32' -> 'i64'",
            "new.frugal:3:12",
            "old.frugal:3:12",
            "warning[field-renamed]: struct Album: field title: name changed",
            "FAILED: audit of new.frugal against old.frugal: 1 breaking change, 1 warning\n",
        ],
    );
    assert_eq!(err, "");
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let folder = folder(&[("old.frugal", OLD), ("new.frugal", RENAMED)]);
    let files = ["old.frugal", "new.frugal"];
    let (out, _) = audited(folder.path(), &files, 0);
    assert!(out.ends_with("\naudit of new.frugal against old.frugal: no breaking changes, 1 warning\n"), "{out}");
    let (out, _) = audited(folder.path(), &[&files[..], &["--deny-warnings"]].concat(), 1);
    assert!(
        out.ends_with("\nFAILED: audit of new.frugal against old.frugal: no breaking changes, 1 warning\n"),
        "{out}"
    );
}

#[test]
fn a_contract_is_safe_beside_itself() {
    let folder = folder(&[("a.frugal", OLD)]);
    let (out, err) = audited(folder.path(), &["a.frugal", "a.frugal", "--deny-warnings"], 0);
    assert_eq!(out, "audit of a.frugal against a.frugal: no breaking changes, 0 warnings\n");
    assert_eq!(err, "");
}

#[test]
fn json_is_one_object_in_each_line() {
    let folder = folder(&[("old.frugal", OLD), ("new.frugal", BROKEN)]);
    let (out, _) = audited(folder.path(), &["old.frugal", "new.frugal", "--format", "json"], 1);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), 2);
    let wrong = &lines[1];
    assert_eq!(wrong["rule"], "field-type-changed");
    assert_eq!(wrong["severity"], "error");
    assert_eq!(wrong["thing"], "new.Album.year");
    assert_eq!(wrong["message"], "struct Album: field year: types not equal: 'i32' -> 'i64'");
    let [new, old] = [&wrong["places"][0], &wrong["places"][1]];
    assert_eq!((&new["side"], &new["file"]), (&"new".into(), &"new.frugal".into()));
    assert_eq!((&old["side"], &old["file"]), (&"old".into(), &"old.frugal".into()));
    assert_eq!(new["start"], json!({ "line": 3, "column": 12, "offset": 46 }));
    assert_eq!(new["end"], json!({ "line": 3, "column": 16, "offset": 50 }));
    let (out, _) = audited(folder.path(), &["old.frugal", "old.frugal", "--format", "json"], 0);
    assert_eq!(out, "");
}

#[test]
fn a_rule_or_a_single_thing_can_be_allowed() {
    let folder = folder(&[
        ("old.frugal", OLD),
        ("new.frugal", BROKEN),
        ("allow.txt", "field-type-changed new.Album.year  # nobody reads it\n"),
    ]);
    let files = ["old.frugal", "new.frugal"];
    let with = |more: &[&str], code| audited(folder.path(), &[&files[..], more].concat(), code).0;
    let out = with(&["--allow", "field-type-changed"], 0);
    assert!(out.ends_with("no breaking changes, 1 warning, 1 allowed\n") && !out.contains("error"), "{out}");
    let out = with(&["--allow-file", "allow.txt", "--allow", "field-renamed", "--deny-warnings"], 0);
    assert_eq!(out, "audit of new.frugal against old.frugal: no breaking changes, 0 warnings, 2 allowed\n");
}

#[test]
fn an_entry_that_allows_nothing_is_reported() {
    let folder = folder(&[("a.frugal", OLD), ("allow.txt", "# once\nfield-type-changed a.Album.year # gone\n")]);
    let arguments = ["a.frugal", "a.frugal", "--allow-file", "allow.txt"];
    let (out, _) = audited(folder.path(), &arguments, 0);
    assert_has(
        &out,
        &["warning: `field-type-changed a.Album.year` allows nothing any more", "allow.txt:2", ", 1 warning"],
    );
    audited(folder.path(), &[&arguments[..], &["--deny-warnings"]].concat(), 1);
    let (out, _) = audited(folder.path(), &[&arguments[..], &["--format", "json"]].concat(), 0);
    let stale: Value = serde_json::from_str(&out).expect("a line of JSON");
    assert_eq!((&stale["rule"], &stale["places"][0]["start"]["line"]), (&"stale-allowance".into(), &2.into()));
}

#[test]
fn what_cannot_be_said_ends_with_exit_code_2() {
    let folder = folder(&[("a.frugal", OLD), ("wrong.frugal", "struct {"), ("allow.txt", "\nfeild-removed a.Album\n")]);
    for (arguments, expected) in [
        (&["a.frugal"][..], "expected two files, OLD and NEW"),
        (&["a.frugal", "a.frugal", "a.frugal"], "expected two files, OLD and NEW"),
        (&[], "IDL"),
        (&["nowhere.frugal", "a.frugal"], "nowhere.frugal"),
        (&["a.frugal", "wrong.frugal"], "error[E0001]"),
        (&["wrong.frugal", "a.frugal"], "error[E0001]"),
        (&["a.frugal", "a.frugal", "--allow", "feild-removed"], "did you mean `field-removed`?"),
        (&["a.frugal", "a.frugal", "--allow-file", "allow.txt"], "allow.txt: line 2: there is no rule `feild-removed`"),
        (&["a.frugal", "a.frugal", "--allow-file", "none.txt"], "none.txt cannot be read"),
        (&["--explain", "nothing-at-all"], "--list"),
    ] {
        let (out, err) = audited(folder.path(), arguments, 2);
        assert_eq!(out, "", "{arguments:?}");
        assert_has(&err, &[expected]);
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let folder = folder(&[]);
    let (list, _) = audited(folder.path(), &["--list"], 0);
    assert_has(&list, &["field-removed", "  error    Only an optional field is removed.\n"]);
    for rule in list.lines().map(|line| line.split(' ').next().expect("a line has a word")) {
        let (explained, _) = audited(folder.path(), &["--explain", rule], 0);
        assert!(explained.starts_with(rule), "{explained}");
    }
}

/// The table of `docs/audit.md`, and the members it names.
#[test]
fn the_page_says_what_the_command_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let folder = folder(&[("old.frugal", OLD), ("new.frugal", BROKEN)]);
    let (list, _) = audited(folder.path(), &["--list"], 0);
    let words = |line: &str| line.replace(['|', '`'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let listed: Vec<String> = list.lines().map(words).collect();
    let rows = page.lines().filter(|line| line.contains("| error |") || line.contains("| warning |"));
    assert_eq!(rows.map(words).collect::<Vec<_>>(), listed);
    let (out, _) = audited(folder.path(), &["old.frugal", "new.frugal", "--format", "json"], 1);
    let finding: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("a line of JSON");
    for object in [&finding, &finding["places"][0]] {
        for name in object.as_object().expect("an object").keys() {
            assert!(page.contains(&format!("`{name}`")), "the page does not name {name}");
        }
    }
}

/// A repository with these files committed, tagged `v1`; `None` where there is no git.
fn repository(test: &str, files: &[(&str, &str)]) -> Option<TempDir> {
    if Command::new("git").arg("--version").output().is_err() {
        skipped(test, "there is no git");
        return None;
    }
    let folder = folder(files);
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(folder.path());
    git(folder.path(), &["tag", "v1"]);
    Some(folder)
}

fn git(folder: &Path, arguments: &[&str]) {
    let settings = [
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    ];
    let output = Command::new("git").args(settings).args(arguments).current_dir(folder).output().expect("git runs");
    assert!(output.status.success(), "{arguments:?}\n{}", text(&output.stderr));
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "Go on"]);
}

const MUSIC: &str = "include \"../shared/common.frugal\"\nstruct Album { 1: list<common.Track> tracks }\n";
const COMMON: &str = "struct Track {\n    1: string title,\n}\n";

fn music(test: &str) -> Option<TempDir> {
    repository(test, &[("idl/music.frugal", MUSIC), ("shared/common.frugal", COMMON)])
}

#[test]
fn a_revision_is_read_with_what_it_includes() {
    let Some(folder) = music("a_revision_is_read_with_what_it_includes") else { return };
    write(folder.path(), &[("shared/common.frugal", &COMMON.replace("string", "binary"))]);
    let expected = "struct Track: field title: types not equal: 'string' -> 'binary'";
    let (out, _) = audited(folder.path(), &["--against", "main", "idl/music.frugal"], 1);
    assert_has(
        &out,
        &[expected, "main:idl/../shared/common.frugal:2:15", "FAILED: audit of idl/music.frugal against main"],
    );
    // From below the top folder, by an absolute path, by a tag, and after the change was committed.
    commit(folder.path());
    let (out, _) = audited(&folder.path().join("idl"), &["--against", "v1", "music.frugal", "--format", "json"], 1);
    let found: Value = serde_json::from_str(&out).expect("a line of JSON");
    assert_eq!((&found["message"], &found["places"][1]["revision"]), (&expected.into(), &"v1".into()));
    let absolute = folder.path().join("idl/music.frugal");
    let (out, _) = audited(folder.path(), &["--against", "HEAD~1", absolute.to_str().expect("UTF-8")], 1);
    assert_has(&out, &[expected]);
    let (out, _) = audited(folder.path(), &["--against", "main", "idl/music.frugal"], 0);
    assert_eq!(out, "audit of idl/music.frugal against main: no breaking changes, 0 warnings\n");
}

#[test]
fn several_files_are_compared_at_once_and_new_ones_break_nothing() {
    let Some(folder) = music("several_files_are_compared_at_once_and_new_ones_break_nothing") else { return };
    write(folder.path(), &[("idl/charts.frugal", "include \"music.frugal\"\nscope Charts { Changed: music.Album }\n")]);
    let files = ["--against", "main", "idl/charts.frugal", "idl/music.frugal", "shared/common.frugal"];
    let (out, err) = audited(folder.path(), &files, 0);
    assert_eq!(out, "audit of 3 files against main: no breaking changes, 0 warnings\n");
    assert_eq!(err, "note: idl/charts.frugal is not in main: all of it is new\n");
    write(folder.path(), &[("shared/common.frugal", "struct Track {}\n")]);
    let (out, _) = audited(folder.path(), &files, 1);
    assert_has(&out, &["error[field-removed]: struct Track: field title"]);
}

#[test]
fn an_include_is_found_in_the_revision_by_an_include_folder() {
    let files = [
        ("idl/music.frugal", "include \"common.frugal\"\nstruct Album { 1: common.Track track }\n"),
        ("shared/common.frugal", COMMON),
    ];
    let Some(folder) = repository("an_include_is_found_in_the_revision_by_an_include_folder", &files) else { return };
    write(folder.path(), &[("shared/common.frugal", &COMMON.replace("string", "i32"))]);
    let (out, _) = audited(folder.path(), &["--against", "main", "idl/music.frugal", "-I", "shared"], 1);
    assert_has(&out, &["main:shared/common.frugal:2:15"]);
}

#[test]
fn what_git_cannot_give_ends_with_exit_code_2() {
    let Some(folder) = music("what_git_cannot_give_ends_with_exit_code_2") else { return };
    let refused = |arguments: &[&str], expected: &[&str]| {
        let (out, err) = audited(folder.path(), arguments, 2);
        assert_eq!(out, "");
        assert_has(&err, expected);
    };
    refused(&["--against", "nowhere", "idl/music.frugal"], &["`nowhere` is no revision of the repository"]);
    refused(&["--against=--output=x", "idl/music.frugal"], &["no revision begins with a dash"]);
    assert!(!folder.path().join("x").exists());
    // The old state does not include what it says it does.
    fs::remove_file(folder.path().join("shared/common.frugal")).expect("the file is removed");
    commit(folder.path());
    write(folder.path(), &[("shared/common.frugal", COMMON)]);
    let expected = ["they have errors in main", "cannot read the included file `../shared/common.frugal`"];
    refused(&["--against", "main", "idl/music.frugal"], &expected);
}

#[test]
fn a_folder_that_is_in_no_repository_is_named() {
    if Command::new("git").arg("--version").output().is_err() {
        return skipped("a_folder_that_is_in_no_repository_is_named", "there is no git");
    }
    let folder = folder(&[("a.frugal", OLD)]);
    let program = env!("CARGO_BIN_EXE_thriftwood");
    let mut command = Command::new(program);
    // A folder for temporary files may itself be in a repository.
    command.env("GIT_CEILING_DIRECTORIES", folder.path().parent().expect("a parent"));
    let output = command.args(["audit", "--against", "main", "a.frugal"]).current_dir(folder.path()).output();
    let output = output.expect("the command runs");
    assert_eq!(output.status.code(), Some(2));
    assert_has(
        &text(&output.stderr),
        &["`--against` needs a git repository, and a.frugal is in none", "not a git repository"],
    );
}
