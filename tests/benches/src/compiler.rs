//! A large IDL file to Rust: 1,000 structs, with enums, comments, defaults and references between them; and one of structs and services,
//! of which only what its Rust costs to check is measured.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use thriftwood_build::rust;
use thriftwood_idl::{Compilation, Options};

use crate::checking;
use crate::report::{Better, Row};
use crate::rounds::Rounds;

const STRUCTS: usize = 1000;

/// Of these, beside services, whose methods take and give the first of them.
const STRUCTS_OF_SERVICES: usize = 100;

pub fn run(rounds: &Rounds) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let file = folder.path().join("large.frugal");
    let text = idl(STRUCTS);
    fs::write(&file, &text).expect("the file is written");
    let rust = generate(&read(&file));
    let with_services = folder.path().join("services.frugal");
    fs::write(&with_services, idl(STRUCTS_OF_SERVICES) + &services()).expect("the file is written");
    let rust_of_services = generate(&read(&with_services));
    println!("{} lines of IDL, {} lines of Rust", text.lines().count(), rust.lines().count());

    let whole = rounds.alone(|| seconds(|| generate(&read(&file))));
    let reading = rounds.alone(|| seconds(|| read(&file)));
    let compilation = read(&file);
    let generating = rounds.alone(|| seconds(|| generate(&compilation)));
    let row = |name, seconds| Row::alone(name, "s", Better::Lower, seconds);
    vec![
        row("1,000 structs to Rust", whole).limits(1.0, 0.3),
        row("of which read and check", reading),
        row("of which write Rust", generating),
        checking::row(rounds, &rust, STRUCTS),
        checking::row_with_services(rounds, &rust_of_services, STRUCTS_OF_SERVICES),
    ]
}

/// The processor time of this thread, which does all of it.
fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let start = now();
    std::hint::black_box(work());
    now() - start
}

fn read(file: &Path) -> Compilation {
    thriftwood_idl::compile(&[file], &Options::default())
}

fn generate(compilation: &Compilation) -> String {
    let model = compilation.model.as_ref().expect("the file is sound");
    rust::generate(model).expect("every type has a Rust form").tree
}

/// A file as large services have it: each struct with nine fields, one of an earlier struct and one of an enum.
fn idl(structs: usize) -> String {
    let mut text = "namespace * bench.large\n\n".to_owned();
    for n in 0..structs {
        if n % 10 == 0 {
            write!(
                text,
                "/** What a record {n} can be. */\nenum Kind{n} {{\n    NONE = 0,\n    FIRST = 1,\n    SECOND = 2,\n}}\n\n"
            )
            .expect("a string takes it");
        }
        // One level deep: rustc follows 128 of them, and a longer chain would measure its patience.
        let kind = n / 10 * 10;
        let nested = if n == kind { "string".to_owned() } else { format!("Record{kind}") };
        write!(
            text,
            "/** Record {n}, with a field of each sort. */\n\
             struct Record{n} {{\n\
             \x20   /** The key. */\n\
             \x20   1: required string id,\n\
             \x20   2: required i64 createdAt,\n\
             \x20   3: i32 count = 7,\n\
             \x20   4: optional double weight,\n\
             \x20   5: Kind{kind} kind = Kind{kind}.FIRST,\n\
             \x20   6: list<string> labels,\n\
             \x20   7: map<string, i64> totals,\n\
             \x20   8: optional list<{nested}> children,\n\
             \x20   9: binary payload (sensitive = \"true\"),\n\
             }}\n\n"
        )
        .expect("a string takes it");
    }
    text
}

/// Services of methods that take a struct and give another.
fn services() -> String {
    let method = |n: usize, m: usize| format!("    Record{m} get{m}(1: Record{n} record),\n");
    let service = |n: usize| {
        let methods: String = (0..checking::METHODS).map(|m| method(n, m)).collect();
        format!("/** Service {n}. */\nservice Store{n} {{\n{methods}}}\n\n")
    };
    (0..checking::SERVICES).map(service).collect()
}
