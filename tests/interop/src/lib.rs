//! Bytes captured from real Frugal peers, and what is needed to hold ours against them.
//!
//! `data/README.md` says where they come from. Headers are compared as a map, since Go writes them in random order, and
//! everything else byte by byte.

pub mod capture;
pub mod content;
pub mod frugal_test;
pub mod peer;
pub mod protocol;
pub mod python;
pub mod tape;

pub use capture::{Capture, Origin, captures};
pub use protocol::{Binary, Compact, Json, Protocol};

/// The generated types of `data/idl/wire.frugal`.
#[allow(missing_docs)]
pub mod idl {
    thriftwood::include_idl!();
}
