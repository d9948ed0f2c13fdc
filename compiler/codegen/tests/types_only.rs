//! Types without services compile without the runtime, and so without tokio.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::path::Path;

use thriftwood_build::Builder;

#[test]
fn types_and_their_codec_need_no_tokio() {
    let folder = tempfile::tempdir().expect("a folder");
    let everything = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/idl/everything.frugal");
    let built = Builder::new().types_only(true).out_dir(folder.path().join("src")).compile([everything]);
    built.into_result().expect("the types are generated");
    support::manifest(folder.path(), "", "");
    std::fs::write(folder.path().join("src/lib.rs"), "include!(\"thriftwood/mod.rs\");\n")
        .expect("the crate is written");
    support::cargo(folder.path(), &["check"]);
    let tree = support::cargo(folder.path(), &["tree", "--edges", "normal", "--prefix", "none"]);
    assert!(tree.contains("thriftwood-core") && !tree.contains("tokio"), "{tree}");
}
