//! Every module opens with a sentence on what it does.

use std::path::Path;

use crate::tree::{self, File};

/// The modules that do not say what they do.
pub fn check(root: &Path) -> Vec<String> {
    tree::files(root, &[".rs"]).iter().filter(|file| !file.is_golden()).filter_map(missing).collect()
}

/// What is wrong with the file's opening, if anything.
pub fn missing(file: &File) -> Option<String> {
    let mut lines = file.text.lines().skip_while(|line| line.is_empty() || line.starts_with("#!["));
    let opening: Vec<&str> = lines.by_ref().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let paragraph = opening.split(|line| line.is_empty()).next().unwrap_or_default().join(" ");
    if paragraph.is_empty() {
        return Some(format!("{}: does not open with a `//!` sentence; say what the module does", file.path));
    }
    if !paragraph.ends_with(['.', '?', '!', ':']) || !paragraph.contains(' ') {
        return Some(format!("{}: opens with `{paragraph}`, which is not a sentence", file.path));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_in(text: &str) -> Option<String> {
        missing(&File { path: "src/room.rs".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_sentence_passes_over_several_lines() {
        assert_eq!(
            missing_in("//! Turns typed values into bytes\n//! and back.\n//!\n//! | a | table |\n\nuse a;\n"),
            None
        );
    }

    #[test]
    fn a_module_without_a_word_is_found() {
        assert!(missing_in("use std::io;\n").is_some());
        assert!(missing_in("/// Only an item's doc.\nfn f() {}\n").is_some());
        assert!(missing_in("").is_some());
    }

    #[test]
    fn a_heading_is_no_sentence() {
        assert!(missing_in("//! Values\n\nuse a;\n").is_some());
        assert!(missing_in("//! The values of a struct\n\nuse a;\n").is_some());
    }
}
