//! Reads the name of a definition whose rest cannot be read, so that editors go on knowing it while it is being written.

use super::doc;
use super::failure::skip_blank;
use super::reader::Reader;
use super::scan::{is_word, word_end};
use super::tree::{Body, Definition, Name};
use crate::model::{Annotations, StructKind};

/// The definition that begins where the reader stands and ends before `end`, as empty as if its braces held nothing.
pub(super) fn head(reader: &Reader<'_>, end: usize) -> Option<Definition> {
    let text = reader.text;
    let start = skip_blank(text, reader.offset);
    let keyword_end = word_end(text.as_bytes(), start);
    let fields = Vec::new();
    let body = match &text[start..keyword_end] {
        "enum" => Body::Enum { values: Vec::new() },
        "struct" => Body::Struct { kind: StructKind::Struct, fields },
        "union" => Body::Struct { kind: StructKind::Union, fields },
        "exception" => Body::Struct { kind: StructKind::Exception, fields },
        "service" => Body::Service { extends: None, functions: Vec::new() },
        "scope" => Body::Scope { prefix: Vec::new(), operations: Vec::new() },
        _ => return None,
    };
    let name_start = skip_blank(text, keyword_end);
    let name_end = word_end(text.as_bytes(), name_start);
    let first = text.as_bytes().get(name_start)?;
    if !is_word(*first) || first.is_ascii_digit() || name_end > end {
        return None;
    }
    let end = name_end.max(start + text[start..end].trim_end().len());
    Some(Definition {
        name: Name { text: text[name_start..name_end].to_owned(), span: reader.span(name_start, name_end) },
        extent: reader.span(start, end),
        doc: doc::before(text, start),
        annotations: Annotations::default(),
        body,
    })
}
