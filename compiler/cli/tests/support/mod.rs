//! Runs the command in a folder of its own.

#![allow(dead_code, clippy::expect_used, reason = "each test binary uses its part; a test whose parts fail has failed")]

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    }
    folder
}

pub(crate) fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).expect("the file is there")
}

/// What a run printed, and what it exited with.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn thriftwood(folder: &Path, arguments: &[&str]) -> Ran {
    fed(folder, arguments, "")
}

/// Runs the command with a text as its standard input.
pub(crate) fn fed(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thriftwood"));
    run(command.args(arguments).current_dir(folder), input)
}

/// What the command exits with when whoever read its output and its complaints has gone before it says anything.
pub(crate) fn unheard(folder: &Path, arguments: &[&str]) -> Option<i32> {
    let closed = || std::io::pipe().expect("a pipe").1;
    let mut command = Command::new(env!("CARGO_BIN_EXE_thriftwood"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(closed()).stderr(closed());
    command.status().expect("the command runs").code()
}

/// What bash prints when it runs a script; `None` where there is no bash.
pub(crate) fn bash(script: &str) -> Option<String> {
    Command::new("bash").arg("--version").stdout(Stdio::null()).status().ok()?;
    Some(run(Command::new("bash").arg("--norc"), script).out)
}

/// A command that runs, its output to be read as it comes; killed when it is dropped.
pub(crate) struct Running(pub(crate) Child);

/// Starts the command.
pub(crate) fn started(folder: &Path, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thriftwood"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().expect("the command starts"))
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // A command that reads nothing may be gone by now.
    let _ = child.stdin.take().expect("its input is a pipe").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the command ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: status.code(), out: text(&stdout), err: text(&stderr) }
}

/// Asserts that a text holds all of these.
pub(crate) fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
