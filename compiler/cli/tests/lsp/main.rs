//! The language server as an editor meets it: a process that is spoken to over its standard input and output.

#![allow(clippy::needless_pass_by_value, reason = "JSON is made where it is passed")]
#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod editing;
mod editor;
mod names;
mod protocol;
mod storm;
