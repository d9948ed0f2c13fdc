//! A path that a page names exists.

use std::path::Path;

use crate::tree::{self, File};

/// Where a path of this repository starts.
const ROOMS: &[&str] = &["compiler", "runtime", "transports", "idl-examples", "tests", "docs", ".ci"];

/// The paths that pages name and that are not there. The changelog is left out: it speaks of the past.
pub fn check(root: &Path) -> Vec<String> {
    let pages = tree::files(root, &[".md"]);
    pages.iter().filter(|page| page.path != "CHANGELOG.md").flat_map(|page| dead(root, page)).collect()
}

/// The dead paths of one page: in links, which start at the page, and in code spans and commands, which start at the root.
pub fn dead(root: &Path, page: &File) -> Vec<String> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    let mut in_block = false;
    for (number, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let from_root = if in_block { commands(line) } else { spans(line) };
        let dead_from_root = from_root.into_iter().filter(|path| !root.join(path).exists());
        let links = if in_block { Vec::new() } else { links(line) };
        let dead_links = links.into_iter().filter(|link| !root.join(folder).join(link).exists());
        findings.extend(
            dead_from_root
                .chain(dead_links)
                .map(|path| format!("{}:{}: names `{path}`, which does not exist", page.path, number + 1)),
        );
    }
    findings
}

/// The repository's paths among the words of the code spans of a line.
fn spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).filter_map(repository_path).collect()
}

/// The repository's paths that a line of a code block runs or names from here: `./tests/run`.
fn commands(line: &str) -> Vec<&str> {
    line.split_whitespace().filter(|word| word.starts_with("./")).filter_map(repository_path).collect()
}

/// The targets of the links of a line that lead into the repository, without their anchors.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '/']));
    local
        .filter(|target| !target.starts_with("mailto:"))
        .map(|target| target.split_once('#').map_or(target, |(path, _)| path))
        .collect()
}

/// The path, when the word starts like one of this repository's and is no pattern.
fn repository_path(word: &str) -> Option<&str> {
    let word = word.strip_prefix("./").unwrap_or(word).trim_end_matches([',', '.', ';', ':']);
    let word = word.split_once('#').map_or(word, |(path, _)| path);
    // `path:12` and `path::item` name a place in a file.
    let path = word.split_once(':').map_or(word, |(path, _)| path).trim_end_matches('/');
    let (room, _) = path.split_once('/')?;
    (ROOMS.contains(&room) && !path.contains(['*', '{', '<', '$', '|', '…'])).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dead paths of a page at `path` in a repository that holds `tests/run` and `docs/wire.md`.
    fn dead_in(path: &str, text: &str) -> usize {
        let root = tempfile::tempdir().unwrap();
        for (folder, name) in [("tests", "run"), ("docs", "wire.md")] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join(name), "").unwrap();
        }
        dead(root.path(), &File { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn a_path_that_is_there_passes() {
        assert_eq!(dead_in("README.md", "See `tests/run`, `docs/wire.md:12` and [the frame](docs/wire.md#frame)."), 0);
        assert_eq!(dead_in("docs/index.md", "See [the frame](wire.md) and [the tests](../tests/run)."), 0);
    }

    #[test]
    fn a_path_in_a_code_span_that_is_gone_is_found() {
        assert_eq!(dead_in("README.md", "See `tests/walk` and `cargo run --manifest-path tests/none/Cargo.toml`."), 2);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(dead_in("README.md", "See [the frame](wire.md)."), 1);
        assert_eq!(dead_in("docs/index.md", "See [the frame](docs/wire.md)."), 1);
    }

    #[test]
    fn a_command_in_a_block_that_is_gone_is_found() {
        assert_eq!(dead_in("README.md", "```sh\n./tests/run # all\n./tests/walk\nls ./data\n```\n"), 1);
    }

    #[test]
    fn words_that_are_no_path_of_ours_pass() {
        assert_eq!(
            dead_in("README.md", "`application/json`, `tests/*`, `log:./data`, [a](https://a.b/c), [b](#c), `a/b`"),
            0
        );
    }
}
