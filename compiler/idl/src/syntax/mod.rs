//! The syntax tree: what a file says, before anybody asks whether it makes sense.
//!
//! Names are text with a [`Span`](crate::source::Span); nothing is resolved, counted or checked. The order is that of the
//! file.

mod allow;
mod doc;
mod failure;
mod head;
mod literal;
mod notes;
mod parse;
mod reader;
mod scan;
mod tree;
mod words;

pub(crate) use parse::{Parsed, parse};
pub(crate) use scan::is_too_deep;
pub(crate) use tree::*;

#[allow(missing_docs, reason = "the parser that pest derives documents nothing")]
pub(crate) mod grammar {
    use pest_derive::Parser;

    #[derive(Parser)]
    #[grammar = "grammar.pest"]
    pub(crate) struct Grammar;
}
