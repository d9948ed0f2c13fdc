//! What `format` makes of files: golden pairs, and what must hold of every file.
//!
//! Each `x.frugal` in `tests/format` stands beside the `x.formatted.frugal` it becomes.
//! `THRIFTWOOD_BLESS=1 cargo test -p thriftwood-idl --test format` writes those anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use support::rendered;
use thriftwood_idl::model::Model;
use thriftwood_idl::{Compilation, Files, Options, compile, compile_with, format};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files below a folder that hold IDL, in order.
fn idl_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            idl_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "frugal" || extension == "thrift") {
            files.push(path);
        }
    }
}

/// The golden pairs: a file and the path of what it becomes.
fn cases() -> Vec<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
    idl_files(&root().join("tests/format"), &mut files);
    files.retain(|path| !path.to_string_lossy().contains(".formatted."));
    assert!(!files.is_empty());
    files.into_iter().map(|path| (path.clone(), path.with_extension("formatted.frugal"))).collect()
}

/// Every comment of a text, by a reader that knows nothing of the formatter; lines without the white space around them.
fn comments(text: &str) -> Vec<String> {
    let mut comments = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '/', '"', '\'', 'p']) {
        rest = &rest[at..];
        let line = rest.find('\n').unwrap_or(rest.len());
        let length = match rest.as_bytes() {
            [b'#', ..] | [b'/', b'/', ..] => line,
            [b'/', b'*', ..] => rest.find("*/").unwrap() + 2,
            [quote @ (b'"' | b'\''), ..] => 1 + string_length(&rest[1..], char::from(*quote)),
            // In a prefix anything but white space is text.
            _ if rest.starts_with("prefix ") => 7 + rest[7..].find(|letter: char| " \n{".contains(letter)).unwrap_or(0),
            _ => 1,
        };
        if rest.starts_with('#') || rest.starts_with('/') && length > 1 {
            comments.push(rest[..length].lines().map(str::trim).collect::<Vec<_>>().join("\n"));
        }
        rest = &rest[length..];
    }
    comments
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|letter| {
        let ends = letter == quote && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.unwrap() + 1
}

/// A model as text, without the places in the files.
fn without_spans(model: &Model) -> String {
    // The pretty form takes ten times as long.
    let text = format!("{model:?}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('}').unwrap() + 1..];
    }
    out + rest
}

/// The files of a disk, formatted on the way in. Many include the same ones.
#[derive(Default)]
struct Formatted(RefCell<HashMap<PathBuf, Vec<u8>>>);

impl Files for Formatted {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(known) = self.0.borrow().get(path) {
            return Ok(known.clone());
        }
        let mut bytes = fs::read(path)?;
        if let Some(formatted) = std::str::from_utf8(&bytes).ok().and_then(|text| format(text).ok()) {
            bytes = formatted.into_bytes();
        }
        self.0.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}

/// What does not hold of one text, if anything.
fn broken_promise(text: &str) -> Option<String> {
    let Ok(once) = format(text) else { return None };
    let twice = match format(&once) {
        Ok(twice) => twice,
        Err(found) => return Some(format!("what was formatted cannot be read: {}\n{once}", found[0].message)),
    };
    if let Some((before, after)) = once.lines().zip(twice.lines()).find(|(before, after)| before != after) {
        return Some(format!("formatting it again changes\n{before}\nto\n{after}"));
    }
    if once != twice {
        return Some("formatting it again changes its length".to_owned());
    }
    let (before, after) = (comments(text), comments(&once));
    if let Some((before, after)) = before.iter().zip(&after).find(|(before, after)| before != after) {
        return Some(format!("the comment\n{before}\nbecomes\n{after}"));
    }
    (before.len() != after.len()).then(|| format!("{} comments become {}", before.len(), after.len()))
}

/// How the meaning of a file changes when it and all it includes are formatted, if it does.
fn other_meaning(formatted: &Formatted, path: &Path, include_dirs: &[PathBuf]) -> Option<String> {
    let options = Options { include_dirs: include_dirs.to_vec(), ..Options::default() };
    let (before, after) = (compile(&[path], &options), compile_with(formatted, &[path], &options));
    let meaning = |compilation: &Compilation| compilation.model.as_ref().map(without_spans);
    let (before, meant) = (meaning(&before), meaning(&after));
    if before == meant {
        return None;
    }
    let (Some(before), Some(meant)) = (before, meant) else { return Some(rendered(&after)) };
    let part = before.split(", ").zip(meant.split(", ")).find(|(before, after)| before != after);
    Some(format!("the meaning changes: {part:?}"))
}

#[test]
fn every_case_becomes_what_its_golden_file_says() {
    let mut failures = Vec::new();
    for (path, golden) in cases() {
        let formatted = format(&fs::read_to_string(&path).unwrap()).unwrap();
        if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
            fs::write(&golden, &formatted).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if formatted != expected {
            failures.push(format!("{}\nexpected:\n{expected}\nformatted:\n{formatted}", golden.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_case_keeps_its_comments_and_meaning_and_stays_as_it_is_formatted() {
    for (path, _) in cases() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(broken_promise(&text), None, "{}", path.display());
        assert_eq!(other_meaning(&Formatted::default(), &path, &[]), None, "{}", path.display());
    }
}

#[test]
fn the_examples_are_formatted() {
    let mut files = Vec::new();
    idl_files(&root().join("../../idl-examples/idl"), &mut files);
    assert!(!files.is_empty());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(format(&text).unwrap(), text, "{}", path.display());
    }
}

#[test]
fn every_real_file_keeps_its_comments_and_meaning_and_stays_as_it_is_formatted() {
    let corpus = root().join("../../../shared/corpus");
    let Ok(index) = fs::read_to_string(corpus.join("SOURCES.tsv")) else {
        println!(
            "SKIPPED format corpus: no ../shared/corpus beside the workspace; it is never required, not in CI either"
        );
        return;
    };
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let column = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let (file, dirs) = (column("file"), column("include_dirs"));
    let local = |path: &str| corpus.join(path.strip_prefix("shared/corpus/").unwrap_or(path));
    let (disk, mut failures) = (Formatted::default(), Vec::new());
    let (mut formatted, mut refused) = (0, 0);
    for line in lines {
        let path = local(line[file].strip_prefix("shared/").unwrap_or(line[file]));
        let include_dirs: Vec<PathBuf> = line[dirs].split(';').filter(|dir| !dir.is_empty()).map(local).collect();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        match format(&text) {
            Ok(_) => formatted += 1,
            Err(_) => refused += 1,
        }
        let broken = broken_promise(&text).or_else(|| other_meaning(&disk, &path, &include_dirs));
        failures.extend(broken.map(|broken| format!("{}: {broken}", path.display())));
    }
    println!("formatted {formatted} files, refused {refused} with syntax errors");
    assert!(formatted > 0);
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn what_is_no_idl_is_refused_with_its_errors() {
    let found = format("struct A {\n    1: i32\n}\n").unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(found[0].is_error() && found[0].labels[0].span.start > 0, "{found:?}");
}

#[test]
fn line_breaks_stay_those_of_the_file() {
    assert_eq!(format("// a\r\nstruct A {}\r\n").unwrap(), "// a\r\nstruct A {}\r\n");
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format("\n\n// only\n\n\n").unwrap(), "// only\n");
    assert_eq!(format("\u{feff}struct A{}").unwrap(), "struct A {}\n");
}

#[test]
fn brackets_too_deep_and_long_files_are_no_trouble() {
    assert!(format(&format!("const i32 A = {}", "[".repeat(100_000))).is_err());
    let nested = format!("typedef {}i32{} Deep", "list<".repeat(60), ">".repeat(60));
    assert_eq!(broken_promise(&nested), None);
    let long = "struct A { 1: i32 a /* b */, // c\n2: list<i32> d = [1, 2, 3] (e = 'f') }\n".repeat(5_000);
    assert_eq!(broken_promise(&long), None);
}

/// A text with comments and line breaks of all kinds put between its words, by a generator that begins with `seed`.
fn strewn(text: &str, seed: u64) -> String {
    const TRIVIA: &[&str] = &[
        " ",
        "\n",
        "\n\n\n",
        " /* a */ ",
        " /** b */ ",
        "\n/** c */\n",
        " // d\n",
        " /// e\n",
        "\n/// f\n",
        "\n# g\n",
        "\n/* h\n    * i\n   j */\n",
        " /* k */\n",
        "\n/* l */ ",
        " /* m\n  n */ ",
        " // o */\n",
        "\n\n// p\n\n",
        " /* q */ /// r\n",
    ];
    let mut state = seed;
    let mut random = |below: usize| {
        // Knuth's MMIX generator; the low bits are the least random.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut out = String::new();
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        let escaped = text[..at].ends_with('\\');
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open && !escaped => quote = None,
            _ => {}
        }
        let is_mark = "(),;:=<>[]".contains(letter);
        let line = text[..at].rsplit('\n').next().unwrap_or_default();
        let within = quote.is_some() || line.contains("prefix") && letter != '\n';
        let sprinkle = |random: &mut dyn FnMut(usize) -> usize| match random(4) {
            0 => TRIVIA[random(TRIVIA.len())],
            _ => "",
        };
        if letter.is_whitespace() && !within {
            let trivia = sprinkle(&mut random);
            out.push_str(if trivia.is_empty() { " " } else { trivia });
        } else if is_mark && !within {
            out.push_str(sprinkle(&mut random));
            out.push(letter);
            out.push_str(sprinkle(&mut random));
        } else {
            out.push(letter);
        }
    }
    out
}

#[test]
fn comments_anywhere_are_kept_and_change_nothing() {
    for (path, golden) in cases() {
        let text = fs::read_to_string(golden).unwrap();
        if text.contains("//") {
            continue;
        }
        for seed in 0..100 {
            let text = strewn(&text, seed);
            let place = format!("{} with seed {seed}:\n{text}", path.display());
            assert!(format(&text).is_ok(), "{place}");
            assert_eq!(broken_promise(&text), None, "{place}\n===\n{}", format(&text).unwrap());
            let (before, after) = (support::frugal(&text), support::frugal(&format(&text).unwrap()));
            let meaning = |compilation: &Compilation| compilation.model.as_ref().map(without_spans);
            assert!(meaning(&before).is_some(), "{place}\n{}", rendered(&before));
            if meaning(&before) != meaning(&after) {
                let (before, after) = (meaning(&before).unwrap(), meaning(&after).unwrap());
                let part = before.split(", ").zip(after.split(", ")).find(|(before, after)| before != after);
                panic!("{part:?}\n{place}\n===\n{}", format(&text).unwrap());
            }
        }
    }
}
