//! How `thriftwood check` treats lints, and what it reports to programs.

mod support;

use serde_json::{Value, json};
use support::{Ran, assert_holds, folder, thriftwood, unheard};

const UNWISE: &str = "scope winners {\n    Winner: slist\n}\n";

fn check(options: &[&str]) -> Ran {
    let folder = folder(&[("a.frugal", UNWISE)]);
    thriftwood(folder.path(), &[&["check", "a.frugal"], options].concat())
}

#[test]
fn warnings_are_shown_and_let_it_succeed() {
    let ran = check(&[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 file, no errors, 2 warnings\n"));
    assert_holds(&ran.err, &["warning[W0002]", "warning[W0004]"]);
    assert!(!ran.err.contains("thriftwood explain"), "{}", ran.err);
}

#[test]
fn a_denied_lint_is_an_error_and_an_allowed_one_is_not_shown() {
    let ran = check(&["--deny", "lower-case-scope", "--allow", "deprecated"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "1 file, 1 error, 0 warnings\n"));
    assert_holds(&ran.err, &["error[W0004]", "the lint `lower-case-scope` is denied"]);
    assert!(!ran.err.contains("W0002"), "{}", ran.err);
}

#[test]
fn all_lints_are_denied_or_allowed_at_once_but_for_those_named() {
    let ran = check(&["--deny", "warnings", "--allow", "W0002"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "1 file, 1 error, 0 warnings\n"));
    let ran = check(&["--allow", "warnings"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "1 file, no errors, 0 warnings\n", ""));
    let ran = check(&["--allow", "deprecated", "--deny", "deprecated"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "1 file, 1 error, 1 warning\n"));
}

#[test]
fn whatever_reads_idl_denies_and_allows_lints_as_check_does() {
    for command in [&["gen", "rust"][..], &["gen", "json"], &["doc"]] {
        let folder = folder(&[("a.frugal", UNWISE)]);
        let run = |more: &[&str]| thriftwood(folder.path(), &[command, &["a.frugal", "--out", "out"], more].concat());
        let ran = run(&["--deny", "lower-case-scope", "--allow", "deprecated"]);
        assert_eq!(ran.code, Some(1), "{command:?}");
        assert_holds(&ran.err, &["error[W0004]", "the lint `lower-case-scope` is denied"]);
        assert!(!ran.err.contains("W0002") && !folder.path().join("out").exists(), "{}", ran.err);
        let ran = run(&["--allow", "warnings"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{command:?}");
        assert!(folder.path().join("out").exists(), "{command:?}");
    }
}

#[test]
fn a_lint_there_is_not_is_refused_with_the_one_that_was_meant() {
    let ran = check(&["--deny", "deprecatd"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert_holds(&ran.err, &["there is no lint `deprecatd`; did you mean `deprecated`?"]);
}

#[test]
fn the_first_error_is_followed_by_where_more_is_said_about_it() {
    let folder = folder(&[("a.frugal", "struct Album {\n    1: strin title,\n    1: i32 year,\n}\n")]);
    let ran = thriftwood(folder.path(), &["check", "a.frugal"]);
    assert_eq!(ran.code, Some(1));
    let last = ran.err.trim_end().lines().last();
    assert_eq!(last, Some("`thriftwood explain E0004` says more about this kind of error"));
}

#[test]
fn json_has_one_object_per_line_with_places_in_lines_characters_and_bytes() {
    let folder =
        folder(&[("idl/a.frugal", "// café\nstruct Album {\n    /* é */ 1: strin title,\n    2: slist b,\n}\n")]);
    let ran = thriftwood(folder.path(), &["check", "--format", "json", "--deny", "deprecated", "idl/a.frugal"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
    let found: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let unknown = json!({
        "code": "E0004",
        "severity": "error",
        "lint": null,
        "message": "there is no type `strin`",
        "labels": [{
            "file": "idl/a.frugal",
            "text": "",
            "start": { "line": 3, "column": 16, "offset": 40 },
            "end": { "line": 3, "column": 21, "offset": 45 },
        }],
        "notes": [],
        "help": "did you mean `string`?",
    });
    assert_eq!(found[0], unknown);
    assert_eq!(found.len(), 2);
    assert_eq!((&found[1]["severity"], &found[1]["lint"]), (&json!("error"), &json!("deprecated")));
}

#[test]
fn json_of_a_sound_file_is_empty_and_of_a_missing_one_has_no_place() {
    let folder = folder(&[("a.frugal", "struct Album {}\n")]);
    let ran = thriftwood(folder.path(), &["check", "--format", "json", "a.frugal"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    let ran = thriftwood(folder.path(), &["check", "--format", "json", "nowhere.frugal"]);
    assert_eq!(ran.code, Some(1));
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&found["code"], &found["labels"]), (&json!("E0002"), &json!([])));
}

#[test]
fn what_was_found_is_in_the_exit_code_though_nobody_reads_it() {
    let folder = folder(&[("broken.frugal", "struct {"), ("sound.frugal", "struct   Album { 1: string asin }\n")]);
    for (arguments, code) in [
        (&["check", "broken.frugal"][..], 1),
        (&["check", "--format", "json", "broken.frugal"], 1),
        (&["check", "sound.frugal"], 0),
        (&["fmt", "--check", "sound.frugal"], 1),
        (&["fmt", "broken.frugal"], 1),
        (&["explain", "E9999"], 1),
        (&["gen", "json", "sound.frugal"], 0),
    ] {
        assert_eq!(unheard(folder.path(), arguments), Some(code), "{arguments:?}");
    }
}
