//! Lays an IDL file out in the one house style, with every comment kept: what `thriftwood fmt` does to a file.
//!
//! The steps in order: `build` walks what the grammar matched and says where the text may, must and must not break,
//! taking the comments between two tokens from `trivia`; `print` decides which of those breaks are made. Only white space
//! and separators (`,` and `;`) are ever changed, so the file means what it meant, docs included.

mod build;
mod print;
mod trivia;

use pest::Parser;

use crate::diagnostics::Diagnostic;
use crate::syntax;
use crate::syntax::grammar::{Grammar, Rule};
use build::Builder;

/// The text in house style: four spaces per level, one field, value, function or operation per line, a blank line between
/// definitions, lists broken one item per line where they do not fit into 100 columns. Formatting what is formatted
/// changes nothing. Line breaks are those of the first line of `text`.
///
/// # Errors
///
/// What is wrong with a text that is not IDL. The places carry the source index 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    // Nothing is formatted in part: whatever cannot be read, all of it is read again to say why.
    let errors = || syntax::parse(text, 0).found.into_iter().filter(Diagnostic::is_error).collect();
    if syntax::is_too_deep(text) {
        return Err(errors());
    }
    let mut builder = Builder::new(text);
    let mut offset = 0;
    while offset < text.len() {
        let Ok(items) = Grammar::parse(Rule::item, &text[offset..]) else { return Err(errors()) };
        let Some(definition) = items.into_iter().next().and_then(|item| item.into_inner().next()) else { break };
        if definition.as_rule() == Rule::EOI {
            break;
        }
        let end = offset + definition.as_span().end();
        builder.definition(&definition, offset);
        offset = end;
    }
    let formatted = print::print(&builder.finish());
    let first_line = text.split_inclusive('\n').next().unwrap_or_default();
    Ok(if first_line.ends_with("\r\n") { formatted.replace('\n', "\r\n") } else { formatted })
}
