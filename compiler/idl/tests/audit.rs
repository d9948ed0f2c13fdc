//! What an audit says of two contracts, word for word.
//!
//! Each folder of `tests/audit` is a case: `old.frugal` and `new.frugal`, or the folders `old` and `new` with a `main.frugal`
//! each, and `expected.txt` with what is printed; a case whose name begins with `clean_` prints nothing and has none.
//! `THRIFTWOOD_BLESS=1 cargo test -p thriftwood-idl --test audit` writes the `expected.txt` anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use support::{Memory, model, rendered};
use thriftwood_idl::audit::{Finding, Rule, Side, Sides, audit};
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::model::{BaseType, Type};
use thriftwood_idl::{Compilation, Files, Options, compile, compile_with};

/// The files of one case, under paths that begin there.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

struct Case {
    name: String,
    folder: PathBuf,
    old: Compilation,
    new: Compilation,
}

impl Case {
    fn findings(&self) -> Vec<Finding> {
        audit(model(&self.old), model(&self.new))
    }

    fn printed(&self) -> String {
        print(&self.old, &self.new, &self.findings())
    }
}

fn print(old: &Compilation, new: &Compilation, findings: &[Finding]) -> String {
    let sides = Sides { old: &old.sources, new: &new.sources, revision: None };
    let each = findings.iter().map(|finding| finding.render(&sides, Style::Plain) + "\n");
    each.collect::<Vec<_>>().join("\n")
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    let case = |folder: PathBuf| {
        let root = |side: &str| match folder.join(side).is_dir() {
            true => format!("{side}/main.frugal"),
            false => format!("{side}.frugal"),
        };
        let [old, new] =
            ["old", "new"].map(|side| compile_with(&Folder(folder.clone()), &[root(side)], &Options::default()));
        Case { name: folder.file_name().unwrap().to_string_lossy().into_owned(), folder, old, new }
    };
    folders.into_iter().map(case).collect()
}

#[test]
fn every_case_prints_what_it_is_expected_to() {
    let mut failures = String::new();
    for case in cases() {
        let (golden, printed) = (case.folder.join("expected.txt"), case.printed());
        if std::env::var_os("THRIFTWOOD_BLESS").is_some() && !printed.is_empty() {
            fs::write(&golden, &printed).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if printed != expected {
            writeln!(failures, "{}\nexpected:\n{expected}\nprinted:\n{printed}\n", case.name).unwrap();
        }
        assert_eq!(case.name.starts_with("clean_"), expected.is_empty(), "{}: the name says otherwise", case.name);
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_rule_has_a_case_of_its_own() {
    for rule in Rule::ALL {
        let name = rule.id().replace('-', "_");
        let case = cases().into_iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("there is no folder tests/audit/{name}"));
        assert!(case.findings().iter().any(|finding| finding.rule == *rule), "{name} does not give {}", rule.id());
    }
}

#[test]
fn every_rule_has_an_id_of_its_own_and_is_found_by_it() {
    let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert_eq!(Rule::from_id(rule.id()), Ok(*rule));
        assert!(rule.explain().starts_with(rule.id()) && rule.purpose().ends_with('.') && rule.why().ends_with('.'));
        assert!(rule.explain().lines().all(|line| line.len() <= 80), "{}", rule.explain());
    }
}

#[test]
fn a_contract_is_safe_beside_itself() {
    for case in cases() {
        for side in [&case.old, &case.new] {
            assert_eq!(print(side, side, &audit(model(side), model(side))), "", "{}", case.name);
        }
    }
}

#[test]
fn every_finding_points_into_the_texts_it_was_made_of() {
    for case in cases() {
        let sides = Sides { old: &case.old.sources, new: &case.new.sources, revision: Some("main") };
        for finding in case.findings() {
            assert!(!finding.places.is_empty(), "{}", finding.message);
            for place in &finding.places {
                let source = sides.sources(place.side).get(place.span.source).unwrap();
                assert!(source.text.get(place.span.start as usize..place.span.end as usize).is_some());
                let path = sides.path(place.side, place.span);
                assert_eq!(path.starts_with("main:"), place.side == Side::Old, "{path}");
            }
        }
    }
}

#[test]
fn findings_come_by_file_and_from_top_to_bottom() {
    let old = "include \"z.frugal\"\ninclude \"a.frugal\"\nstruct C { 1: i32 x, 2: i32 y }\nstruct B { 1: i32 x }";
    let files = |text: &str, included: &str| {
        let files = [("m.frugal", text), ("z.frugal", included), ("a.frugal", included)];
        compile_with(&Memory::new(&files), &["m.frugal"], &Options::default())
    };
    let (old, new) = (files(old, "struct S { 1: i32 x }"), files(&old.replace("i32", "i64"), "struct S { 1: i64 x }"));
    let things: Vec<String> = audit(model(&old), model(&new)).into_iter().map(|finding| finding.thing).collect();
    assert_eq!(things, ["a.S.x", "m.C.x", "m.C.y", "m.B.x", "z.S.x"]);
}

/// Structs that hold one another in a chain, and constants that name one another: a call for each would need more stack
/// than the thread of a test has.
#[test]
fn long_chains_are_compared_without_recursion() {
    const LENGTH: usize = 5_000;
    let mut chain = String::from("struct S0 { 1: optional i32 x }\nstruct L { 1: optional L next }\nconst L C0 = {}\n");
    for index in 1..LENGTH {
        writeln!(chain, "struct S{index} {{ 1: optional S{} next }}", index - 1).unwrap();
        writeln!(chain, "const L C{index} = {{\"next\": C{}}}", index - 1).unwrap();
    }
    let main = format!("include \"a.frugal\"\ninclude \"b.frugal\"\nstruct Main {{ 1: a.S{} last }}", LENGTH - 1);
    let files = [("m.frugal", &*main), ("a.frugal", &*chain), ("b.frugal", &*chain)];
    let compilation = compile_with(&Memory::new(&files), &["m.frugal"], &Options::default());
    let old = model(&compilation);
    let mut new = old.clone();
    let other = old.files[1].structs[1].fields[0].ty.clone();
    let (Type::Named(last), Type::Named(other)) = (&mut new.files[2].structs[0].fields[0].ty.ty, other.ty) else {
        panic!()
    };
    last.file = other.file;
    assert_eq!(audit(old, &new), []);
    new.files[1].structs[0].fields[0].ty = Type::Base(BaseType::I64).into();
    let found: Vec<String> = audit(old, &new).into_iter().map(|finding| finding.thing).collect();
    assert_eq!(found, ["b.S0.x", "m.Main.last"]);
}

/// A typedef that mentions the one before twice has 2^60 parts when it is written out.
#[test]
fn typedefs_and_constants_that_double_are_compared_once() {
    let mut text = String::from("typedef i32 T0\nconst list<i32> C0 = [1]\n");
    for index in 1..60 {
        writeln!(text, "typedef map<T{0}, T{0}> T{index}", index - 1).unwrap();
    }
    writeln!(text, "struct S {{ 1: T59 x }}").unwrap();
    let (old, new) = (support::frugal(&text), support::frugal(&text.replace("i32 T0", "i64 T0")));
    assert_eq!(audit(model(&old), model(&old)), []);
    let found = audit(model(&old), model(&new));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.ends_with("types not equal: 'i32' -> 'i64'"), "{}", found[0].message);
}

/// What Frugal's own tests expect of its own files: the case, our rule, where it is found, and the message in Frugal's words.
const FRUGAL: &str = include_str!("frugal_audit/verdicts.tsv");

#[test]
fn frugals_own_breaking_changes_give_frugals_verdicts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frugal_audit");
    let read = |name: &str| compile(&[folder.join(name)], &Options::default());
    let mut names = Vec::new();
    for row in FRUGAL.lines().skip(1) {
        let name = row.split('\t').next().unwrap();
        let old = read(if name.starts_with("scope") { "scope.frugal" } else { "test.thrift" });
        let new = read(name);
        let findings = audit(model(&old), model(&new));
        let [finding] = &findings[..] else {
            panic!("{name} has one breaking change:\n{}", print(&old, &new, &findings))
        };
        assert!(finding.is_error(), "{name}: {}", finding.message);
        let (rule, place) = (finding.rule.id(), &finding.places[0]);
        let sides = Sides { old: &old.sources, new: &new.sources, revision: None };
        let at = sides.position(place.side, place.span);
        let side = if place.side == Side::Old { "old" } else { "new" };
        assert_eq!(format!("{name}\t{rule}\t{side} {}:{}\t{}", at.line, at.column, finding.message), row);
        names.push(name);
    }
    let all = (1..=33).map(|n| format!("break{n}.thrift")).chain((1..=7).map(|n| format!("scope{n}.frugal")));
    assert_eq!(names, all.collect::<Vec<_>>());
    for clean in ["test.thrift", "scope.frugal"] {
        assert_eq!(audit(model(&read(clean)), model(&read(clean))), [], "{clean}");
    }
    let (old, new) = (read("test.thrift"), read("warning.thrift"));
    let found = audit(model(&old), model(&new));
    assert!(!found.is_empty() && !found.iter().any(Finding::is_error), "{}", print(&old, &new, &found));
    let rules: BTreeSet<Rule> = found.iter().map(|finding| finding.rule).collect();
    let expected = [Rule::ConstValueChanged, Rule::FieldDefaultChanged, Rule::FieldRenamed];
    assert_eq!(rules, BTreeSet::from(expected), "{}", rendered(&new));
}
