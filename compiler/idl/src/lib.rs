//! Reads Thrift and Frugal IDL: text to syntax tree to checked [`model`], or to diagnostics.
//!
//! The phases, in order: `syntax` reads one text into a tree, `load` follows the includes, `lower` resolves every name,
//! checks what is said and builds the model. [`compile`] runs them. Only `load` touches the disk, through [`Files`].

pub mod audit;
mod compile;
pub mod diagnostics;
mod format;
pub mod index;
mod load;
mod lower;
pub mod model;
pub mod source;
mod syntax;

pub use compile::{Compilation, Options, compile, compile_indexed, compile_with};
pub use format::format;
pub use load::{Disk, Files};
