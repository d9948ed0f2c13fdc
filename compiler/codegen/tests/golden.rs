//! What is generated is what is kept in `golden/`, and rustfmt has nothing to change in it.
//!
//! `THRIFTWOOD_BLESS=1` writes the files anew instead of comparing them.

use std::path::{Path, PathBuf};
use std::process::Command;

use thriftwood_build::rust::RustOptions;
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::{Options, compile};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares the Rust of one IDL file with its golden file.
#[allow(clippy::expect_used)]
fn check(idl: &str, golden: &str, options: RustOptions) {
    let compilation = compile(&[here(idl)], &Options::default());
    let text: Vec<String> =
        compilation.diagnostics.iter().map(|d| d.render(&compilation.sources, Style::Plain)).collect();
    let model = compilation.model.unwrap_or_else(|| panic!("{idl} has errors:\n{}", text.join("\n")));
    let generated = thriftwood_build::rust::generate_with(&model, options).expect("the model has a Rust form").tree;
    let golden = here(golden);
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        return std::fs::write(golden, generated).expect("the golden file is written");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    if kept != generated {
        let line = kept.lines().zip(generated.lines()).take_while(|(kept, generated)| kept == generated).count();
        let show = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
        panic!(
            "{}:{}\n     kept: {}\ngenerated: {}\nTHRIFTWOOD_BLESS=1 writes it anew",
            golden.display(),
            line + 1,
            show(&kept),
            show(&generated)
        );
    }
}

#[test]
fn the_music_example_is_as_kept() {
    check("../../idl-examples/idl/music.frugal", "tests/golden/music.rs", RustOptions::default());
}

#[test]
fn every_construct_is_as_kept() {
    check("tests/golden/idl/everything.frugal", "tests/golden/everything.rs", RustOptions::default());
}

#[test]
fn every_option_is_as_kept() {
    let mut options = RustOptions::default();
    options.mocks = true;
    options.derives = vec!["serde::Serialize".to_owned(), "serde::Deserialize".to_owned()];
    check("tests/golden/idl/options.frugal", "tests/golden/options.rs", options);
}

/// With its defaults, not with this workspace's settings: those are what a user has.
#[test]
fn rustfmt_has_nothing_to_change() {
    let config = tempfile::tempdir().unwrap();
    std::fs::write(config.path().join("rustfmt.toml"), "edition = \"2024\"\n").unwrap();
    for golden in ["tests/golden/music.rs", "tests/golden/everything.rs", "tests/golden/options.rs"] {
        let run =
            Command::new("rustfmt").args(["--check", "--config-path"]).arg(config.path()).arg(here(golden)).output();
        let run = run.expect("rustfmt runs: it comes with every Rust toolchain that has the default profile");
        let output = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{golden}:\n{output}{}", String::from_utf8_lossy(&run.stderr));
    }
}
