//! A writer of ours as a protocol that Apache's generated code writes to.

use thrift::protocol::{
    TFieldIdentifier, TListIdentifier, TMapIdentifier, TMessageIdentifier, TOutputProtocol, TSetIdentifier,
    TStructIdentifier, TType as Theirs,
};
use thrift::{ProtocolError, ProtocolErrorKind, Result};

use super::types::ours;
use crate::codec::{TType, Writer};

/// Hands on every call; the ends of things, which our writers find by themselves, are left out.
pub(super) struct Output<'a, W>(pub(super) &'a mut W);

fn refused(what: &str) -> thrift::Error {
    thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::NotImplemented, what.to_owned()))
}

fn known(ty: Theirs) -> Result<TType> {
    ours(ty).ok_or_else(|| refused("a type that no value has"))
}

fn size(size: i32) -> Result<usize> {
    usize::try_from(size)
        .map_err(|_| thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::NegativeSize, "a negative count")))
}

impl<W: Writer> TOutputProtocol for Output<'_, W> {
    fn write_message_begin(&mut self, _: &TMessageIdentifier) -> Result<()> {
        Err(refused("a message inside of a message"))
    }

    fn write_message_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn write_struct_begin(&mut self, _: &TStructIdentifier) -> Result<()> {
        self.0.struct_begin();
        Ok(())
    }

    fn write_struct_end(&mut self) -> Result<()> {
        self.0.struct_end();
        Ok(())
    }

    fn write_field_begin(&mut self, field: &TFieldIdentifier) -> Result<()> {
        let id = field.id.ok_or_else(|| refused("a field without an id"))?;
        self.0.field_begin(id, known(field.field_type)?);
        Ok(())
    }

    fn write_field_end(&mut self) -> Result<()> {
        Ok(())
    }

    /// Our writers write it at the struct's end.
    fn write_field_stop(&mut self) -> Result<()> {
        Ok(())
    }

    fn write_bool(&mut self, value: bool) -> Result<()> {
        self.0.write_bool(value);
        Ok(())
    }

    fn write_bytes(&mut self, value: &[u8]) -> Result<()> {
        self.0.write_binary(value);
        Ok(())
    }

    fn write_i8(&mut self, value: i8) -> Result<()> {
        self.0.write_i8(value);
        Ok(())
    }

    fn write_i16(&mut self, value: i16) -> Result<()> {
        self.0.write_i16(value);
        Ok(())
    }

    fn write_i32(&mut self, value: i32) -> Result<()> {
        self.0.write_i32(value);
        Ok(())
    }

    fn write_i64(&mut self, value: i64) -> Result<()> {
        self.0.write_i64(value);
        Ok(())
    }

    fn write_double(&mut self, value: f64) -> Result<()> {
        self.0.write_double(value);
        Ok(())
    }

    fn write_uuid(&mut self, value: &uuid::Uuid) -> Result<()> {
        self.0.write_uuid(value.as_bytes());
        Ok(())
    }

    fn write_string(&mut self, value: &str) -> Result<()> {
        self.0.write_string(value);
        Ok(())
    }

    fn write_list_begin(&mut self, list: &TListIdentifier) -> Result<()> {
        self.0.list_begin(known(list.element_type)?, size(list.size)?);
        Ok(())
    }

    fn write_list_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn write_set_begin(&mut self, set: &TSetIdentifier) -> Result<()> {
        self.0.set_begin(known(set.element_type)?, size(set.size)?);
        Ok(())
    }

    fn write_set_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn write_map_begin(&mut self, map: &TMapIdentifier) -> Result<()> {
        // An empty map need not say its types.
        let ty = |ty: Option<Theirs>| ty.map_or(Ok(TType::Bool), known);
        self.0.map_begin(ty(map.key_type)?, ty(map.value_type)?, size(map.size)?);
        Ok(())
    }

    fn write_map_end(&mut self) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn write_byte(&mut self, _: u8) -> Result<()> {
        Err(refused("a byte outside of a value"))
    }
}
