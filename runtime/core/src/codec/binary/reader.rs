//! Reads values in the binary protocol, believing nothing.

use bytes::Bytes;
use bytestring::ByteString;

use super::writer::VERSION_1;
use crate::codec::cursor::Cursor;
use crate::codec::text::OwnText;
use crate::codec::{DecodeError, DecodeErrorKind, Field, Message, MessageType, Reader, TType, Wire};

/// Takes values from the front of a message.
#[derive(Debug)]
pub struct BinaryReader<'a> {
    cursor: Cursor<'a>,
}

impl<'a> BinaryReader<'a> {
    /// A reader at the start of `message`.
    pub fn new(message: &'a Bytes) -> Self {
        Self { cursor: Cursor::new(message) }
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
            let name = self.content()?;
            (self.cursor.text(name)?, kind)
        } else {
            let name = self.cursor.content(word)?;
            let name = self.cursor.text(name)?;
            let code = self.read_i8()? as u8;
            (name, MessageType::from_code(code, self.offset())?)
        };
        Ok(Message { name, kind, sequence: self.read_i32()? })
    }

    #[inline(always)]
    fn ttype(&mut self) -> Result<TType, DecodeError> {
        let code = self.cursor.byte()?;
        TType::from_code(code).ok_or_else(|| self.error(DecodeErrorKind::UnknownType(code)))
    }

    /// A count, checked against the fewest bytes that so many elements could take.
    fn count(&mut self, element_size: usize) -> Result<usize, DecodeError> {
        let count = self.read_i32()?;
        self.cursor.count(count, element_size)
    }

    /// The type and count of a list or set.
    fn elements(&mut self) -> Result<(TType, usize), DecodeError> {
        self.cursor.enter()?;
        let code = self.cursor.byte()?;
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
}

impl<'a> OwnText<'a> for BinaryReader<'a> {
    const PREFIX: usize = 4;

    #[inline(always)]
    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.cursor
    }

    #[inline(always)]
    fn ahead(&self) -> Option<(usize, &'a [u8])> {
        self.cursor.rest().split_first_chunk().map(|(length, bytes)| (u32::from_be_bytes(*length) as usize, bytes))
    }

    #[inline(always)]
    fn content(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.read_i32()?;
        self.cursor.content(length)
    }
}

impl Reader for BinaryReader<'_> {
    #[inline(always)]
    fn struct_begin(&mut self) -> Result<(), DecodeError> {
        self.cursor.enter()
    }

    #[inline(always)]
    fn field_begin(&mut self) -> Result<Option<Field>, DecodeError> {
        if self.cursor.next() == Some(0) {
            self.cursor.advance(1);
            return Ok(None);
        }
        let ty = self.ttype()?;
        Ok(Some(Field { id: self.read_i16()?, ty }))
    }

    #[inline(always)]
    fn field<T: Wire>(&mut self, id: i16) -> Result<Option<T>, DecodeError> {
        let [high, low] = id.to_be_bytes();
        if self.cursor.ahead() != Some(&[T::TYPE as u8, high, low]) {
            return Ok(None);
        }
        self.cursor.advance(3);
        T::decode(self).map(Some)
    }

    #[inline(always)]
    fn struct_end(&mut self) {
        self.cursor.leave();
    }

    fn list_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements()
    }

    fn set_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements()
    }

    fn map_begin(&mut self) -> Result<(TType, TType, usize), DecodeError> {
        self.cursor.enter()?;
        let [key, value] = self.cursor.array()?;
        match (TType::from_code(key), TType::from_code(value)) {
            (Some(key), Some(value)) => Ok((key, value, self.count(least_size(key) + least_size(value))?)),
            (None, _) => self.none_of(key).map(|()| (TType::Bool, TType::Bool, 0)),
            (_, None) => self.none_of(value).map(|()| (TType::Bool, TType::Bool, 0)),
        }
    }

    #[inline(always)]
    fn container_end(&mut self) {
        self.cursor.leave();
    }

    #[inline(always)]
    fn read_bool(&mut self) -> Result<bool, DecodeError> {
        match self.cursor.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.error(DecodeErrorKind::Bool(other))),
        }
    }

    #[inline(always)]
    fn read_i8(&mut self) -> Result<i8, DecodeError> {
        self.cursor.array().map(i8::from_be_bytes)
    }

    #[inline(always)]
    fn read_i16(&mut self) -> Result<i16, DecodeError> {
        self.cursor.array().map(i16::from_be_bytes)
    }

    #[inline(always)]
    fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.cursor.array().map(i32::from_be_bytes)
    }

    #[inline(always)]
    fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.cursor.array().map(i64::from_be_bytes)
    }

    #[inline(always)]
    fn read_double(&mut self) -> Result<f64, DecodeError> {
        self.cursor.array().map(f64::from_be_bytes)
    }

    #[inline(always)]
    fn read_uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.cursor.array()
    }

    #[inline(always)]
    fn read_string(&mut self) -> Result<String, DecodeError> {
        self.own_text().map(String::from).ok_or_else(|| self.no_text())
    }

    #[inline(always)]
    fn read_shared_string(&mut self) -> Result<ByteString, DecodeError> {
        let content = self.content()?;
        self.cursor.shared_text(content)
    }

    fn read_binary(&mut self) -> Result<Bytes, DecodeError> {
        let content = self.content()?;
        Ok(self.cursor.binary(content))
    }

    #[inline(always)]
    fn charge<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        self.cursor.charge(count.saturating_mul(size_of::<T>()))
    }

    #[inline(always)]
    fn offset(&self) -> usize {
        self.cursor.offset()
    }

    #[inline(always)]
    fn remaining(&self) -> usize {
        self.cursor.remaining()
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
