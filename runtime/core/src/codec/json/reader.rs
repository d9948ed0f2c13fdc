//! Reads values in the JSON protocol, believing nothing.

use bytes::Bytes;
use bytestring::ByteString;

use super::{brackets, names, token};
use crate::codec::cursor::Cursor;
use crate::codec::nesting::{End, Nesting};
use crate::codec::{DecodeError, DecodeErrorKind, Field, Message, MessageType, Reader, TType};

/// Takes values from the front of a message.
#[derive(Debug)]
pub struct JsonReader<'a> {
    cursor: Cursor<'a>,
    nesting: Nesting,
}

impl<'a> JsonReader<'a> {
    /// A reader at the start of `message`.
    pub fn new(message: &'a Bytes) -> Self {
        Self { cursor: Cursor::new(message), nesting: Nesting::default() }
    }

    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// When the bytes do not start with an envelope.
    pub fn message(&mut self) -> Result<Message<'a>, DecodeError> {
        self.expect(b'[')?;
        let version = self.integer()?;
        if version != 1 {
            return Err(self.error(DecodeErrorKind::Version(u32::try_from(version).unwrap_or(u32::MAX))));
        }
        self.expect(b',')?;
        let name = token::plain_string(&mut self.cursor)?;
        self.expect(b',')?;
        let kind = u8::try_from(self.integer()?).unwrap_or(u8::MAX);
        let kind = MessageType::from_code(kind, self.offset())?;
        self.expect(b',')?;
        let sequence = self.narrow()?;
        self.expect(b',')?;
        self.nesting.message();
        Ok(Message { name, kind, sequence })
    }

    fn expect(&mut self, wanted: u8) -> Result<(), DecodeError> {
        token::mark(&mut self.cursor, wanted)
    }

    fn integer(&mut self) -> Result<i64, DecodeError> {
        token::integer(&mut self.cursor)
    }

    /// An integer that must fit a narrower type.
    fn narrow<T: TryFrom<i64>>(&mut self) -> Result<T, DecodeError> {
        let value = self.integer()?;
        T::try_from(value).map_err(|_| self.error(DecodeErrorKind::Varint))
    }

    /// What stands before a value.
    fn before(&mut self) -> Result<(), DecodeError> {
        self.nesting.before().map_or(Ok(()), |mark| self.expect(mark))
    }

    /// What stands behind a value that was just read.
    fn after(&mut self) -> Result<(), DecodeError> {
        while let Some(end) = self.nesting.after() {
            brackets(end).iter().try_for_each(|bracket| self.expect(*bracket))?;
            if !end.is_value() {
                break;
            }
            self.cursor.leave();
        }
        Ok(())
    }

    /// A value that is one token.
    fn one<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        self.before()?;
        let value = read(self)?;
        self.after()?;
        Ok(value)
    }

    /// A type's name. Of no elements at all the type does not matter, so an unknown one is not refused yet.
    fn ttype(&mut self) -> Result<Option<TType>, DecodeError> {
        token::string(&mut self.cursor).map(|name| names::ttype(&name))
    }

    fn known(&self, ty: Option<TType>) -> Result<TType, DecodeError> {
        ty.ok_or_else(|| self.error(DecodeErrorKind::Syntax("the name of a type, such as \"i32\" or \"rec\"")))
    }

    /// The count of a container whose elements take at least so many bytes.
    fn count(&mut self, element_size: usize) -> Result<usize, DecodeError> {
        let count = self.narrow()?;
        self.cursor.count(count, element_size)
    }

    /// The head of a list or set.
    fn elements(&mut self, end: End) -> Result<(TType, usize), DecodeError> {
        self.before()?;
        self.cursor.enter()?;
        self.expect(b'[')?;
        let element = self.ttype()?;
        self.expect(b',')?;
        let count = self.count(element.map_or(1, least_size))?;
        if count == 0 {
            self.nothing(end)?;
            return Ok((element.unwrap_or(TType::Bool), 0));
        }
        self.nesting.list(count, end);
        Ok((self.known(element)?, count))
    }

    /// The end of a container without elements.
    fn nothing(&mut self, end: End) -> Result<(), DecodeError> {
        brackets(end).iter().try_for_each(|bracket| self.expect(*bracket))?;
        self.cursor.leave();
        self.after()
    }
}

impl Reader for JsonReader<'_> {
    fn struct_begin(&mut self) -> Result<(), DecodeError> {
        self.before()?;
        self.cursor.enter()?;
        self.expect(b'{')?;
        self.nesting.structure();
        Ok(())
    }

    fn field_begin(&mut self) -> Result<Option<Field>, DecodeError> {
        if token::next(&mut self.cursor)? == b'}' {
            self.expect(b'}')?;
            self.nesting.leave();
            self.cursor.leave();
            self.after()?;
            return Ok(None);
        }
        if let Some(mark) = self.nesting.between_fields() {
            self.expect(mark)?;
        }
        let id = self.integer()?;
        let id = i16::try_from(id).map_err(|_| self.error(DecodeErrorKind::FieldId))?;
        self.expect(b':')?;
        self.expect(b'{')?;
        let ty = self.ttype()?;
        let ty = self.known(ty)?;
        self.expect(b':')?;
        self.nesting.field();
        Ok(Some(Field { id, ty }))
    }

    /// The bracket was read by [`field_begin`](Reader::field_begin), which can fail.
    fn struct_end(&mut self) {}

    fn list_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements(End::List)
    }

    fn set_begin(&mut self) -> Result<(TType, usize), DecodeError> {
        self.elements(End::Set)
    }

    fn map_begin(&mut self) -> Result<(TType, TType, usize), DecodeError> {
        self.before()?;
        self.cursor.enter()?;
        self.expect(b'[')?;
        let key = self.ttype()?;
        self.expect(b',')?;
        let value = self.ttype()?;
        self.expect(b',')?;
        let count = self.count(key.map_or(1, least_size) + value.map_or(1, least_size) - 1)?;
        self.expect(b',')?;
        self.expect(b'{')?;
        if count == 0 {
            self.nothing(End::Map)?;
            return Ok((key.unwrap_or(TType::Bool), value.unwrap_or(TType::Bool), 0));
        }
        self.nesting.map(count);
        Ok((self.known(key)?, self.known(value)?, count))
    }

    /// The brackets were read behind the last element, where that can fail.
    fn container_end(&mut self) {}

    fn read_bool(&mut self) -> Result<bool, DecodeError> {
        self.one(|r| token::boolean(&mut r.cursor))
    }

    fn read_i8(&mut self) -> Result<i8, DecodeError> {
        self.one(Self::narrow)
    }

    fn read_i16(&mut self) -> Result<i16, DecodeError> {
        self.one(Self::narrow)
    }

    fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.one(Self::narrow)
    }

    fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.one(Self::integer)
    }

    fn read_double(&mut self) -> Result<f64, DecodeError> {
        self.one(|r| token::double(&mut r.cursor))
    }

    fn read_uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.one(|r| token::uuid(&mut r.cursor))
    }

    fn read_string(&mut self) -> Result<String, DecodeError> {
        self.one(|r| token::string(&mut r.cursor)).map(std::borrow::Cow::into_owned)
    }

    fn read_shared_string(&mut self) -> Result<ByteString, DecodeError> {
        self.one(|r| token::shared_string(&mut r.cursor))
    }

    fn read_binary(&mut self) -> Result<Bytes, DecodeError> {
        self.one(|r| token::base64(&mut r.cursor))
    }

    fn read_opaque(&mut self) -> Result<Bytes, DecodeError> {
        self.read_string().map(Bytes::from)
    }

    fn charge<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        self.cursor.charge(count.saturating_mul(size_of::<T>()))
    }

    fn offset(&self) -> usize {
        self.cursor.offset()
    }

    fn remaining(&self) -> usize {
        self.cursor.remaining()
    }
}

/// The fewest bytes a value of this type can take, the comma before it included.
fn least_size(ty: TType) -> usize {
    match ty {
        TType::Bool | TType::I8 | TType::I16 | TType::I32 | TType::I64 | TType::Double => 2,
        // "", {} and a map's first key, which has no comma.
        TType::String | TType::Struct => 3,
        TType::List | TType::Set => 8,
        TType::Map => 14,
        TType::Uuid => 35,
    }
}
