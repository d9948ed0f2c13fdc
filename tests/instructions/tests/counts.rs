//! Counts the instructions of a call, an event and a value, and holds them to what they were: a clock on a shared machine swings by
//! two, these come out the same within some thousandths.
//!
//! The program is built with optimization and run twice under valgrind, the second time for twice as many; the difference is
//! what one takes, without what starting takes. `THRIFTWOOD_BLESS=1` writes the figures down, to be looked at and committed.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is counted, and how many of it in the first run.
const OPERATIONS: [(&str, u64); 12] = [
    ("call", 500),
    ("call, 64 in flight", 1280),
    ("handle", 1000),
    // What a layer costs is the difference of these two.
    ("answered call", 300),
    ("answered, a layer", 300),
    ("publish", 1000),
    ("binary encode", 2000),
    ("binary decode", 1000),
    ("binary decode, shared text", 1000),
    ("compact encode", 1000),
    ("compact decode", 1000),
    ("compact decode, shared text", 1000),
];

/// Per cent that a figure may grow, or shrink unnoticed. The next compiler and the next tokio move all of them by a few.
const TOLERANCE: u64 = 10;

#[test]
fn a_call_an_event_and_a_value_take_no_more_instructions_than_they_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        thriftwood_test_support::skipped("instructions", "there is no valgrind on the PATH");
        return;
    }
    let program = build();
    let counted = OPERATIONS.map(|(operation, count)| {
        let (once, twice) = (instructions(&program, operation, count), instructions(&program, operation, 2 * count));
        (operation, (twice - once) / count)
    });
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/counts.txt");
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        std::fs::write(&golden, table(&counted)).unwrap();
        return;
    }
    print!("{}", table(&counted));
    let findings = against(&std::fs::read_to_string(&golden).unwrap(), &counted);
    assert!(
        findings.is_empty(),
        "{}\nwhere that is meant, THRIFTWOOD_BLESS=1 cargo test -p thriftwood-instructions writes it down",
        findings.join("\n")
    );
}

#[test]
fn a_figure_that_grew_or_shrank_by_more_than_the_tolerance_is_found() {
    let golden = "a  1000\nb  1000\nc  1000\nd  1000\ngone  7\n";
    let counted = [("a", 1100), ("b", 1101), ("c", 900), ("d", 899), ("new", 7)];
    let findings = against(golden, &counted);
    let about: Vec<_> = findings.iter().map(|finding| finding.split(':').next().unwrap()).collect();
    assert_eq!(about, ["b", "d", "new", "gone"], "{findings:?}");
}

/// Builds the program as it is measured elsewhere, in cargo's own target folder.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--message-format=json", "-p", "thriftwood-instructions"]);
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let program = messages.split("\"executable\":\"").nth(1).and_then(|rest| rest.split('"').next());
    program.expect("cargo says where the program is").into()
}

/// The instructions of one run, as valgrind counts them.
fn instructions(program: &Path, operation: &str, count: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let run = valgrind.args([operation, &count.to_string()]).output().expect("valgrind runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{operation}: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    collected.and_then(|(_, number)| number.trim().parse().ok()).expect("valgrind says what it counted")
}

/// Figures that are not what was written down, and what was written down or counted alone.
fn against(golden: &str, counted: &[(&str, u64)]) -> Vec<String> {
    let known: Vec<(&str, u64)> = golden
        .lines()
        .map(|line| line.rsplit_once("  ").expect("a name and a number"))
        .map(|(name, number)| (name.trim(), number.trim().parse().expect("a number")))
        .collect();
    let mut findings = Vec::new();
    for &(name, now) in counted {
        match known.iter().find(|(known, _)| *known == name) {
            None => findings.push(format!("{name}: {now} instructions, and nothing written down")),
            Some((_, was)) if now * 100 > was * (100 + TOLERANCE) => {
                findings.push(format!("{name}: {now} instructions, and it took {was}"));
            }
            Some((_, was)) if now * 100 < was * (100 - TOLERANCE) => {
                findings.push(format!("{name}: {now} instructions, so few that {was} hold it to nothing any more"));
            }
            Some(_) => {}
        }
    }
    let gone = known.iter().filter(|(known, _)| counted.iter().all(|(name, _)| name != known));
    findings.extend(gone.map(|(name, _)| format!("{name}: is written down, and not counted")));
    findings
}

fn table(counted: &[(&str, u64)]) -> String {
    counted.iter().fold(String::new(), |mut table, (name, count)| {
        writeln!(table, "{name:<20}  {count:>6}").unwrap();
        table
    })
}
