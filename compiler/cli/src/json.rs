//! Writes findings for programs: one JSON object each.

use serde_json::{Value, json};
use thriftwood_idl::diagnostics::{Diagnostic, Label, Severity};
use thriftwood_idl::source::{Sources, Span};

/// A finding as an object: `code`, `severity`, `lint` (null for errors that are none), `message`, `labels`, `notes` and
/// `help` (null where there is none). The first label is the primary place.
pub(crate) fn diagnostic(found: &Diagnostic, sources: &Sources) -> Value {
    json!({
        "code": found.code.as_str(),
        "severity": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "lint": found.code.lint(),
        "message": found.message,
        "labels": found.labels.iter().map(|each| label(each, sources)).collect::<Vec<_>>(),
        "notes": found.notes,
        "help": found.help,
    })
}

/// A place: `file`, `text` (may be empty), and `start` and `end` with `line` and `column`, counted from 1, the column in
/// characters, and `offset`, counted from 0, in bytes. What is at `end` is no longer part of it.
fn label(label: &Label, sources: &Sources) -> Value {
    let Span { source, start, end } = label.span;
    let file = sources.get(source).map(|source| source.path.to_string_lossy().replace('\\', "/"));
    let place = |offset: u32| {
        let at = sources.position(Span { source, start: offset, end: offset });
        json!({ "line": at.line, "column": at.column, "offset": offset })
    };
    json!({ "file": file, "text": label.text, "start": place(start), "end": place(end) })
}
