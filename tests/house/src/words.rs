//! Words that have no place in what is committed: notes to self, and paths of one machine.

use std::path::Path;

use crate::tree::{self, File};

/// Each is written in two halves, so that this file does not break its own rule.
const IN_CODE: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
];
const ANYWHERE: &[&str] = &[concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/")];
const IN_PAGES: &[&str] = &[concat!("/tm", "p/")];

/// Every such word, by line.
pub fn check(root: &Path) -> Vec<String> {
    let files = tree::files(root, &[".rs", ".md", ".toml", ".pest", ".frugal", ".thrift", "run"]);
    files.iter().flat_map(forbidden).collect()
}

/// The forbidden words of one file.
pub fn forbidden(file: &File) -> Vec<String> {
    let code: &[&str] = if file.path.ends_with(".rs") { IN_CODE } else { &[] };
    let pages: &[&str] = if file.path.ends_with(".md") { IN_PAGES } else { &[] };
    let words: Vec<&str> = [code, pages, ANYWHERE].concat();
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let found = words.iter().filter(|word| stands_alone(line, word));
        findings
            .extend(found.map(|word| format!("{}:{}: has `{word}`; finish it or leave it out", file.path, number + 1)));
    }
    findings
}

/// Whether the word is there by itself and not inside of a longer one.
fn stands_alone(line: &str, word: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let has_end = word.ends_with(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let starts_inside = is_word(line[..at].chars().next_back());
        let ends_inside = has_end && is_word(line[at + word.len()..].chars().next());
        !starts_inside && !ends_inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden_in(path: &str, text: &str) -> usize {
        forbidden(&File { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn a_note_to_self_is_found_in_code() {
        for word in IN_CODE {
            assert_eq!(forbidden_in("src/a.rs", &format!("    // {word}: later\n")), 1, "{word}");
        }
        assert_eq!(forbidden_in("src/a.rs", &format!("let MY_{}S = 1;", IN_CODE[0])), 0);
    }

    #[test]
    fn a_machines_own_path_is_found_anywhere() {
        for word in ANYWHERE {
            assert_eq!(forbidden_in("docs/a.md", &format!("see {word}thriftwood")), 1, "{word}");
            assert_eq!(forbidden_in("tests/run", &format!("cd {word}thriftwood")), 1, "{word}");
        }
        assert_eq!(forbidden_in("docs/a.md", "the framework/runtime"), 0);
    }

    #[test]
    fn a_temporary_path_is_found_in_pages() {
        assert_eq!(forbidden_in("README.md", &format!("log:{}data", IN_PAGES[0])), 1);
        assert_eq!(forbidden_in("src/a.rs", &format!("log:{}data", IN_PAGES[0])), 0);
    }
}
