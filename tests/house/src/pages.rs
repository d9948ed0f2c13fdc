//! The pages that must be there, and the form of those that have one.

use std::path::Path;

use crate::tree::{self, File};

const REQUIRED: &[&str] = &["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/ARCHITECTURE.md"];
const DECISION_HEADINGS: &[&str] = &["Context", "Choice", "Consequences"];
const CHANGELOG_TAGS: &[&str] = &["added", "changed", "fixed", "removed", "security"];

/// The pages that are missing, and those that lack a part.
pub fn check(root: &Path) -> Vec<String> {
    let missing = REQUIRED.iter().filter(|page| !root.join(page).is_file());
    let mut findings: Vec<String> = missing.map(|page| format!("{page}: is missing")).collect();
    let pages = tree::files(root, &[".md"]);
    let decisions: Vec<&File> = pages.iter().filter(|page| page.is_below("docs/decisions")).collect();
    if decisions.is_empty() {
        findings.push("docs/decisions: holds no page".to_owned());
    }
    findings.extend(decisions.into_iter().filter(|page| !page.path.ends_with("/README.md")).flat_map(missing_headings));
    findings.extend(pages.iter().filter(|page| page.path == "CHANGELOG.md").flat_map(untagged_lines));
    findings
}

/// The headings that a decision lacks.
pub fn missing_headings(page: &File) -> Vec<String> {
    let has = |heading: &str| {
        page.text.lines().any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading)
    };
    let missing = DECISION_HEADINGS.iter().filter(|heading| !has(heading));
    missing.map(|heading| format!("{}: has no heading `{heading}`", page.path)).collect()
}

/// The entries of a changelog that do not say what kind of change they are.
pub fn untagged_lines(page: &File) -> Vec<String> {
    let entries = page.text.lines().enumerate().filter_map(|(number, line)| Some((number, line.strip_prefix("- ")?)));
    let is_tagged = |entry: &str| CHANGELOG_TAGS.iter().any(|tag| entry.starts_with(&format!("**{tag}** ")));
    let untagged = entries.filter(|(_, entry)| !is_tagged(entry));
    untagged
        .map(|(number, _)| format!("{}:{}: starts with none of the tags {CHANGELOG_TAGS:?}", page.path, number + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> File {
        File { path: "docs/decisions/0001-a.md".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_decision_with_its_three_headings_passes() {
        let text = "# A\n\n## Context\nx\n## Choice\ny\n## Consequences\nz\n";
        assert_eq!(missing_headings(&page(text)), Vec::<String>::new());
    }

    #[test]
    fn a_decision_without_consequences_is_found() {
        let found = missing_headings(&page("# A\n\n## Context\nThe Consequences are many.\n## Choice\n"));
        assert!(found.len() == 1 && found[0].contains("`Consequences`"), "{found:?}");
    }

    #[test]
    fn an_untagged_change_is_found() {
        let found = untagged_lines(&page("# Changelog\n\n- **added** A thing,\n  on two lines.\n- Another thing.\n"));
        assert!(found.len() == 1 && found[0].contains(":5:"), "{found:?}");
    }

    #[test]
    fn missing_pages_are_found() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(check(root.path()).len(), REQUIRED.len() + 1);
    }
}
