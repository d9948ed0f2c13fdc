//! A reader of ours as a protocol that Apache's generated code reads from.

use thrift::protocol::{
    TFieldIdentifier, TInputProtocol, TListIdentifier, TMapIdentifier, TMessageIdentifier, TSetIdentifier,
    TStructIdentifier, TType as Theirs,
};
use thrift::{ProtocolError, ProtocolErrorKind, Result};

use super::types::{protocol_error, theirs};
use crate::codec::{DecodeError, Reader, TType};

/// What an element may take in memory, as far as is known from outside: a struct of Apache's is some hundred bytes.
const STRUCT: usize = 256;
const OTHER: usize = 32;

/// Hands on every call, and keeps our error, which is smaller and says more than theirs.
pub(super) struct Input<'a, R> {
    reader: &'a mut R,
    pub(super) error: Option<DecodeError>,
}

impl<'a, R: Reader> Input<'a, R> {
    pub(super) fn new(reader: &'a mut R) -> Self {
        Self { reader, error: None }
    }

    fn ours<T>(&mut self, read: impl FnOnce(&mut R) -> std::result::Result<T, DecodeError>) -> Result<T> {
        read(self.reader).map_err(|error| {
            let as_theirs = protocol_error(&error);
            self.error.get_or_insert(error);
            as_theirs
        })
    }

    /// Elements about to be read, for which their code sets memory aside.
    fn elements(&mut self, element: TType, count: usize) -> Result<i32> {
        let each = if element == TType::Struct { STRUCT } else { OTHER };
        self.ours(|r| r.charge::<u8>(count.saturating_mul(each)))?;
        // No reader of ours gives a count that was not one of 31 bits.
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

fn refused(what: &str) -> thrift::Error {
    thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::NotImplemented, what.to_owned()))
}

impl<R: Reader> TInputProtocol for Input<'_, R> {
    fn read_message_begin(&mut self) -> Result<TMessageIdentifier> {
        Err(refused("a message inside of a message"))
    }

    fn read_message_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn read_struct_begin(&mut self) -> Result<Option<TStructIdentifier>> {
        self.ours(Reader::struct_begin).map(|()| None)
    }

    fn read_struct_end(&mut self) -> Result<()> {
        self.reader.struct_end();
        Ok(())
    }

    fn read_field_begin(&mut self) -> Result<TFieldIdentifier> {
        Ok(match self.ours(Reader::field_begin)? {
            Some(field) => TFieldIdentifier { name: None, field_type: theirs(field.ty), id: Some(field.id) },
            None => TFieldIdentifier { name: None, field_type: Theirs::Stop, id: None },
        })
    }

    fn read_field_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn read_bool(&mut self) -> Result<bool> {
        self.ours(Reader::read_bool)
    }

    fn read_bytes(&mut self) -> Result<Vec<u8>> {
        self.ours(Reader::read_binary).map(Vec::from)
    }

    fn read_i8(&mut self) -> Result<i8> {
        self.ours(Reader::read_i8)
    }

    fn read_i16(&mut self) -> Result<i16> {
        self.ours(Reader::read_i16)
    }

    fn read_i32(&mut self) -> Result<i32> {
        self.ours(Reader::read_i32)
    }

    fn read_i64(&mut self) -> Result<i64> {
        self.ours(Reader::read_i64)
    }

    fn read_double(&mut self) -> Result<f64> {
        self.ours(Reader::read_double)
    }

    fn read_uuid(&mut self) -> Result<uuid::Uuid> {
        self.ours(Reader::read_uuid).map(uuid::Uuid::from_bytes)
    }

    fn read_string(&mut self) -> Result<String> {
        self.ours(Reader::read_string)
    }

    fn read_list_begin(&mut self) -> Result<TListIdentifier> {
        let (element, count) = self.ours(Reader::list_begin)?;
        Ok(TListIdentifier { element_type: theirs(element), size: self.elements(element, count)? })
    }

    fn read_list_end(&mut self) -> Result<()> {
        self.reader.container_end();
        Ok(())
    }

    fn read_set_begin(&mut self) -> Result<TSetIdentifier> {
        let (element, count) = self.ours(Reader::set_begin)?;
        Ok(TSetIdentifier { element_type: theirs(element), size: self.elements(element, count)? })
    }

    fn read_set_end(&mut self) -> Result<()> {
        self.reader.container_end();
        Ok(())
    }

    fn read_map_begin(&mut self) -> Result<TMapIdentifier> {
        let (key, value, count) = self.ours(Reader::map_begin)?;
        self.elements(key, count)?;
        let size = self.elements(value, count)?;
        Ok(TMapIdentifier { key_type: Some(theirs(key)), value_type: Some(theirs(value)), size })
    }

    fn read_map_end(&mut self) -> Result<()> {
        self.reader.container_end();
        Ok(())
    }

    /// Ours knows how deep it is, and what of a string to leave unread.
    fn skip_till_depth(&mut self, field_type: Theirs, _: i8) -> Result<()> {
        let ty = super::types::ours(field_type).ok_or_else(|| refused("a type that no value has"))?;
        self.ours(|r| r.skip(ty))
    }

    fn read_byte(&mut self) -> Result<u8> {
        Err(refused("a byte outside of a value"))
    }

    /// Ours has checked every count by the time it is asked.
    fn min_serialized_size(&self, _: Theirs) -> usize {
        1
    }
}
