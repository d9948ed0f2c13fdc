//! Reading, checking and formatting a file take as long as the file is long: eight times the text takes about eight times the work.
//!
//! Work is the processor time of this thread, the least of several runs, so that whatever else the machine does is left out. What
//! grows with the square of the length would take 64 times as long, which is far from the limit either way.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fmt::Write as _;
use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};
use support::Memory;
use thriftwood_idl::{Options, compile_with, format};

/// How many times as long the long text is.
const LONGER: usize = 8;
/// How many times as much work it may be.
const MORE: u64 = 3 * LONGER as u64;
const RUNS: usize = 5;

/// Makes a text of about as many parts as it is told.
type Shape = fn(usize) -> String;

const SHAPES: &[(&str, usize, Shape)] = &[
    ("structs", 100, |n| {
        parts(n, |i| format!("struct S{i} {{ 1: required i64 a, 2: optional list<string> b, 3: i32 c = {i} }}\n"))
    }),
    ("structs that name each other", 100, |n| {
        parts(n, |i| format!("struct S{i} {{ 1: optional S{} a }}\n", (i + 1) % n))
    }),
    ("fields", 250, |n| format!("struct A {{\n{}}}", parts(n, |i| format!("  {}: i32 f{i} = {i}, // c\n", i + 1)))),
    ("enum values", 500, |n| format!("enum A {{\n{}}}", parts(n, |i| format!("  V{i} = {i}\n")))),
    ("functions", 200, |n| format!("service A {{\n{}}}", parts(n, |i| format!("  i32 f{i}(1: string a, 2: i64 b)\n")))),
    ("operations", 400, |n| format!("scope A prefix a.{{b}} {{\n{}}}", parts(n, |i| format!("  Op{i}: string\n")))),
    ("services in a chain", 200, |n| {
        format!("service S0 {{}}\n{}", parts(n, |i| format!("service S{} extends S{i} {{ void f{i}() }}\n", i + 1)))
    }),
    ("typedefs in a chain", 300, |n| format!("typedef i32 T0\n{}", parts(n, |i| format!("typedef T{i} T{}\n", i + 1)))),
    ("constants in a chain", 300, |n| {
        format!("const i32 C0 = 1\n{}", parts(n, |i| format!("const i32 C{} = C{i}\n", i + 1)))
    }),
    ("a list", 1000, |n| format!("const list<i32> A = [{}]", parts(n, |i| format!("{i}, ")))),
    ("a map", 500, |n| format!("const map<string, i32> A = {{{}}}", parts(n, |i| format!("\"k{i}\": {i}, ")))),
    ("types as deep as may be", 10, |n| {
        parts(n, |i| format!("typedef {}i32{} T{i}\n", "list<".repeat(50), ">".repeat(50)))
    }),
    ("values as deep as may be", 10, |n| {
        let ty = format!("{}i32{}", "list<".repeat(50), ">".repeat(50));
        parts(n, |i| format!("const {ty} C{i} = {}1{}\n", "[".repeat(50), "]".repeat(50)))
    }),
    ("annotations", 500, |n| format!("struct A {{}} ({})", parts(n, |i| format!("a{i} = \"b\", ")))),
    ("comments on lines", 2000, |n| parts(n, |i| format!("// comment {i}\n")) + "struct A {}"),
    ("a comment", 10_000, |n| format!("/* {} */ struct A {{}}", "text * ".repeat(n))),
    ("a documentation", 10_000, |n| format!("/** {} */ struct A {{}}", "text * \n".repeat(n))),
    ("comments before one field", 2000, |n| format!("struct A {{ {} 1: i32 a }}", parts(n, |i| format!("/* {i} */ ")))),
    ("a string", 10_000, |n| format!("const string A = \"{}\"", r"text \n \x41 ".repeat(n))),
    ("a name", 10_000, |n| format!("struct {} {{}}", "Name".repeat(n))),
    ("a dotted name", 5000, |n| format!("struct A {{ 1: {}a a }}", "a.".repeat(n))),
    ("a prefix", 500, |n| format!("scope A prefix {}x {{ B: i32 }}", parts(n, |i| format!("{{v{i}}}.")))),
    ("blank lines", 20_000, |n| "\n".repeat(n) + "struct A {}"),
    ("unknown types", 200, |n| parts(n, |i| format!("struct S{i} {{ 1: Unknown{i} a }}\n"))),
    ("names taken twice", 200, |n| parts(n, |i| format!("struct S{i} {{}}\nstruct S{i} {{}}\n"))),
    ("errors of syntax", 200, |n| parts(n, |i| format!("struct S{i} {{ 1 i32 a }}\n"))),
    ("words", 2000, |n| "word ".repeat(n)),
    ("open braces", 1000, |n| "struct A {\n".repeat(n)),
    ("open quotes", 2000, |n| "\"\n".repeat(n)),
];

fn parts(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, index| text + &part(index))
}

/// Nanoseconds of this thread's processor time.
fn work(run: impl FnOnce()) -> u64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
    };
    let begun = now();
    run();
    now() - begun
}

/// How many times as much work the long one is. As soon as it is little enough, it need not be run again.
fn growth(short: impl Fn(), long: impl Fn()) -> u64 {
    let short = (0..RUNS).map(|_| work(&short)).min().unwrap().max(1);
    let mut least = u64::MAX;
    for _ in 0..RUNS {
        least = least.min(work(&long).div_ceil(short));
        if least <= MORE {
            break;
        }
    }
    least
}

/// What grows faster than its text, each in a line.
fn too_slow(run: impl Fn(&str)) -> String {
    let mut slow = String::new();
    for (name, size, shape) in SHAPES {
        let (short, long) = (shape(*size), shape(size * LONGER));
        let growth = growth(|| run(&short), || run(&long));
        if growth > MORE {
            writeln!(slow, "{name}: {LONGER} times the text takes {growth} times as long").unwrap();
        }
    }
    slow
}

#[test]
fn compiling_takes_as_long_as_the_text_is() {
    let run = |text: &str| {
        black_box(compile_with(&Memory::new(&[("test.frugal", text)]), &["test.frugal"], &Options::default()));
    };
    assert_eq!(too_slow(run), "");
}

#[test]
fn formatting_takes_as_long_as_the_text_is() {
    let run = |text: &str| {
        // Of a text with errors there is nothing to format, but it is read all the same.
        let _ = black_box(format(text));
    };
    assert_eq!(too_slow(run), "");
}

#[test]
fn including_takes_as_long_as_there_are_files() {
    let memory = |count: usize| {
        let includes = parts(count, |i| format!("include \"f{i}.frugal\"\n"));
        let main = includes + &parts(count, |i| format!("typedef f{i}.A T{i}\n"));
        let names: Vec<String> = (0..count).map(|i| format!("f{i}.frugal")).collect();
        let included = names.iter().map(|name| (name.as_str(), "struct A {}"));
        Memory::new(&included.chain([("main.frugal", main.as_str())]).collect::<Vec<(&str, &str)>>())
    };
    let run = |memory: &Memory| drop(black_box(compile_with(memory, &["main.frugal"], &Options::default())));
    let (few, many) = (memory(50), memory(50 * LONGER));
    let growth = growth(|| run(&few), || run(&many));
    assert!(growth <= MORE, "{LONGER} times as many files take {growth} times as long");
}
