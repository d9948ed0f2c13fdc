//! Prints what an audit has found: for people, or one JSON object in each line.

use std::io::{self, IsTerminal};
use std::path::Path;

use serde::Serialize;
use thriftwood_idl::audit::{Entry, Finding, Side, Sides};
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::source::{Sources, Span};

/// One audit that has been done.
pub(super) struct Audited<'a> {
    pub(super) old: &'a Sources,
    pub(super) new: &'a Sources,
    pub(super) revision: Option<&'a str>,
    /// What was compared with what.
    pub(super) what: String,
    pub(super) findings: &'a [Finding],
    /// How many findings were allowed.
    pub(super) allowed: usize,
    pub(super) stale: Vec<Stale<'a>>,
    pub(super) deny_warnings: bool,
}

/// A line of an allow-list that allows nothing.
pub(super) struct Stale<'a> {
    pub(super) file: &'a Path,
    pub(super) entry: &'a Entry,
}

impl Stale<'_> {
    fn message(&self) -> String {
        format!("`{} {}` allows nothing any more", self.entry.rule.id(), self.entry.thing)
    }
}

/// A finding as JSON. The names are part of what the command promises; see `docs/audit.md`.
#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    thing: &'a str,
    help: &'a str,
    places: Vec<JsonPlace<'a>>,
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    side: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    file: String,
    text: &'a str,
    start: JsonPosition,
    end: JsonPosition,
}

/// As in the findings of `thriftwood check`: line and column from 1, the offset in bytes from 0.
#[derive(Serialize)]
struct JsonPosition {
    line: usize,
    column: usize,
    offset: u32,
}

impl Audited<'_> {
    /// Whether the new contract must not be deployed.
    pub(super) fn failed(&self) -> bool {
        let (errors, warnings) = self.counts();
        errors > 0 || self.deny_warnings && warnings > 0
    }

    fn counts(&self) -> (usize, usize) {
        let errors = self.findings.iter().filter(|finding| finding.is_error()).count();
        (errors, self.findings.len() - errors + self.stale.len())
    }

    fn sides(&self) -> Sides<'_> {
        Sides { old: self.old, new: self.new, revision: self.revision }
    }

    pub(super) fn text(&self) -> String {
        let plain = !io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = if plain { Style::Plain } else { Style::Colour };
        let mut text = String::new();
        for finding in self.findings {
            text += &finding.render(&self.sides(), style);
            text += "\n\n";
        }
        for stale in &self.stale {
            let (file, line) = (stale.file.display(), stale.entry.line);
            text += &format!("warning: {}; take it off the list\n --> {file}:{line}\n\n", stale.message());
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (errors, warnings) = self.counts();
        let failed = if self.failed() { "FAILED: " } else { "" };
        let breaking = if errors == 0 { "no breaking changes".to_owned() } else { count(errors, "breaking change") };
        let allowed = if self.allowed == 0 { String::new() } else { format!(", {} allowed", self.allowed) };
        format!("{failed}audit of {}: {breaking}, {}{allowed}\n", self.what, count(warnings, "warning"))
    }

    pub(super) fn json(&self) -> String {
        let mut text = String::new();
        for finding in self.findings {
            text += &line(&Line {
                rule: finding.rule.id(),
                severity: if finding.is_error() { "error" } else { "warning" },
                message: &finding.message,
                thing: &finding.thing,
                help: finding.rule.advice(),
                places: finding.places.iter().map(|place| self.place(place.side, place.span, &place.text)).collect(),
            });
        }
        for stale in &self.stale {
            let start = || JsonPosition { line: stale.entry.line, column: 1, offset: stale.entry.offset };
            let place = JsonPlace {
                side: "allow-file",
                revision: None,
                file: stale.file.display().to_string(),
                text: "",
                start: start(),
                end: start(),
            };
            text += &line(&Line {
                rule: "stale-allowance",
                severity: "warning",
                message: &stale.message(),
                thing: &stale.entry.thing,
                help: "take the line off the list",
                places: vec![place],
            });
        }
        text
    }

    fn place<'p>(&'p self, side: Side, span: Span, text: &'p str) -> JsonPlace<'p> {
        let sides = self.sides();
        let position = |offset: u32| {
            let at = sides.position(side, Span { start: offset, ..span });
            JsonPosition { line: at.line, column: at.column, offset }
        };
        let (name, revision) = match side {
            Side::Old => ("old", self.revision),
            Side::New => ("new", None),
        };
        // The revision stands on its own here, not in front of the path.
        let path = Sides { revision: None, ..sides }.path(side, span);
        JsonPlace { side: name, revision, file: path, text, start: position(span.start), end: position(span.end) }
    }
}

/// One line of JSON. Writing texts and numbers into a string cannot fail.
fn line(value: &Line<'_>) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}
