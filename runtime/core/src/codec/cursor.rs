//! A place in a message: what every reader needs to take bytes from it and to believe nothing.
//!
//! What a value takes that is as it should be is a handful of instructions, and is inlined whatever the compiler would choose: where a
//! build chose to call one of these, here or in the readers, the result went through memory, and an order of 26 texts took a
//! quarter longer. What is wrong is told by calls that are never inlined and cost nothing until then.

use bytes::Bytes;
use bytestring::ByteString;

use super::{DecodeError, DecodeErrorKind, MAX_DEPTH, text};

/// A `binary` at least this long shares the message's memory. Below it a copy is as cheap as the reference count, and
/// does not keep the whole message alive.
const SHARE_FROM: usize = 64;

/// Of a message up to this long all text shares the memory that is asked to: a slice, its check and its end take 8 ns, a `String` of
/// its own 19 (26 texts of 22 bytes). Of a longer one it is what a `binary` must be, so that some letters never keep a large message.
const SHARE_ALL_UP_TO: usize = 4096;

/// Memory that the elements of a message may take whatever its size, and for each of its bytes. An honest list of structs
/// of sixty optional fields, two of them set, takes some sixty times its bytes; a list of such structs with nothing set, of
/// one byte each, would take over a thousand times.
pub(crate) const MEMORY_FREE: usize = 16 * 1024 * 1024;
pub(crate) const MEMORY_PER_BYTE: usize = 64;

/// What is left of a message, how deep the reader is in it, and what its elements may still take.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// The whole message, so that a `binary` can share it.
    message: &'a Bytes,
    /// The same: to go on is to count, and counts up in one place.
    bytes: &'a [u8],
    /// How many of them are taken, never more than there are.
    taken: usize,
    depth: usize,
    /// In bytes.
    memory: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(message: &'a Bytes) -> Self {
        let memory = message.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_FREE);
        Self { message, bytes: message, taken: 0, depth: 0, memory }
    }

    #[inline(always)]
    pub(super) fn offset(&self) -> usize {
        self.taken
    }

    #[inline(always)]
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.taken)
    }

    /// The bytes not yet taken.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// The byte that is next, which is not taken.
    #[inline(always)]
    pub(super) fn next(&self) -> Option<u8> {
        self.bytes.get(self.taken).copied()
    }

    /// The bytes that are next, which are not taken.
    #[inline(always)]
    pub(super) fn ahead<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.taken..)?.first_chunk()
    }

    /// Takes so many of the bytes that were looked at.
    #[inline(always)]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Gives back what was taken since this offset.
    pub(super) fn back_to(&mut self, offset: usize) {
        self.taken = offset;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        match self.next() {
            Some(byte) => {
                self.taken += 1;
                Ok(byte)
            }
            None => Err(self.error(DecodeErrorKind::Truncated)),
        }
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.ahead() {
            Some(bytes) => {
                self.taken += N;
                Ok(*bytes)
            }
            None => Err(self.error(DecodeErrorKind::Truncated)),
        }
    }

    /// The bytes of a string or binary whose length was just read.
    #[inline(always)]
    pub(super) fn content(&mut self, length: i32) -> Result<&'a [u8], DecodeError> {
        match usize::try_from(length).ok().and_then(|length| self.rest().get(..length)) {
            Some(content) => {
                self.taken += content.len();
                Ok(content)
            }
            None => Err(self.error(DecodeErrorKind::Length(length))),
        }
    }

    /// The bytes of a string as text.
    pub(super) fn text(&self, content: &'a [u8]) -> Result<&'a str, DecodeError> {
        text::checked(content).ok_or_else(|| self.error(DecodeErrorKind::Utf8))
    }

    /// The same as text that shares the message's memory where it is long enough, or the message is short.
    #[inline(never)]
    pub(super) fn shared_text(&self, content: &'a [u8]) -> Result<ByteString, DecodeError> {
        self.share(content).ok_or_else(|| self.error(DecodeErrorKind::Utf8))
    }

    /// The same; none where they are not UTF-8.
    #[inline]
    pub(super) fn share(&self, content: &'a [u8]) -> Option<ByteString> {
        if content.len() < SHARE_FROM && self.message.len() > SHARE_ALL_UP_TO {
            return ByteString::try_from(content).ok();
        }
        ByteString::try_from(self.message.slice_ref(content)).ok()
    }

    /// The bytes of a binary as bytes of their own, or of the message's when they are many.
    pub(super) fn binary(&self, content: &'a [u8]) -> Bytes {
        if content.len() < SHARE_FROM {
            return Bytes::copy_from_slice(content);
        }
        self.message.slice_ref(content)
    }

    /// A count that was just read, checked against the fewest bytes that so many elements could take.
    #[inline(always)]
    pub(super) fn count(&self, count: i32, element_size: usize) -> Result<usize, DecodeError> {
        match usize::try_from(count) {
            Ok(n) if n.checked_mul(element_size).is_some_and(|bytes| bytes <= self.remaining()) => Ok(n),
            _ => Err(self.error(DecodeErrorKind::Length(count))),
        }
    }

    #[inline(always)]
    pub(super) fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth >= MAX_DEPTH as usize {
            return Err(self.error(DecodeErrorKind::Depth));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    pub(super) fn leave(&mut self) {
        // Never below zero, even for a `Wire` by hand that leaves what it did not enter.
        if let Some(depth) = self.depth.checked_sub(1) {
            self.depth = depth;
        }
    }

    /// How many structs and containers are open.
    #[inline(always)]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    #[inline(always)]
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.memory.checked_sub(bytes) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => Err(self.error(DecodeErrorKind::Memory)),
        }
    }
}
