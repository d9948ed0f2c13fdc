//! Reads values in the binary protocol, believing nothing.

use bytes::Bytes;

use super::writer::VERSION_1;
use crate::codec::{DecodeError, DecodeErrorKind, Field, MAX_DEPTH, Message, MessageType, Reader, TType};

/// A `binary` at least this long shares the message's memory. Below it a copy is as cheap as the reference count, and
/// does not keep the whole message alive.
const SHARE_FROM: usize = 64;

/// Memory that the elements of a message may take whatever its size, and for each of its bytes. An honest list of structs
/// of sixty optional fields, two of them set, takes some sixty times its bytes; a list of such structs with nothing set, of
/// one byte each, would take over a thousand times.
const MEMORY_FREE: usize = 16 * 1024 * 1024;
const MEMORY_PER_BYTE: usize = 64;

/// Takes values from the front of a message.
#[derive(Debug)]
pub struct BinaryReader<'a> {
    /// The whole message, so that a `binary` can share it.
    message: &'a Bytes,
    rest: &'a [u8],
    depth: u32,
    /// What elements may still take, in bytes.
    memory: usize,
}

impl<'a> BinaryReader<'a> {
    /// A reader at the start of `message`.
    pub fn new(message: &'a Bytes) -> Self {
        let memory = message.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_FREE);
        Self { message, rest: message, depth: 0, memory }
    }

    /// Reads the envelope of a message, in the strict or in the old form.
    ///
    /// # Errors
    /// When the bytes do not start with an envelope.
    pub fn message(&mut self) -> Result<Message<'a>, DecodeError> {
        let word = self.read_i32()?;
        let (name, kind) = if word < 0 {
            let word = word as u32;
            if word & 0xffff_0000 != VERSION_1 {
                return Err(self.error(DecodeErrorKind::Version(word)));
            }
            let kind = MessageType::from_code((word & 0xff) as u8, self.offset())?;
            let length = self.read_i32()?;
            (self.text(length)?, kind)
        } else {
            let name = self.text(word)?;
            let code = self.read_i8()? as u8;
            (name, MessageType::from_code(code, self.offset())?)
        };
        self.read_i32()?;
        Ok(Message { name, kind })
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.error(DecodeErrorKind::Truncated)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.error(DecodeErrorKind::Truncated)),
        }
    }

    /// The bytes of a string or binary whose length was just read.
    #[inline]
    fn content(&mut self, length: i32) -> Result<&'a [u8], DecodeError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => self.take(length),
            _ => Err(self.error(DecodeErrorKind::Length(length))),
        }
    }

    fn text(&mut self, length: i32) -> Result<&'a str, DecodeError> {
        let content = self.content(length)?;
        std::str::from_utf8(content).map_err(|_| self.error(DecodeErrorKind::Utf8))
    }

    fn ttype(&mut self) -> Result<TType, DecodeError> {
        let [code] = self.array()?;
        TType::from_code(code).ok_or_else(|| self.error(DecodeErrorKind::UnknownType(code)))
    }

    fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(DecodeErrorKind::Depth));
        }
        self.depth += 1;
        Ok(())
    }

    /// A count, checked against the fewest bytes that so many elements could take.
    fn count(&mut self, element_size: usize) -> Result<usize, DecodeError> {
        let count = self.read_i32()?;
        match usize::try_from(count) {
            Ok(n) if n.checked_mul(element_size).is_some_and(|bytes| bytes <= self.rest.len()) => Ok(n),
            _ => Err(self.error(DecodeErrorKind::Length(count))),
        }
    }

    /// The type and count of a list or set.
    fn elements(&mut self) -> Result<(TType, usize), DecodeError> {
        self.enter()?;
        let [code] = self.array()?;
        match TType::from_code(code) {
            Some(element) => Ok((element, self.count(least_size(element))?)),
            None => self.none_of(code).map(|()| (TType::Bool, 0)),
        }
    }

    /// The count of a container whose elements have no known type: empty containers of some peers carry type 0.
    fn none_of(&mut self, code: u8) -> Result<(), DecodeError> {
        match self.read_i32()? {
            0 => Ok(()),
            _ => Err(self.error(DecodeErrorKind::UnknownType(code))),
        }
    }

    fn leave(&mut self) {
        // Never below zero, even for a `Wire` by hand that leaves what it did not enter.
        self.depth = self.depth.saturating_sub(1);
    }
}

impl Reader for BinaryReader<'_> {
    #[inline]
    fn struct_begin(&mut self) -> Result<(), DecodeError> {
        self.enter()
    }

    #[inline]
    fn field_begin(&mut self) -> Result<Option<Field>, DecodeError> {
        if let Some((0, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(None);
        }
        let ty = self.ttype()?;
        Ok(Some(Field { id: self.read_i16()?, ty }))
    }

    #[inline]
    fn struct_end(&mut self) {
        self.leave();
    }

    fn list_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements()
    }

    fn set_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements()
    }

    fn map_begin(&mut self) -> Result<(TType, TType, usize), DecodeError> {
        self.enter()?;
        let [key, value] = self.array()?;
        match (TType::from_code(key), TType::from_code(value)) {
            (Some(key), Some(value)) => Ok((key, value, self.count(least_size(key) + least_size(value))?)),
            (None, _) => self.none_of(key).map(|()| (TType::Bool, TType::Bool, 0)),
            (_, None) => self.none_of(value).map(|()| (TType::Bool, TType::Bool, 0)),
        }
    }

    #[inline]
    fn container_end(&mut self) {
        self.leave();
    }

    #[inline]
    fn read_bool(&mut self) -> Result<bool, DecodeError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.error(DecodeErrorKind::Bool(other))),
        }
    }

    #[inline]
    fn read_i8(&mut self) -> Result<i8, DecodeError> {
        self.array().map(i8::from_be_bytes)
    }

    #[inline]
    fn read_i16(&mut self) -> Result<i16, DecodeError> {
        self.array().map(i16::from_be_bytes)
    }

    #[inline]
    fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    #[inline]
    fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    #[inline]
    fn read_double(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_be_bytes)
    }

    #[inline]
    fn read_uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    #[inline]
    fn read_string(&mut self) -> Result<String, DecodeError> {
        let length = self.read_i32()?;
        self.text(length).map(str::to_owned)
    }

    fn read_binary(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.read_i32()?;
        let content = self.content(length)?;
        if content.len() < SHARE_FROM {
            return Ok(Bytes::copy_from_slice(content));
        }
        Ok(self.message.slice_ref(content))
    }

    #[inline]
    fn charge<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        match self.memory.checked_sub(count.saturating_mul(size_of::<T>())) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => Err(self.error(DecodeErrorKind::Memory)),
        }
    }

    #[inline]
    fn offset(&self) -> usize {
        self.message.len() - self.rest.len()
    }

    #[inline]
    fn remaining(&self) -> usize {
        self.rest.len()
    }
}

/// The fewest bytes a value of this type can take.
fn least_size(ty: TType) -> usize {
    match ty {
        TType::Bool | TType::I8 | TType::Struct => 1,
        TType::I16 => 2,
        TType::I32 | TType::String => 4,
        TType::List | TType::Set => 5,
        TType::Map => 6,
        TType::I64 | TType::Double => 8,
        TType::Uuid => 16,
    }
}
