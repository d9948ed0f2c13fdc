//! The envelope around arguments, results and events: a name, what kind of message it is, and a sequence number.

use super::{DecodeError, DecodeErrorKind};

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// A call that wants an answer. Events are written with this type too, and some peers write oneway calls with it.
    Call = 1,
    /// The answer: a result, or a declared exception.
    Reply = 2,
    /// The answer: an application exception.
    Exception = 3,
    /// A call that wants no answer.
    Oneway = 4,
}

impl MessageType {
    /// The message type with this number.
    pub(crate) fn from_code(code: u8, offset: usize) -> Result<Self, DecodeError> {
        Ok(match code {
            1 => MessageType::Call,
            2 => MessageType::Reply,
            3 => MessageType::Exception,
            4 => MessageType::Oneway,
            other => return Err(DecodeError::new(DecodeErrorKind::MessageType(other), offset)),
        })
    }
}

/// What stands before the arguments, result or payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The method's wire name, or the operation's name.
    pub name: &'a str,
    /// What the message is for.
    pub kind: MessageType,
    /// A number by which the callers of plain Thrift know the reply to a call. Frugal's write 0 and never look, since they have
    /// the operation id in the frame's headers.
    pub sequence: i32,
}

impl<'a> Message<'a> {
    /// An envelope with the sequence number 0.
    pub const fn new(name: &'a str, kind: MessageType) -> Self {
        Self { name, kind, sequence: 0 }
    }

    /// This envelope with a sequence number: in a reply, the one of the call.
    #[must_use]
    pub const fn with_sequence(self, sequence: i32) -> Self {
        Self { sequence, ..self }
    }
}
