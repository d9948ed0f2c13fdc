//! What is wrong with a file, or unwise: a [`Diagnostic`] is a value, and renderers only read it.

mod code;
mod lint;
mod render;
mod suggest;

pub use code::{Code, Severity};
pub(crate) use lint::{Allow, Selection};
pub use lint::{Level, Lints, NoSuchLint};
pub use render::Style;
pub(crate) use render::printable;
pub use suggest::nearest;

use crate::source::Span;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is. Codes are stable.
    pub code: Code,
    /// Whether it stops the compilation: what the code says, or an error where its lint is denied.
    pub severity: Severity,
    /// The headline: what is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where, and what about that place. The first is the primary one; others may be in other files.
    pub labels: Vec<Label>,
    /// What else is good to know.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

/// A place and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said; may be empty.
    pub text: String,
}

impl Diagnostic {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let label = Label { span, text: String::new() };
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: vec![label],
            notes: Vec::new(),
            help: None,
        }
    }

    /// Says something of the primary place.
    pub(crate) fn here(mut self, text: impl Into<String>) -> Self {
        self.labels[0].text = text.into();
        self
    }

    /// Points to another place.
    pub(crate) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Whether the files cannot be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
