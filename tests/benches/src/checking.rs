//! What generated code costs whoever compiles it: `cargo check` of structs and of services, ours and in the shape that prost's compiler and
//! tonic's emit.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use tonic_build::manual::{Builder, Method, Service};

use crate::process::children_cpu;
use crate::report::{Better, Row};
use crate::rounds::Rounds;

/// How many services there are beside the structs, where there are any, and of how many methods each.
pub const SERVICES: usize = 50;
pub const METHODS: usize = 8;

const TONIC: &str = "tonic = { version = \"0.14\", default-features = false, features = [\"channel\", \"codegen\", \"router\", \"server\"] }\n\
                     tonic-prost = \"0.14\"\nprost = \"0.14\"";

/// Checks the same structs as ours has them, and as prost has them.
pub fn row(rounds: &Rounds, rust: &str, structs: usize) -> Row {
    // The version that this crate's own dependency is locked to.
    compare(rounds, "cargo check of its Rust", rust, ("prost, same structs", "prost = \"0.14\"", &prost(structs)))
}

/// The same of structs and services, client and server of each, as ours has them, and as prost and tonic have them.
pub fn row_with_services(rounds: &Rounds, rust: &str, structs: usize) -> Row {
    let name = "cargo check of Rust with services";
    compare(rounds, name, rust, ("prost and tonic, same shape", TONIC, &(prost(structs) + &tonic())))
}

fn compare(rounds: &Rounds, name: &'static str, rust: &str, (peer, peers, text): (&'static str, &str, &str)) -> Row {
    let folder = tempfile::tempdir().expect("a folder for the crates");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let core = root.join("runtime/core").canonicalize().expect("core is there");
    let ours = format!("thriftwood = {{ package = \"thriftwood-core\", path = {core:?} }}");
    for (name, dependencies, text) in [("ours", ours.as_str(), rust), ("reference", peers, text)] {
        let crate_folder = folder.path().join(name);
        fs::create_dir_all(crate_folder.join("src")).expect("the folder is made");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\n[workspace]\n"
        );
        fs::write(crate_folder.join("Cargo.toml"), manifest).expect("the manifest is written");
        fs::write(crate_folder.join("src/lib.rs"), text).expect("the crate is written");
        fs::copy(root.join("Cargo.lock"), crate_folder.join("Cargo.lock")).expect("the lock file is copied");
    }
    let side = |name| seconds(&folder.path().join(name), &folder.path().join("target"));
    // Each check takes some ten seconds, and processor time hardly differs between them.
    let compared = rounds.at_most(3).compare(|| side("ours"), || side("reference"));
    Row::compared(name, "s", Better::Lower, peer, compared).limits(0.8, 0.5)
}

/// The processor time of `cargo check`, in seconds: rustc's on one thread, as what is checked is one crate. The first time, which
/// does not count, it reads what the crate depends on as well.
fn seconds(folder: &Path, target: &Path) -> f64 {
    let source = folder.join("src/lib.rs");
    let text = fs::read_to_string(&source).expect("the crate is there");
    fs::write(&source, text).expect("the crate is touched");
    let start = children_cpu();
    let mut check = Command::new(env!("CARGO"));
    check.args(["check", "--quiet"]).current_dir(folder);
    check.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
    let run = check.output().expect("cargo runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    children_cpu() - start
}

/// The structs and enums of `compiler.rs`, as prost's compiler would write them.
fn prost(structs: usize) -> String {
    let mut text = String::new();
    for n in 0..structs {
        if n % 10 == 0 {
            write!(
                text,
                "/// What a record {n} can be.\n\
                 #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]\n\
                 #[repr(i32)]\npub enum Kind{n} {{\n    None = 0,\n    First = 1,\n    Second = 2,\n}}\n\
                 impl Kind{n} {{\n    pub fn as_str_name(&self) -> &'static str {{\n        match self {{\n\
                 Self::None => \"NONE\",\nSelf::First => \"FIRST\",\nSelf::Second => \"SECOND\",\n}}\n}}\n\
                 pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {{\n        match value {{\n\
                 \"NONE\" => Some(Self::None),\n\"FIRST\" => Some(Self::First),\n\"SECOND\" => Some(Self::Second),\n\
                 _ => None,\n}}\n}}\n}}\n"
            )
            .expect("a string takes it");
        }
        let kind = n / 10 * 10;
        let (tag, nested) = match n == kind {
            true => ("string", "::prost::alloc::string::String".to_owned()),
            false => ("message", format!("Record{kind}")),
        };
        write!(
            text,
            "/// Record {n}, with a field of each sort.\n\
             #[derive(Clone, PartialEq, ::prost::Message)]\npub struct Record{n} {{\n\
             /// The key.\n#[prost(string, tag = \"1\")]\npub id: ::prost::alloc::string::String,\n\
             #[prost(int64, tag = \"2\")]\npub created_at: i64,\n\
             #[prost(int32, tag = \"3\")]\npub count: i32,\n\
             #[prost(double, optional, tag = \"4\")]\npub weight: ::core::option::Option<f64>,\n\
             #[prost(enumeration = \"Kind{kind}\", tag = \"5\")]\npub kind: i32,\n\
             #[prost(string, repeated, tag = \"6\")]\npub labels: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,\n\
             #[prost(map = \"string, int64\", tag = \"7\")]\n\
             pub totals: ::std::collections::HashMap<::prost::alloc::string::String, i64>,\n\
             #[prost({tag}, repeated, tag = \"8\")]\npub children: ::prost::alloc::vec::Vec<{nested}>,\n\
             #[prost(bytes = \"vec\", tag = \"9\")]\npub payload: ::prost::alloc::vec::Vec<u8>,\n}}\n"
        )
        .expect("a string takes it");
    }
    text
}

/// The services of `compiler.rs`, as tonic's own generator writes them.
fn tonic() -> String {
    let out = tempfile::tempdir().expect("a folder for the services");
    let services: Vec<Service> = (0..SERVICES).map(service).collect();
    Builder::new().out_dir(out.path()).compile(&services);
    let files = fs::read_dir(out.path()).expect("the folder is there");
    files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("the file is text")).collect()
}

fn service(n: usize) -> Service {
    let service = Service::builder().name(format!("Store{n}")).package("bench.large").comment(format!("Service {n}."));
    let methods = (0..METHODS).map(|m| {
        let method = Method::builder().name(format!("get_{m}")).route_name(format!("Get{m}"));
        let method = method.input_type(format!("crate::Record{n}")).output_type(format!("crate::Record{m}"));
        method.codec_path("tonic_prost::ProstCodec").build()
    });
    methods.fold(service, |service, method| service.method(method)).build()
}
