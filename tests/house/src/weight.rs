//! What a user's crate comes to depend on: no more crates than were agreed on.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The crates that `thriftwood` with TCP alone may bring, itself included: tonic brings 76, volo-thrift 113.
const WITH_TCP: usize = 60;

/// Whether there are more.
pub fn check(root: &Path) -> Vec<String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--locked", "-p", "thriftwood", "--no-default-features", "--features", "tcp"]);
    let tree = match cargo.args(["--edges", "normal", "--prefix", "none"]).current_dir(root).output() {
        Ok(tree) if tree.status.success() => tree.stdout,
        Ok(tree) => return vec![format!("cargo tree failed: {}", String::from_utf8_lossy(&tree.stderr))],
        Err(error) => return vec![format!("cargo tree does not run: {error}")],
    };
    too_many(&String::from_utf8_lossy(&tree), WITH_TCP)
}

/// What is wrong with a tree of crates, one on each line with its version first and whatever is said of it behind.
pub fn too_many(tree: &str, limit: usize) -> Vec<String> {
    let named = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    let crates: BTreeSet<String> = named.collect();
    if crates.is_empty() {
        return vec!["cargo tree names no crate".to_owned()];
    }
    let names = || crates.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let finding = || format!("thriftwood with tcp alone brings {} crates, over {limit}: {}", crates.len(), names());
    (crates.len() > limit).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_of_a_crate_counts_once() {
        let tree = "a v1.0.0 (/here)\nb v1.0.0\nb v2.0.0 (proc-macro)\nb v1.0.0 (*)\n";
        assert!(too_many(tree, 3).is_empty());
        let findings = too_many(tree, 2);
        assert_eq!(findings, ["thriftwood with tcp alone brings 3 crates, over 2: a v1.0.0, b v1.0.0, b v2.0.0"]);
        assert_eq!(too_many("", 2).len(), 1);
    }
}
