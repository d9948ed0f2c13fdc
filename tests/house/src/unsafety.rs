//! The lint that denies `unsafe` is lifted in the few modules that are listed here, and nowhere else.

use std::path::Path;

use crate::tree::{self, File};

/// Where it may be: a map of a file, a benchmark that counts allocations, and one of a peer whose generator emits it.
const ALLOWED: &[&str] =
    &["tests/benches/src/allocations.rs", "tests/benches/src/peers/volo.rs", "transports/log/src/store/disk/map.rs"];
/// Written in two halves, so that this file does not break its own rule.
const LINT: &str = concat!("unsafe", "_code");

/// Every place that lifts the lint, by line.
pub fn check(root: &Path) -> Vec<String> {
    tree::files(root, &[".rs", "Cargo.toml"]).iter().flat_map(lifted).collect()
}

/// The lines of one file that name the lint for anything but denying it.
pub fn lifted(file: &File) -> Vec<String> {
    let harmless = |line: &str| line.contains("deny") || line.contains("forbid");
    let lines = file.text.lines().enumerate().filter(|(_, line)| line.contains(LINT) && !harmless(line));
    let findings = lines.map(|(number, _)| format!("{}:{}: only {ALLOWED:?} may be unsafe", file.path, number + 1));
    if ALLOWED.contains(&file.path.as_str()) { Vec::new() } else { findings.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifting_the_lint_is_found_wherever_it_is_not_allowed() {
        let text = format!("#[allow({LINT})]\nfn f() {{}}\n");
        let found = |path: &str, text: &str| lifted(&File { path: path.to_owned(), text: text.to_owned() }).len();
        assert_eq!(found("runtime/core/src/lib.rs", &text), 1);
        assert_eq!(found("runtime/core/Cargo.toml", &format!("{LINT} = \"warn\"")), 1);
        assert_eq!(found("Cargo.toml", &format!("{LINT} = \"deny\"")), 0);
        assert_eq!(found(ALLOWED[0], &text), 0);
    }
}
