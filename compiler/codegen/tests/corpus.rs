//! The Rust of a corpus of real IDL files is formatted, and compiles without a warning.
//!
//! The corpus stands beside this repository where there is one, and is never required.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use thriftwood_build::rust::{RustOptions, generate_with};
use thriftwood_idl::{Options, compile};

/// The files whose Rust is compiled and documented, by the end of their paths. All of it takes rustc four minutes and 7 GiB, which is for
/// `THRIFTWOOD_CORPUS=all`.
const COMPILED: &[&str] = &[
    "Workiva+frugal/compiler/testdata/idl/variety.frugal",
    "Workiva+frugal/test/integration/frugalTest.frugal",
    "akolb1+gometastore/hmsclient/thrift/hive_metastore.thrift",
    "apache+aurora/api/src/main/thrift/org/apache/aurora/gen/api.thrift",
    "apache+parquet-format/src/main/thrift/parquet.thrift",
    "apache+storm/storm-client/src/storm.thrift",
    "Thrift.Compile.Tests/CassandraTest.thrift",
    "apache+thrift/test/ThriftTest.thrift",
    "apache+thrift/test/UnsafeTypes.thrift",
    "evernote+evernote-thrift/src/NoteStore.thrift",
    "hltcoe+concrete/thrift/services.thrift",
    "jaegertracing+jaeger-idl/thrift/jaeger.thrift",
];

/// Accepted files whose Rust rustc itself gives up on.
const TOO_MUCH_FOR_RUSTC: &[&str] = &[
    // 64 structs inside of each other: an auto trait of the outermost is beyond the recursion limit that crates have by default.
    "lib/st/test/RecursionDepthTest.thrift",
];

/// Files whose mocks have closures with results so long that rustfmt breaks them elsewhere. May only shrink.
const MOCKS_NOT_AS_RUSTFMT: usize = 17;

#[test]
fn the_rust_of_real_idl_is_formatted_and_compiles_without_a_warning() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = std::fs::read_to_string(corpus.join("SOURCES.tsv")) else {
        println!(
            "SKIPPED the_rust_of_real_idl_is_formatted_and_compiles_without_a_warning: no corpus is beside the repository"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = generate(&corpus, &index, folder.path(), &RustOptions::default());
    assert!(files.len() > 500, "only {} files were accepted", files.len());
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(not_as_rustfmt(folder.path(), &names), "", "rustfmt would change these");
    let with_mocks = tempfile::tempdir().expect("a folder");
    let mut options = RustOptions::default();
    options.mocks = true;
    let files_with_mocks = generate(&corpus, &index, with_mocks.path(), &options);
    let names: Vec<String> = files_with_mocks.into_iter().map(|(name, _)| name).collect();
    let differ = not_as_rustfmt(with_mocks.path(), &names);
    let count = differ.lines().count();
    println!("with mocks, {} of {} files are as rustfmt would have them", names.len() - count, names.len());
    assert!(count <= MOCKS_NOT_AS_RUSTFMT, "rustfmt would change {count} files:\n{differ}");
    let all = std::env::var_os("THRIFTWOOD_CORPUS").is_some_and(|wanted| wanted == "all");
    let compiled =
        files.iter().filter(|(_, path)| all || COMPILED.iter().any(|end| path.to_string_lossy().ends_with(end)));
    let compiled: Vec<String> = compiled.map(|(name, _)| name.clone()).collect();
    assert!(compiled.len() >= COMPILED.len(), "a file that is to be compiled is not in the corpus");
    build(folder.path(), &compiled);
}

/// Writes the Rust of each accepted file; gives its name and the path of its IDL.
fn generate(corpus: &Path, index: &str, folder: &Path, rust: &RustOptions) -> Vec<(String, PathBuf)> {
    std::fs::create_dir_all(folder.join("src")).expect("the folder is made");
    let mut rows = index.lines();
    let head: Vec<&str> = rows.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| head.iter().position(|column| *column == name).expect("the index has the column");
    let (file, includes) = (column("file"), column("include_dirs"));
    let mut names = Vec::new();
    for row in rows {
        let row: Vec<&str> = row.split('\t').collect();
        let path = corpus.join(row[file].trim_start_matches("shared/"));
        let include_dirs = row[includes].split(';').map(str::trim).filter(|dir| !dir.is_empty());
        let include_dirs = include_dirs.map(|dir| corpus.join(dir.trim_start_matches("shared/"))).collect();
        let options = Options { include_dirs, ..Options::default() };
        let Some(model) = compile(&[&path], &options).model else { continue };
        // A constant that leaves out a required field is sound IDL and cannot be Rust.
        let Ok(generated) = generate_with(&model, rust.clone()) else { continue };
        if TOO_MUCH_FOR_RUSTC.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let name = format!("file_{}", names.len());
        std::fs::write(folder.join(format!("src/{name}.rs")), generated.tree).expect("the file is written");
        names.push((name, path));
    }
    names
}

/// The files that rustfmt would change, a line for each.
fn not_as_rustfmt(folder: &Path, names: &[String]) -> String {
    std::fs::write(folder.join("rustfmt.toml"), "edition = \"2024\"\n").expect("the file is written");
    let paths = names.iter().map(|name| folder.join(format!("src/{name}.rs")));
    let run = Command::new("rustfmt").args(["--check", "-l"]).args(paths).output();
    let run = run.expect("rustfmt runs: it comes with every Rust toolchain that has the default profile");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

fn build(folder: &Path, names: &[String]) {
    support::manifest(folder, "\"runtime\"", "");
    let modules = names.iter().map(|name| format!("pub mod {name} {{ include!(\"{name}.rs\"); }}\n"));
    std::fs::write(folder.join("src/lib.rs"), modules.collect::<String>()).expect("the crate is written");
    support::cargo(folder, &["check"]);
    support::cargo(folder, &["doc", "--no-deps"]);
    println!("the Rust of {} files compiles, and so does its documentation", names.len());
}
