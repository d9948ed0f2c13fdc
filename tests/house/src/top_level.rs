//! The top level is a table of contents: what stands there, and what a bare cargo command builds.

use std::path::Path;

use toml::{Table, Value};

use crate::tree;

const PRESENT: &[&str] = &[
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "compiler",
    "docs",
    "idl-examples",
    "runtime",
    "rustfmt.toml",
    "tests",
    "transports",
];
const ALLOWED: &[&str] = &[".cargo", ".editorconfig", ".git", ".gitattributes", ".github"];
/// Where a package of the workspace can be, besides `idl-examples`.
const ROOMS: &[&str] = &["compiler", "runtime", "transports", "tests"];
/// The members that a bare `cargo build` must not build: their peers are heavy.
const ON_REQUEST: &[&str] = &["tests/benches"];

/// What is at the top and should not be, what should be and is not, and what the default members lack.
pub fn check(root: &Path) -> Vec<String> {
    let ignored = tree::read(&root.join(".gitignore"));
    let mut findings = entries(&tree::names(root), &ignored);
    match tree::read(&root.join("Cargo.toml")).parse() {
        Ok(manifest) => findings.extend(default_members(&manifest, &packages(root, &manifest))),
        Err(error) => findings.push(format!("Cargo.toml: is not TOML: {error}")),
    }
    findings
}

/// Holds the names at the top against the list. Names that git ignores do not count.
pub fn entries(names: &[String], ignored: &str) -> Vec<String> {
    let is_ignored = |name: &str| ignored.lines().any(|line| line.strip_prefix('/') == Some(name));
    let known = |name: &str| PRESENT.contains(&name) || ALLOWED.contains(&name) || is_ignored(name);
    let extra = names.iter().filter(|name| !known(name));
    let missing = PRESENT.iter().filter(|present| !names.iter().any(|name| name == *present));
    extra
        .map(|name| format!("{name}: has no place at the top level; it belongs in one of the rooms"))
        .chain(missing.map(|name| format!("{name}: is missing at the top level")))
        .collect()
}

/// Holds the default members against the packages there are: all of them, but for those built on request.
pub fn default_members(manifest: &Table, packages: &[String]) -> Vec<String> {
    let listed = list(manifest, "default-members");
    let expected = |package: &str| !ON_REQUEST.contains(&package);
    let missing = packages.iter().filter(|package| expected(package) && !listed.contains(package));
    let extra = listed.iter().filter(|member| !expected(member) || !packages.contains(member));
    missing
        .map(|package| format!("Cargo.toml: default-members lacks {package}; a bare `cargo test` would leave it out"))
        .chain(extra.map(|member| format!("Cargo.toml: default-members must not have {member}")))
        .collect()
}

/// The folders of the workspace's packages.
fn packages(root: &Path, manifest: &Table) -> Vec<String> {
    let excluded = list(manifest, "exclude");
    let in_rooms = ROOMS
        .iter()
        .flat_map(|room| tree::names(&root.join(room)).into_iter().map(move |name| format!("{room}/{name}")));
    in_rooms
        .chain(["idl-examples".to_owned()])
        .filter(|folder| root.join(folder).join("Cargo.toml").is_file() && !excluded.contains(folder))
        .collect()
}

fn list(manifest: &Table, key: &str) -> Vec<String> {
    let members = manifest.get("workspace").and_then(|workspace| workspace.get(key)).and_then(Value::as_array);
    members.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(extra: &[&str]) -> Vec<String> {
        PRESENT.iter().chain(extra).map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_usual_and_the_ignored_pass() {
        assert_eq!(entries(&names(&[".git", "target"]), "/target\n*.log\n"), Vec::<String>::new());
    }

    #[test]
    fn a_stray_file_is_found() {
        assert_eq!(entries(&names(&["notes.txt"]), "/target\n").len(), 1);
        assert_eq!(entries(&names(&["target"]), "").len(), 1);
    }

    #[test]
    fn a_missing_room_is_found() {
        let without_docs: Vec<String> = names(&[]).into_iter().filter(|name| name != "docs").collect();
        assert_eq!(entries(&without_docs, "").len(), 1);
    }

    #[test]
    fn default_members_are_every_package_but_the_benches() {
        let packages = ["compiler/idl".to_owned(), "tests/benches".to_owned()];
        let check = |members: &str| {
            let manifest: Table = format!("[workspace]\ndefault-members = {members}").parse().unwrap();
            default_members(&manifest, &packages).len()
        };
        assert_eq!(check("['compiler/idl']"), 0);
        assert_eq!(check("[]"), 1);
        assert_eq!(check("['compiler/idl', 'tests/benches']"), 1);
        assert_eq!(check("['compiler/idl', 'compiler/gone']"), 1);
    }
}
