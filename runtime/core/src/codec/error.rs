//! What is wrong with bytes that cannot be read.

use std::fmt;

use super::TType;

/// Bytes that are not the value they were read as: what is wrong and where, no text.
///
/// One pointer: whatever reads a value gives back that value or this, for each value of a message and nearly always the value, so it should
/// be no larger.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Fault>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Fault {
    kind: DecodeErrorKind,
    offset: usize,
}

/// The ways in which bytes can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end inside a value.
    Truncated,
    /// A length or count is negative, or larger than the bytes that follow could hold.
    Length(i32),
    /// Text that is not UTF-8.
    Utf8,
    /// A number of variable length that goes on for longer than its type allows, or is larger.
    Varint,
    /// A field id that steps beyond 32767.
    FieldId,
    /// A number that is no type of Thrift's.
    UnknownType(u8),
    /// A container's elements have another type than the IDL says.
    ElementType {
        /// What the IDL says.
        expected: TType,
        /// What the bytes say.
        found: TType,
    },
    /// Values nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    Depth,
    /// Values that would take far more memory than their bytes: a struct of several hundred bytes can be one on the wire.
    Memory,
    /// A `bool` that is neither of the protocol's two numbers.
    Bool(u8),
    /// The message starts with a version that is not 1.
    Version(u32),
    /// JSON with something else at this place than what is named here.
    Syntax(&'static str),
    /// A message type other than call, reply, exception and oneway.
    MessageType(u8),
    /// A required field is absent, or there with another type than this side's IDL gives it: such a field is skipped as an unknown one is.
    MissingField {
        /// The struct, by its IDL name.
        structure: &'static str,
        /// The field, by its IDL name.
        field: &'static str,
    },
    /// The code of a foreign type, such as Apache's generated code, refuses what was read; why is logged.
    Foreign,
    /// A union with no field set, or with more than one.
    Union {
        /// The union, by its IDL name.
        union: &'static str,
    },
}

impl DecodeError {
    /// An error at `offset` bytes from the start of the message.
    #[cold]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(Fault { kind, offset }))
    }

    /// What is wrong.
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// Where, in bytes from the start of the message.
    pub fn offset(&self) -> usize {
        self.0.offset
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError").field("kind", &self.0.kind).field("offset", &self.0.offset).finish()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            DecodeErrorKind::Truncated => write!(f, "the message ends inside a value"),
            DecodeErrorKind::Length(n) => write!(f, "a length of {n} does not fit the bytes that follow"),
            DecodeErrorKind::Utf8 => write!(f, "a string is not UTF-8"),
            DecodeErrorKind::Varint => write!(f, "a number is larger than its type allows"),
            DecodeErrorKind::FieldId => write!(f, "a field id is larger than {}", i16::MAX),
            DecodeErrorKind::UnknownType(code) => write!(f, "{code} is not a Thrift type"),
            DecodeErrorKind::ElementType { expected, found } => {
                write!(f, "the elements are {found:?} where the IDL says {expected:?}")
            }
            DecodeErrorKind::Depth => write!(f, "values are nested deeper than {}", super::MAX_DEPTH),
            DecodeErrorKind::Memory => write!(f, "the values would take far more memory than the message is worth"),
            DecodeErrorKind::Bool(byte) => write!(f, "{byte} is not a bool"),
            DecodeErrorKind::Version(word) => write!(f, "the message starts with {word:#x}, not with version 1"),
            DecodeErrorKind::Syntax(expected) => write!(f, "the JSON protocol expects {expected} here"),
            DecodeErrorKind::MessageType(code) => write!(f, "{code} is not a message type"),
            DecodeErrorKind::MissingField { structure, field } => {
                write!(f, "required field `{field}` of `{structure}` is absent, or of another type")
            }
            DecodeErrorKind::Foreign => write!(f, "the type's own code refuses what was read"),
            DecodeErrorKind::Union { union } => write!(f, "union `{union}` must have exactly one field set"),
        }?;
        write!(f, " (at byte {})", self.0.offset)
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_has_no_more_room_around_it_for_an_error() {
        assert_eq!(size_of::<Result<String, DecodeError>>(), size_of::<String>());
        assert_eq!(size_of::<Result<Vec<u8>, DecodeError>>(), size_of::<Vec<u8>>());
        assert_eq!(size_of::<Result<(), DecodeError>>(), size_of::<usize>());
    }
}
