//! The files of the repository, as the rules see them: relative paths with `/`, in order.

use std::fs;
use std::path::Path;

/// A file's path from the root, and what is in it.
#[derive(Clone, Debug)]
pub struct File {
    /// The path from the root, with `/` on every system.
    pub path: String,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl File {
    /// Whether the file was written by a generator: kept as the expected output of a test.
    pub fn is_golden(&self) -> bool {
        self.path.contains("/golden/")
    }

    /// Whether the path is this folder's or below it.
    pub fn is_below(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The files whose names end in one of these, build output and hidden folders left out.
///
/// # Panics
/// When the tree cannot be read: a rule that saw half of it would pass for the wrong reason.
pub fn files(root: &Path, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(root, "", endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The names in a folder, in order; none when there is no such folder.
///
/// # Panics
/// When the folder is there and cannot be read.
pub fn names(folder: &Path) -> Vec<String> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| match entry {
            Ok(entry) => entry.file_name().to_string_lossy().into_owned(),
            Err(error) => panic!("{}: {error}", folder.display()),
        })
        .collect();
    names.sort();
    names
}

/// A file's text, replacing what is not UTF-8.
///
/// # Panics
/// When it cannot be read.
pub fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn collect(root: &Path, below: &str, endings: &[&str], found: &mut Vec<File>) {
    for name in names(&root.join(below)) {
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let full = root.join(&path);
        if full.is_dir() {
            let hidden = name.starts_with('.') && name != ".ci";
            if !hidden && name != "target" {
                collect(root, &path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(File { path, text: read(&full) });
        }
    }
}
