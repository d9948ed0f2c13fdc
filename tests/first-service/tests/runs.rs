//! The first service runs, and runs again on the log it left.

use std::path::PathBuf;
use std::process::Command;

const SAID: &str = "\
the service says: Hello, Ada!
the service asks: who is it?
the subscriber got: Ada was greeted
";

/// Runs the service on a directory and gives what it printed.
fn run(dir: &PathBuf) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_first-service")).arg(dir).output().expect("the service starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn a_first_service_serves_calls_publishes_and_receives() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("first-service-{}", std::process::id()));
    assert_eq!(run(&dir), SAID);
    assert!(dir.is_dir(), "what was published is on disk");
    assert_eq!(run(&dir), SAID, "again, on the log that is there");
    std::fs::remove_dir_all(dir).expect("the log can be removed");
}
