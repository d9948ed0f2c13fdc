//! Reads a frame: checks its shape and hands out headers and message without copying either.

use bytes::{Buf, Bytes};
use thiserror::Error;

use super::own::Own;
use super::{Headers, PREAMBLE};
use crate::codec::binary::BinaryReader;
use crate::codec::{AnyReader, DecodeError, Message, Protocol, Reader};

/// What is made of a message whose envelope was read.
///
/// A trait and not a closure, since a closure cannot be generic over the reader.
pub trait ReadBody {
    /// What comes of it.
    type Output;

    /// Goes on behind the envelope.
    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Self::Output;
}

/// A frame that was read.
#[derive(Clone, Debug)]
pub struct Frame {
    headers: Headers,
    /// Where some of them are.
    own: Own,
    message: Bytes,
}

impl Frame {
    /// Reads a whole frame, its leading size included.
    ///
    /// The leading size is not compared with the bytes at hand: on transports that keep messages apart by themselves,
    /// peers differ in what they write there, and the most used ones never look.
    ///
    /// # Errors
    /// When the bytes are shorter than a frame can be, of another version, or their headers do not fit.
    pub fn decode(mut bytes: Bytes) -> Result<Self, FrameError> {
        let Some((preamble, _)) = bytes.split_first_chunk::<PREAMBLE>() else {
            return Err(FrameError::Truncated { size: bytes.len() });
        };
        let [_, _, _, _, version, size @ ..] = *preamble;
        if version != 0 {
            return Err(FrameError::Version(version));
        }
        let size = u32::from_be_bytes(size) as usize;
        bytes.advance(PREAMBLE);
        if size > bytes.len() {
            return Err(FrameError::Headers);
        }
        let (headers, own) = Headers::read(bytes.split_to(size))?;
        Ok(Self { headers, own, message: bytes })
    }

    /// What travels beside the message.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The Thrift message: envelope and value.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// The protocol that the message is in.
    pub fn protocol(&self) -> Protocol {
        Protocol::of(&self.message)
    }

    /// The envelope of the message, in whichever protocol it is; for those who pass a message on or answer it unread.
    ///
    /// # Errors
    /// When it has none.
    pub fn envelope(&self) -> Result<Message<'_>, DecodeError> {
        AnyReader::new(self.protocol(), &self.message).message()
    }

    /// Reads the message, in whichever protocol it is.
    ///
    /// # Errors
    /// When it has no envelope. What is wrong behind that is in the output.
    pub fn read<B: ReadBody>(&self, body: B) -> Result<B::Output, DecodeError> {
        match self.protocol() {
            Protocol::Binary => {
                let mut reader = BinaryReader::new(&self.message);
                let message = reader.message()?;
                Ok(body.read(message, &mut reader))
            }
            other => {
                let mut reader = AnyReader::new(other, &self.message);
                let message = reader.message()?;
                Ok(body.read(message, &mut reader))
            }
        }
    }

    /// The operation id, where there is one and it is a number.
    pub fn operation_id(&self) -> Option<u64> {
        self.own.operation_id.and_then(|at| super::number(self.headers.at(at)))
    }

    /// Where the headers are that the runtime itself reads.
    #[cfg(feature = "runtime")]
    pub(crate) fn own(&self) -> &Own {
        &self.own
    }
}

/// Bytes that are no frame, or a frame that nobody could carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Fewer bytes than the smallest frame.
    #[error("{size} bytes are too few for a frame, which has at least {PREAMBLE}")]
    Truncated {
        /// The bytes there are.
        size: usize,
    },
    /// A version of the header block that this side does not know.
    #[error("frame version {0} is not known here; every Frugal peer writes 0")]
    Version(u8),
    /// A size in the header block that runs past it.
    #[error("the headers run past the end of their block")]
    Headers,
    /// A header that is not text.
    #[error("a header is not UTF-8")]
    Utf8,
    /// A header that every message needs is absent.
    #[error("the frame has no `{0}` header")]
    MissingHeader(&'static str),
    /// A value that cannot be written: one of a foreign type whose own code failed.
    #[error("a value of the message refused to be written; its own code has logged why")]
    Unwritable,
    /// More bytes than the limit allows.
    #[error("a frame of {size} bytes is over the limit of {limit}")]
    TooLarge {
        /// The bytes of the frame, as far as known.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}
