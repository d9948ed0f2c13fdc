//! The examples' contract as Rust, and the guide, whose code is compiled and run against it.

thriftwood::include_idl!();

/// `docs/guide.md`, so that what it shows is true.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
pub mod guide {}
