//! What is wrong with JSON that is no value of its type.

use std::fmt;

/// JSON that is not a value of the type it was read as: what is wrong, and where.
#[derive(Clone, Debug)]
pub struct JsonError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: JsonErrorKind,
    path: String,
    message: String,
    line: usize,
    column: usize,
}

/// The ways in which JSON can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It is no JSON.
    Syntax,
    /// A value of another type, or out of the range of its type.
    Type,
    /// A field that the struct does not have.
    UnknownField,
    /// A required field is absent.
    MissingField,
    /// A field or key stands there twice.
    Duplicate,
    /// A union with no field set, or with more than one.
    Union,
    /// Values nested deeper than [`MAX_DEPTH`](crate::codec::MAX_DEPTH).
    Depth,
    /// Values that would take far more memory than the text.
    Memory,
}

impl JsonError {
    pub(super) fn new(kind: JsonErrorKind, path: String, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        Self(Box::new(Inner { kind, path, message, line, column }))
    }

    /// What is wrong.
    pub fn kind(&self) -> JsonErrorKind {
        self.0.kind
    }

    /// Where, in names and indices: `tracks[2].title`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The line of the text, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The column in that line, in bytes from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What is wrong, for people, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

/// The place is the path; where there is no sense in one, line and column.
impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, path, message, line, column } = &*self.0;
        match kind {
            JsonErrorKind::Syntax => write!(f, "not JSON: {message} (line {line}, column {column})"),
            _ if path.is_empty() => f.write_str(message),
            _ => write!(f, "{path}: {message}"),
        }
    }
}

impl std::error::Error for JsonError {}
