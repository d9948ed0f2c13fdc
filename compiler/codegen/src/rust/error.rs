//! Why a model cannot become Rust.

use std::fmt;

use thriftwood_idl::diagnostics::{Code, Diagnostic, Label};
use thriftwood_idl::source::Span;

/// A model that is sound IDL but has no Rust form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GenerateError {
    /// A constant or default value leaves out a field that has no value of its own.
    MissingField {
        /// The struct or union whose value it is, by its IDL name.
        structure: String,
        /// The field without a value; of a union, any.
        field: String,
        /// Where the constant or the field with the default stands.
        at: Span,
    },
    /// `rust.type` asks for what cannot stand for the type it is written at.
    RustType {
        /// What it asks for.
        name: String,
        /// What could be asked for there.
        choices: Vec<&'static str>,
        /// The typedef with `rust.newtype` that the type is, by its IDL name: its form is decided where it is declared.
        newtype: Option<String>,
        /// Where the annotation stands.
        at: Span,
    },
}

impl GenerateError {
    /// The error as a diagnostic, to be shown like those of the IDL itself.
    pub fn diagnostic(&self) -> Diagnostic {
        let label = |span, text: &str| Label { span, text: text.to_owned() };
        let (code, labels, help) = match self {
            GenerateError::MissingField { at, .. } => (
                Code::WrongValue,
                vec![label(*at, "")],
                "give the field a value here, or a default where it is declared".to_owned(),
            ),
            GenerateError::RustType { choices, newtype, at, .. } => {
                let help = match (newtype, choices.as_slice()) {
                    (Some(newtype), _) => format!("write it where `{newtype}` is declared"),
                    (None, []) => {
                        "a `string`, a `binary`, a `set` or a `map` has a choice; write it behind that".to_owned()
                    }
                    (None, [some @ .., last]) => format!("write `{}` or `{last}`", some.join("`, `")),
                };
                (Code::WrongValue, vec![label(*at, "")], help)
            }
        };
        Diagnostic {
            code,
            severity: code.severity(),
            message: self.to_string(),
            labels,
            notes: Vec::new(),
            help: Some(help),
        }
    }
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GenerateError::MissingField { structure, field, .. } => {
                write!(f, "this value of `{structure}` needs a value for `{field}`")
            }
            GenerateError::RustType { name, newtype: Some(newtype), .. } => {
                write!(f, "`{newtype}` is a type of its own, which cannot be `{name}` in one place only")
            }
            GenerateError::RustType { name, .. } => write!(f, "`{name}` is no Rust type for this one"),
        }
    }
}

impl std::error::Error for GenerateError {}
