//! The rules of the house, each a function that takes the repository's root and gives what breaks it.
//!
//! A finding is one line: where, what, and what to do. `tests/house.rs` runs every rule over this repository; beside each
//! rule are tests that show it fail on text that breaks it. Formatting, lints and generated files are checked elsewhere.
//!
//! | rule | what it holds |
//! |---|---|
//! | [`arrows`] | which crate may use which, and words that must be absent from a folder |
//! | [`openings`] | every module says what it does |
//! | [`paths`] | a path named in a page exists |
//! | [`sizes`] | files and functions stay small, and what is large only shrinks |
//! | [`unsafety`] | the lint against `unsafe` is lifted in one module |
//! | [`weight`] | how many crates a user's crate comes to depend on |
//! | [`words`] | no notes to self, no machine's own paths |
//! | [`pages`] | the pages that must be there, and their form |
//! | [`top_level`] | what stands at the top, and what a bare cargo command builds |

pub mod arrows;
pub mod openings;
pub mod pages;
pub mod paths;
pub mod sizes;
pub mod top_level;
pub mod tree;
pub mod unsafety;
pub mod weight;
pub mod words;
