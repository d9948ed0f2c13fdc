//! What is said of files that are wrong or unwise, word for word.
//!
//! Each case in `tests/diagnostics` is a file, or a folder whose `main.frugal` is compiled, beside a `.stderr` with what is
//! printed. `THRIFTWOOD_BLESS=1 cargo test -p thriftwood-idl --test diagnostics` writes the `.stderr` files anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use support::{Memory, codes, rendered};
use thriftwood_idl::diagnostics::{Code, Level, Style};
use thriftwood_idl::{Compilation, Files, Options, compile_with};

/// The files of one folder, under paths that begin there, so that nothing printed depends on where the folder is.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

/// Every case: the path of its `.stderr` and what it gives.
fn cases() -> Vec<(PathBuf, Compilation)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "stderr") {
            continue;
        }
        let (within, main) = match path.is_dir() {
            true => (path.clone(), "main.frugal".into()),
            false => (folder(), PathBuf::from(path.file_name().unwrap())),
        };
        cases.push((path.with_extension("stderr"), compile_with(&Folder(within), &[main], &Options::default())));
    }
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(!cases.is_empty());
    for pair in cases.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "two cases have one golden file");
    }
    cases
}

/// Compares what is printed with the golden file, or writes that anew.
fn check(golden: &Path, printed: &str) -> Result<(), String> {
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        // A case that prints nothing has no golden file.
        if printed.is_empty() {
            fs::remove_file(golden).unwrap_or_default();
        } else {
            fs::write(golden, printed).unwrap();
        }
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    if expected == printed {
        return Ok(());
    }
    Err(format!("{}\nexpected:\n{expected}\nprinted:\n{printed}", golden.display()))
}

#[test]
fn every_case_prints_what_its_golden_file_says() {
    let results = cases().into_iter().map(|(golden, compilation)| check(&golden, &rendered(&compilation)));
    let failures: Vec<String> = results.filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_code_has_a_case() {
    let seen: BTreeSet<Code> = cases().iter().flat_map(|(_, compilation)| codes(compilation)).collect();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "no case in tests/diagnostics gives {missing:?}");
}

#[test]
fn there_is_a_model_exactly_when_there_is_no_error() {
    for (golden, compilation) in cases() {
        let failed = compilation.diagnostics.iter().any(thriftwood_idl::diagnostics::Diagnostic::is_error);
        assert_eq!(compilation.model.is_none(), failed, "{}", golden.display());
    }
}

#[test]
fn a_file_that_was_asked_for_and_is_not_there_is_a_finding_without_a_place() {
    let compilation = compile_with(&Memory::default(), &["no.frugal"], &Options::default());
    assert_eq!(codes(&compilation), [Code::MissingFile]);
    let printed = rendered(&compilation);
    assert!(printed.starts_with("error[E0002]: cannot read `no.frugal`\n"), "{printed}");
    assert!(printed.contains("there is no such file"), "{printed}");
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let text = "include \"\\x1b[31m\\u0007.frugal\"\nstruct A { 1: Unknown a /* \u{1b}[31m */ }\nconst A B = {'\\x1b': \u{7} }";
    let printed = rendered(&support::frugal(text));
    assert!(!printed.contains(|letter: char| letter.is_control() && letter != '\n'), "{printed:?}");
}

#[test]
fn colour_changes_how_a_finding_looks_and_not_what_it_says() {
    let compilation = support::frugal("struct A { 1: strin a }");
    let found = &compilation.diagnostics[0];
    let coloured = found.render(&compilation.sources, Style::Colour);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        plain += &rest[..start];
        rest = &rest[start + rest[start..].find('m').unwrap() + 1..];
    }
    assert_eq!(plain + rest, found.render(&compilation.sources, Style::Plain));
}

/// The files under a heading of a page: each fence of `thrift`, by the name after that word; the first is `main.frugal`.
fn example(page: &str, heading: &str) -> Vec<(String, String)> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let fences = section.split("```thrift").skip(1).map(|fence| fence.split_once('\n').unwrap());
    let file = |(name, rest): (&str, &str)| {
        let name = if name.is_empty() { "main.frugal" } else { name.trim() };
        (name.to_owned(), rest.split("\n```").next().unwrap().to_owned() + "\n")
    };
    fences.map(file).collect()
}

fn compiled(files: &[(String, String)]) -> Compilation {
    support::compile(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
}

#[test]
fn every_page_has_an_example_that_gives_its_code_and_one_that_does_not() {
    for code in Code::ALL {
        let (page, name) = (code.page(), code.as_str());
        assert!(page.starts_with(&format!("# {name}: ")), "{name} has another heading");
        let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["Why", "Example", "Instead"], "{name}");
        let wrong = compiled(&example(page, "Example"));
        assert!(codes(&wrong).iter().all(|found| found == code), "{name}:\n{}", rendered(&wrong));
        assert!(!wrong.diagnostics.is_empty(), "the example of {name} gives nothing");
        let right = compiled(&example(page, "Instead"));
        assert_eq!(codes(&right), [], "{name}:\n{}", rendered(&right));
    }
}

#[test]
fn every_example_is_formatted() {
    for code in Code::ALL {
        let files = ["Example", "Instead"].into_iter().flat_map(|heading| example(code.page(), heading));
        for (path, text) in files {
            // What cannot be read cannot be formatted.
            if let Ok(formatted) = thriftwood_idl::format(&text) {
                assert_eq!(formatted, text, "{path} of {}", code.as_str());
            }
        }
    }
}

#[test]
fn a_denied_lint_is_an_error_that_says_so() {
    let files = Memory::new(&[("a.frugal", "scope winners { Winner: slist }")]);
    let mut options = Options::default();
    options.lints.set("lower-case-scope", Level::Deny).unwrap();
    options.lints.set("deprecated", Level::Allow).unwrap();
    let compilation = compile_with(&files, &["a.frugal"], &options);
    assert_eq!(codes(&compilation), [Code::LowerCaseScope]);
    assert!(compilation.model.is_none());
    let printed = rendered(&compilation);
    assert!(printed.starts_with("error[W0004]: "), "{printed}");
    assert!(printed.contains("note: the lint `lower-case-scope` is denied, which makes this an error"), "{printed}");

    let silenced = Memory::new(&[("a.frugal", "scope winners { Winner: i32 } (lint.allow = \"lower-case-scope\")")]);
    assert_eq!(codes(&compile_with(&silenced, &["a.frugal"], &options)), []);
}

#[test]
fn codes_are_found_by_their_own_and_by_their_lints_names() {
    assert_eq!(Code::named("e0004"), Some(Code::UnknownType));
    assert_eq!(Code::named("enum-numbering"), Some(Code::EnumNumbering));
    assert_eq!(Code::named("E9999"), None);
    let plain = |summary: &str| summary.ends_with('.') && !summary.starts_with(' ') && summary.len() < 100;
    assert!(Code::ALL.iter().all(|code| plain(code.summary())));
}
