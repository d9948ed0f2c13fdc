//! The Rust of a corpus of real IDL files is formatted, and compiles without a warning of rustc's, rustdoc's or clippy's.
//!
//! The corpus stands beside this repository where there is one, and is never required.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use thriftwood_build::RustType;
use thriftwood_build::rust::{RustOptions, generate_with};
use thriftwood_idl::{Options, compile};

/// The files whose Rust is compiled and documented, by the end of their paths. All of it takes half an hour of two cores that have other work, which is for
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

/// What clippy's pedantic lints find in generated code, where it is as it is on purpose. Nothing else of what is pedantic is in it.
const PEDANTIC: &[&str] = &[
    // Names and documentation are the IDL's.
    "doc_markdown",
    "many_single_char_names",
    "similar_names",
    "struct_field_names",
    // So are the shapes of types and functions, and how many there are.
    "fn_params_excessive_bools",
    "struct_excessive_bools",
    "too_many_lines",
    "zero_sized_map_values",
    // An arm for each method and a wildcard, of however many; a service may have one, or none.
    "match_same_arms",
    "match_wildcard_for_single_variants",
    "single_match_else",
    "unused_async",
    "unused_self",
    // Every call can fail, and every constructor is there to be used: to say so each time would be noise.
    "missing_errors_doc",
    "must_use_candidate",
];

/// How many files are in one crate when all are compiled: rustc takes some 15 MiB for each.
const CRATE: usize = 100;

#[test]
fn the_rust_of_real_idl_is_formatted_and_compiles_without_a_warning() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = std::fs::read_to_string(corpus.join("SOURCES.tsv")) else {
        println!(
            "SKIPPED the_rust_of_real_idl_is_formatted_and_compiles_without_a_warning: no corpus is beside the repository"
        );
        return;
    };
    for mocks in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = RustOptions::default();
        options.mocks = mocks;
        // The second time with another type for text, so that both are held to compile.
        options.types = if mocks { vec![RustType::ByteString] } else { Vec::new() };
        let files = generate(&corpus, &index, folder.path(), &options);
        assert!(files.len() > 500, "only {} files were accepted", files.len());
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(not_as_rustfmt(folder.path(), &names), "", "rustfmt would change these");
        let all = std::env::var_os("THRIFTWOOD_CORPUS").is_some_and(|wanted| wanted == "all");
        let compiled =
            files.iter().filter(|(_, path)| all || COMPILED.iter().any(|end| path.to_string_lossy().ends_with(end)));
        let compiled: Vec<String> = compiled.map(|(name, _)| name.clone()).collect();
        assert!(compiled.len() >= COMPILED.len(), "a file that is to be compiled is not in the corpus");
        compiled.chunks(CRATE).for_each(|names| build(folder.path(), names));
        println!("the Rust of {} files compiles, mocks: {mocks}; so does its documentation", compiled.len());
    }
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

/// Compiles a crate of these files, and its documentation.
fn build(folder: &Path, names: &[String]) {
    support::manifest(folder, "\"runtime\"", "");
    // Generated code allows what is pedantic, which would hide it here.
    for name in names {
        let path = folder.join(format!("src/{name}.rs"));
        let text = std::fs::read_to_string(&path).expect("the file is there");
        let allowed = text.contains("    clippy::pedantic,\n") || !text.contains("pub mod");
        assert!(allowed, "{name} does not allow what is pedantic");
        std::fs::write(&path, text.replace("    clippy::pedantic,\n", "")).expect("the file is written");
    }
    // What a crate keeps to itself, as an application does, clippy looks at more closely.
    let modules = names.iter().map(|name| format!("mod {name} {{ include!(\"{name}.rs\"); }}\n"));
    let modules: String = modules.collect();
    std::fs::write(folder.join("src/lib.rs"), &modules).expect("the crate is written");
    let allowed: Vec<String> = PEDANTIC.iter().map(|lint| format!("-Aclippy::{lint}")).collect();
    let mut clippy = vec!["clippy", "--", "-Dwarnings", "-Dclippy::pedantic"];
    clippy.extend(allowed.iter().map(String::as_str));
    support::cargo(folder, &clippy);
    std::fs::write(folder.join("src/lib.rs"), modules.replace("mod file", "pub mod file"))
        .expect("the crate is written");
    support::cargo(folder, &["doc", "--no-deps"]);
}
