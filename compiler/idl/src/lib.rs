//! Reads Thrift and Frugal IDL: text to syntax tree to checked [`model`], or to diagnostics.

pub mod model;
pub mod source;
