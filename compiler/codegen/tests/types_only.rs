//! Types without services compile without the runtime, and so without tokio.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::Path;
use std::process::Command;

use thriftwood_build::Builder;

#[test]
fn types_and_their_codec_need_no_tokio() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let everything = here.join("tests/golden/idl/everything.frugal");
    let built = Builder::new().types_only(true).out_dir(folder.path().join("src")).compile([everything]);
    built.into_result().expect("the types are generated");
    let core = here.join("../../runtime/core").canonicalize().expect("core is there");
    let manifest = format!(
        "[package]\nname = \"types\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         thriftwood = {{ package = \"thriftwood-core\", path = {core:?}, default-features = false }}\n\n[workspace]\n"
    );
    std::fs::write(folder.path().join("Cargo.toml"), manifest).expect("the manifest is written");
    std::fs::copy(here.join("../../Cargo.lock"), folder.path().join("Cargo.lock")).expect("the lock file is copied");
    std::fs::write(folder.path().join("src/lib.rs"), "include!(\"thriftwood/mod.rs\");\n")
        .expect("the crate is written");
    cargo(folder.path(), &["check", "--quiet"]);
    let tree = cargo(folder.path(), &["tree", "--edges", "normal", "--prefix", "none"]);
    assert!(tree.contains("thriftwood-core") && !tree.contains("tokio"), "{tree}");
}

fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let test = std::env::current_exe().expect("a test is a file");
    let target = test.ancestors().nth(3).expect("it is in target/PROFILE/deps");
    let run = Command::new(env!("CARGO")).args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target).output();
    let run = run.expect("cargo runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && !said.contains("warning"), "cargo {}:\n{said}", arguments.join(" "));
    String::from_utf8_lossy(&run.stdout).into_owned()
}
