//! What both peers reject is rejected for a fault of the file, on the line of that fault.
//!
//! `rejected.tsv` has for each such file the code, file and line of our first error. Where neither peer names that line, it says why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thriftwood_idl::Compilation;

use crate::cases::{Case, cases};

#[test]
fn what_both_peers_reject_is_rejected_on_the_line_that_they_name_or_for_a_reason() {
    let Some(cases) = cases() else {
        println!("SKIPPED corpus: no ../shared/corpus beside the workspace; it is never required, not in CI either");
        return;
    };
    let rows = include_str!("rejected.tsv").lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    let mut expected: BTreeMap<&str, (&str, &str)> = rows.map(|row| (row[0], (row[1], row[2]))).collect();
    let mut failures = String::new();
    let mut named = 0;
    for case in cases.iter().filter(|case| !case.thrift && !case.frugal) {
        let Some(Found { code, file, line }) = first_error(&case.compile()) else { continue };
        let found = format!("{code} {file}:{line}");
        let by_a_peer = is_named(case, &file, line);
        named += usize::from(by_a_peer);
        match expected.remove(case.path.as_str()) {
            None => writeln!(failures, "{}: {found} is not in the table", case.path),
            Some((kept, _)) if kept != found => writeln!(failures, "{}: {found} instead of {kept}", case.path),
            Some((_, "")) if !by_a_peer => writeln!(failures, "{}: {found}, but {:?}", case.path, case.said),
            Some((_, why)) if by_a_peer && !why.is_empty() => {
                writeln!(failures, "{}: a peer names {found}, so that needs no reason", case.path)
            }
            Some(_) => Ok(()),
        }
        .expect("a string takes all");
    }
    println!("{named} of those that both reject are rejected on the line that a peer names");
    assert!(failures.is_empty() && expected.is_empty(), "{failures}{expected:?} are not rejected any more");
}

struct Found {
    code: &'static str,
    file: String,
    line: usize,
}

fn first_error(compilation: &Compilation) -> Option<Found> {
    let error = compilation.diagnostics.iter().find(|found| found.is_error())?;
    let span = error.labels.first()?.span;
    let path = &compilation.sources.get(span.source)?.path;
    let file = path.file_name()?.to_string_lossy().into_owned();
    Some(Found { code: error.code.as_str(), file, line: compilation.sources.position(span).line })
}

/// Whether a peer's message has this file and line: `[ERROR:a/b.thrift:3]` is Thrift's way, `a/b.thrift:3:1 (32)` Frugal's.
fn is_named(case: &Case, file: &str, line: usize) -> bool {
    let [thrift, frugal] = &case.said;
    thrift.starts_with('[') && thrift.split(']').next().is_some_and(|head| head.ends_with(&format!("/{file}:{line}")))
        || frugal.contains(&format!("/{file}:{line}:"))
}
