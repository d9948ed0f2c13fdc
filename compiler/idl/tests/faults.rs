//! Files with one fault each, and a comment with the finding's code on the line that the fault is on: no more and no less is found.
//! Where Thrift is installed it is asked as well, and names that line too, or the one that the comment says it stumbles on.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use thriftwood_idl::{Options, compile};

/// A file, and the line, code and Thrift's line of its fault.
struct Fault {
    path: PathBuf,
    line: usize,
    code: String,
    thrift: usize,
}

fn faults() -> Vec<Fault> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let files = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut faults: Vec<Fault> = files.map(fault).collect();
    faults.sort_by(|a, b| a.path.cmp(&b.path));
    faults
}

fn fault(path: PathBuf) -> Fault {
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let mut marks = text.lines().zip(1..).filter_map(|(text, line)| Some((text.split_once("// E")?.1, line)));
    let ((mark, line), None) = (marks.next().expect("a line is marked"), marks.next()) else {
        panic!("{}: one line is marked", path.display());
    };
    let (code, thrift) = mark.split_once(" Thrift: ").unwrap_or((mark, ""));
    let thrift = if thrift.is_empty() { line } else { thrift.parse().expect("the number of a line") };
    Fault { path, line, code: format!("E{code}"), thrift }
}

#[test]
fn a_fault_is_found_on_its_line_and_nothing_else_is() {
    for Fault { path, line, code, .. } in faults() {
        let compilation = compile(&[&path], &Options::default());
        let place = |span| compilation.sources.position(span).line;
        let found: Vec<(usize, &str)> = compilation
            .diagnostics
            .iter()
            .map(|found| (found.labels.first().map_or(0, |label| place(label.span)), found.code.as_str()))
            .collect();
        assert_eq!(found, [(line, code.as_str())], "{}", path.display());
    }
}

#[test]
fn thrift_stumbles_on_the_line_that_is_written_here() {
    if Command::new("thrift").arg("-version").output().is_err() {
        println!("SKIPPED thrift_stumbles_on_the_line_that_is_written_here: no `thrift` is installed");
        return;
    }
    for Fault { path, thrift, .. } in faults() {
        if path.extension().is_none_or(|extension| extension != "thrift") {
            continue;
        }
        let run = Command::new("thrift").args(["-o", env!("CARGO_TARGET_TMPDIR"), "--gen", "json"]).arg(&path).output();
        let run = run.expect("Thrift runs");
        let said = String::from_utf8_lossy(&run.stderr) + String::from_utf8_lossy(&run.stdout);
        let place = format!("{}:{thrift}]", path.display());
        let first = said.lines().find(|line| line.starts_with("[ERROR") || line.starts_with("[FAILURE"));
        assert!(!run.status.success() && first.is_some_and(|line| line.contains(&place)), "{place} is not in:\n{said}");
    }
}
