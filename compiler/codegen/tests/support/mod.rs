//! A crate of generated code, built by Cargo as a user's would be.

#![allow(dead_code, clippy::expect_used, reason = "each test binary uses its part; a test whose parts fail has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a folder a crate that depends on the runtime's core with these features, by the name that generated code uses, and on what
/// `more` says.
pub(crate) fn manifest(folder: &Path, features: &str, more: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let core = root.join("runtime/core").canonicalize().expect("core is there");
    let manifest = format!(
        "[package]\nname = \"generated\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nthriftwood = {{ package = \
         \"thriftwood-core\", path = {core:?}, default-features = false, features = [{features}] }}\n{more}\n[workspace]\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("the manifest is written");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file is copied");
}

/// Runs cargo in a folder, where it must have nothing to say on standard error, and gives what it printed.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let (command, rest) = arguments.split_first().expect("a command");
    let run = Command::new(env!("CARGO"))
        .args([command, "--quiet"])
        .args(rest)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target())
        .env("RUSTDOCFLAGS", "-D warnings")
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && !said.contains("warning"), "cargo {}:\n{said}", arguments.join(" "));
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// This workspace's own target folder, where the dependencies are built already.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    test.ancestors().nth(3).expect("it is in target/PROFILE/deps").to_owned()
}
