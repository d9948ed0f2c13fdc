//! Holds this repository to the rules of the house.

use std::path::{Path, PathBuf};

use thriftwood_house::{arrows, openings, pages, paths, sizes, top_level, unsafety, weight, words};

/// Runs a rule over the repository and fails with everything it found.
fn hold(rule: fn(&Path) -> Vec<String>) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let findings = rule(&root);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn imports_run_along_the_arrows() {
    hold(arrows::check);
}

#[test]
fn every_module_opens_with_a_sentence() {
    hold(openings::check);
}

#[test]
fn every_path_named_in_a_page_exists() {
    hold(paths::check);
}

#[test]
fn files_and_functions_stay_within_their_ratchet() {
    hold(sizes::check);
}

#[test]
fn a_user_with_tcp_alone_comes_to_depend_on_few_crates() {
    hold(weight::check);
}

#[test]
fn nothing_is_left_over() {
    hold(words::check);
}

#[test]
fn the_pages_are_there_and_complete() {
    hold(pages::check);
}

#[test]
fn the_top_level_is_a_table_of_contents() {
    hold(top_level::check);
}

#[test]
fn one_module_is_unsafe() {
    hold(unsafety::check);
}
