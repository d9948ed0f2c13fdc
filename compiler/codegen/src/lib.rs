//! Turns checked IDL into Rust: [`compile`] for a build script, [`rust::generate`] for whoever has a model in hand.
//! With the feature `html`, `html::generate` turns it into pages to read.
//!
//! A build script needs one line. It reads the files and everything they include, writes Rust into `OUT_DIR`, tells Cargo what
//! to watch, and stops the build with the compiler's own diagnostics when a file is wrong:
//!
//! ```no_run
//! // in main, in build.rs
//! thriftwood_build::compile(["idl/music.frugal"]).unwrap_or_exit();
//! ```
//!
//! The crate then includes what was generated, with `thriftwood::include_idl!("v1.music")`.

mod builder;
mod defaults;
#[cfg(feature = "html")]
pub mod html;
mod json;
pub mod rust;

pub use builder::{Build, BuildError, Builder, compile};
pub use defaults::default_json;
pub use rust::RustType;
pub use thriftwood_idl::model::FileKind;
