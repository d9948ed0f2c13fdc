//! Turns a checked IDL model into Rust.
