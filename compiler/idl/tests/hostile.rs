//! Input that nobody meant: whatever the bytes, there is an answer, it comes soon, and it can be printed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use support::{assert_sound, codes, compile, frugal, rendered};
use thriftwood_idl::diagnostics::{Code, Style};

/// A file with everything in it.
const EVERYTHING: &str = r#"include "common.frugal" (vendor)
namespace * v1.music
/** What an album is pressed on. */
enum Format { CD = 1, VINYL = 0x2 (deprecated), TAPE; }
typedef map<string, list<Format>> Shelf (a = "b\"\x41")
const Shelf EMPTY = {"a": [Format.CD, 2], 'b': []}
const double PI = -3.1e0
union Either { 1: i32 number, 2: set<string> words }
struct Album { 1: required string title = "x", 2: optional Album next, -3: Either e = {"number": 1} }
exception Oops { 1: binary why }
service Base { oneway void note(1: string text) }
service Store extends Base { Album buy(1: i64 id) throws (1: Oops oops) (x), # comment
  bool has(1: Album album) }
scope Winners prefix v1.{region}.all { Winner: Album /* c */ Redraw: common.Price (y) }
"#;

const COMMON: &str = "struct Price { 1: i64 micros }";

/// Compiles bytes and prints whatever is found.
fn survives(bytes: &[u8]) {
    let compilation = compile(&[("test.frugal", bytes), ("common.frugal", COMMON.as_bytes())]);
    let failed = compilation.diagnostics.iter().any(thriftwood_idl::diagnostics::Diagnostic::is_error);
    assert_eq!(compilation.model.is_none(), failed);
    compilation.model.iter().for_each(assert_sound);
    for found in &compilation.diagnostics {
        assert!(!found.message.is_empty());
        for label in &found.labels {
            let text = &compilation.sources.get(label.span.source).unwrap().text;
            assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{label:?}");
        }
    }
    // Printing takes longer than all the rest, so only the first is printed.
    compilation.diagnostics.first().map(|found| found.render(&compilation.sources, Style::Plain));
}

/// Compiles a text that is large, deep or tangled, and gives what is found first, but for the odd keys of its maps.
fn soon(text: &str) -> Option<Code> {
    let begun = Instant::now();
    let compilation = frugal(text);
    let first = compilation.diagnostics.first().map(|found| found.render(&compilation.sources, Style::Plain));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}: {first:?}", begun.elapsed());
    codes(&compilation).into_iter().find(|code| *code != Code::MapKey)
}

#[test]
fn the_file_with_everything_is_fine() {
    let compilation = compile(&[("test.frugal", EVERYTHING), ("common.frugal", COMMON)]);
    assert_eq!(codes(&compilation), [], "{}", rendered(&compilation));
}

#[test]
fn every_beginning_of_a_file_is_survived() {
    for end in 0..EVERYTHING.len() {
        survives(&EVERYTHING.as_bytes()[..end]);
    }
}

#[test]
fn every_byte_may_be_missing() {
    for at in 0..EVERYTHING.len() {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        bytes.remove(at);
        survives(&bytes);
    }
}

#[test]
fn every_byte_may_be_another() {
    for other in [b'{', b'"', b'9'] {
        for at in 0..EVERYTHING.len() {
            let mut bytes = EVERYTHING.as_bytes().to_vec();
            bytes[at] = other;
            survives(&bytes);
        }
    }
}

#[test]
fn garbage_is_survived() {
    // A small generator with a fixed seed, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = [
        "struct", "scope", "prefix", "{", "}", "<", ">", "(", ")", "list", "map", "1", ":", "\"", "'", "/*", "*/",
        "//", "\n", " ", "a", ".", "=", "[", "]", "enum", "service", "extends", "throws", "const", "-", "\u{e9}",
        "\u{feff}", "\r",
    ];
    for _ in 0..2000 {
        let mut text = String::new();
        for _ in 0..next() % 60 {
            text += words[usize::try_from(next()).unwrap() % words.len()];
        }
        survives(text.as_bytes());
        let bytes: Vec<u8> = (0..next() % 60).map(|_| u8::try_from(next() & 0xff).unwrap()).collect();
        survives(&bytes);
    }
}

#[test]
fn brackets_nested_a_hundred_thousand_deep_are_refused() {
    const DEEP: usize = 100_000;
    assert_eq!(soon(&format!("struct A {{ 1: {}", "list<".repeat(DEEP))), Some(Code::TooDeep));
    assert_eq!(soon(&format!("const i32 A = {}", "[".repeat(DEEP))), Some(Code::TooDeep));
    assert_eq!(soon(&format!("const i32 A = {}", "{1:".repeat(DEEP))), Some(Code::TooDeep));
    assert_eq!(soon(&format!("struct A {{ {}", "1: i32 a xsd_attrs {".repeat(DEEP))), Some(Code::TooDeep));
    // Behind what looks like a string to a hasty reader.
    let hidden = format!("scope S prefix a\"b {{ A: {}i32{} (c = \"d\") }}", "list<".repeat(DEEP), ">".repeat(DEEP));
    assert_eq!(soon(&hidden), Some(Code::TooDeep));
    // Behind an error, after which reading goes on.
    assert_eq!(soon(&format!("x \"\nstruct A {{ 1: {}", "list<".repeat(DEEP))), Some(Code::TooDeep));
}

#[test]
fn a_value_sixty_deep_is_still_read() {
    let depth = 60;
    let ty = format!("{}i32{}", "list<".repeat(depth), ">".repeat(depth));
    let value = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(soon(&format!("const {ty} A = {value}")), None);
}

#[test]
fn long_chains_of_definitions_need_no_stack() {
    const LONG: usize = 5000;
    let chain = |line: fn(usize, usize) -> String| (0..LONG).fold(String::new(), |text, i| text + &line(i, i + 1));
    let end = |last: &str| last.replace('#', &LONG.to_string());
    assert_eq!(soon(&(chain(|i, next| format!("typedef T{next} T{i}\n")) + &end("typedef i32 T#"))), None);
    assert_eq!(soon(&chain(|i, next| format!("typedef T{} T{i}\n", next % LONG))), Some(Code::EndlessDefinition));
    assert_eq!(
        soon(&(chain(|i, next| format!("typedef list<T{next}> T{i}\n")) + &end("typedef i32 T#"))),
        Some(Code::TooDeep)
    );
    assert_eq!(
        soon(&chain(|i, next| format!("struct S{i} {{1: required S{} a}}\n", next % LONG))),
        Some(Code::EndlessDefinition)
    );
    assert_eq!(
        soon(&chain(|i, next| format!("service S{i} extends S{} {{}}\n", next % LONG))),
        Some(Code::EndlessDefinition)
    );
    assert_eq!(soon(&(chain(|i, next| format!("const i32 C{i} = C{next}\n")) + &end("const i32 C# = 1"))), None);
    assert_eq!(
        soon(&(chain(|i, next| format!("const i{} C{i} = C{next}\n", [32, 64][i % 2])) + &end("const i32 C# = 1"))),
        Some(Code::TooDeep)
    );
}

#[test]
fn a_long_chain_of_includes_needs_no_stack() {
    let files: Vec<(String, String)> = (0..5000)
        .map(|i| {
            (format!("f{i}.frugal"), if i == 4999 { String::new() } else { format!("include \"f{}.frugal\"", i + 1) })
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(compile(&files).model.unwrap().files.len(), 5000);
}

#[test]
fn types_that_double_at_every_step_are_compared_in_bounded_time() {
    let mut text = String::from("typedef i32 A0\ntypedef i32 B0\n");
    for i in 1..60 {
        let before = i - 1;
        writeln!(text, "typedef map<A{before}, A{before}> A{i}\ntypedef map<B{before}, B{before}> B{i}").unwrap();
    }
    assert_eq!(soon(&(text + "const A59 X = {}\nconst B59 Y = X")), Some(Code::WrongValue));
}

#[test]
fn large_files_and_long_words_take_no_more_than_their_size() {
    let fields =
        |count: usize| (1..=count).fold(String::new(), |text, i| text + &format!("/** d */ {i}: i32 f{i}, // */\n"));
    assert_eq!(soon(&format!("struct A {{ {} }}", fields(10_000))), None);
    assert_eq!(soon(&"// */\n".repeat(200_000)), None);
    assert_eq!(soon(&"/*/".repeat(100_001)), Some(Code::Syntax));
    assert_eq!(soon(&format!("struct A {{ 1: {} a }}", "a.".repeat(200_000))), Some(Code::UnknownType));
    assert_eq!(soon(&"a ".repeat(300_000)), Some(Code::Syntax));
    assert_eq!(soon(&"struct A {\n".repeat(30_000)), Some(Code::TooDeep));
    assert_eq!(soon(&"struct\n".repeat(100_000)), Some(Code::Syntax));
    assert_eq!(soon(&"\"".repeat(300_000)), Some(Code::Syntax));
    let unknown: String = (0..2000).map(|i| format!("struct S{i} {{1: Unknown{i} a}}\n")).collect();
    assert_eq!(soon(&unknown), Some(Code::UnknownType));
}

#[test]
fn numbers_of_any_length_are_refused_or_rounded() {
    let digits = "9".repeat(100_000);
    assert_eq!(soon(&format!("const i64 A = {digits}")), Some(Code::OutOfRange));
    assert_eq!(soon(&format!("struct A {{ {digits}: i32 a }}")), Some(Code::OutOfRange));
    assert_eq!(soon(&format!("enum A {{ B = -{digits} }}")), Some(Code::OutOfRange));
    assert_eq!(soon("const double A = 1e999999999999"), Some(Code::OutOfRange));
    assert_eq!(soon(&format!("const double A = 0.{digits}")), None);
}
