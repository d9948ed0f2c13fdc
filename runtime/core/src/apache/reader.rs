//! Reads our values from a protocol of Apache's.

use bytes::Bytes;
use thrift::Result;
use thrift::protocol::{TInputProtocol, TType as Theirs};

use super::types::{ours, protocol_error};
use crate::codec::nesting::{End, Nesting};
use crate::codec::{DecodeError, DecodeErrorKind, Field, MAX_DEPTH, Reader, TType};

/// Their protocols read from a stream and do not say what is left of it. So much memory is set aside for a list at first, in bytes.
const AT_ONCE: usize = 64 * 1024;

type Read<T> = std::result::Result<T, DecodeError>;

/// Makes the calls of Apache's generated code, the ends of things among them, and keeps the error of the one that failed.
pub(super) struct ApacheReader<'a> {
    input: &'a mut dyn TInputProtocol,
    nesting: Nesting,
    depth: u32,
    failed: Option<thrift::Error>,
}

impl<'a> ApacheReader<'a> {
    pub(super) fn new(input: &'a mut dyn TInputProtocol) -> Self {
        Self { input, nesting: Nesting::default(), depth: 0, failed: None }
    }

    /// The value, or the error that kept it from coming.
    pub(super) fn finish<T>(self, value: Read<T>) -> Result<T> {
        value.map_err(|error| self.failed.unwrap_or_else(|| protocol_error(&error)))
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut dyn TInputProtocol) -> Result<T>) -> Read<T> {
        call(self.input).map_err(|error| {
            self.failed.get_or_insert(error);
            self.error(DecodeErrorKind::Foreign)
        })
    }

    /// A value of one call.
    fn one<T>(&mut self, call: impl FnOnce(&mut dyn TInputProtocol) -> Result<T>) -> Read<T> {
        let value = self.call(call)?;
        self.after()?;
        Ok(value)
    }

    fn after(&mut self) -> Read<()> {
        while let Some(end) = self.nesting.after() {
            self.end(end)?;
            if !end.is_value() {
                break;
            }
        }
        Ok(())
    }

    fn end(&mut self, end: End) -> Read<()> {
        if end.is_value() {
            self.depth -= 1;
        }
        self.call(|input| match end {
            End::Field => input.read_field_end(),
            End::List => input.read_list_end(),
            End::Set => input.read_set_end(),
            End::Map => input.read_map_end(),
            End::Message => Ok(()),
        })
    }

    fn enter(&mut self) -> Read<()> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(DecodeErrorKind::Depth));
        }
        self.depth += 1;
        Ok(())
    }

    /// The elements of a list or set.
    fn elements(&mut self, ty: Theirs, size: i32, end: End) -> Read<(TType, usize)> {
        let count = self.count(size)?;
        if count == 0 {
            self.end(end)?;
            self.after()?;
            return Ok((ours(ty).unwrap_or(TType::Bool), 0));
        }
        self.nesting.list(count, end);
        Ok((self.known(ty)?, count))
    }

    fn count(&self, size: i32) -> Read<usize> {
        usize::try_from(size).map_err(|_| self.error(DecodeErrorKind::Length(size)))
    }

    fn known(&self, ty: Theirs) -> Read<TType> {
        ours(ty).ok_or_else(|| self.error(DecodeErrorKind::Foreign))
    }
}

impl Reader for ApacheReader<'_> {
    fn struct_begin(&mut self) -> Read<()> {
        self.enter()?;
        self.call(|input| input.read_struct_begin())?;
        self.nesting.structure();
        Ok(())
    }

    fn field_begin(&mut self) -> Read<Option<Field>> {
        let field = self.call(|input| input.read_field_begin())?;
        if field.field_type == Theirs::Stop {
            self.call(|input| input.read_struct_end())?;
            self.nesting.leave();
            self.depth -= 1;
            self.after()?;
            return Ok(None);
        }
        let id = field.id.ok_or_else(|| self.error(DecodeErrorKind::Foreign))?;
        self.nesting.field();
        Ok(Some(Field { id, ty: self.known(field.field_type)? }))
    }

    /// The call was made by [`field_begin`](Reader::field_begin), where it can fail.
    fn struct_end(&mut self) {}

    fn list_begin(&mut self) -> Read<(TType, usize)> {
        self.enter()?;
        let list = self.call(|input| input.read_list_begin())?;
        self.elements(list.element_type, list.size, End::List)
    }

    fn set_begin(&mut self) -> Read<(TType, usize)> {
        self.enter()?;
        let set = self.call(|input| input.read_set_begin())?;
        self.elements(set.element_type, set.size, End::Set)
    }

    fn map_begin(&mut self) -> Read<(TType, TType, usize)> {
        self.enter()?;
        let map = self.call(|input| input.read_map_begin())?;
        let count = self.count(map.size)?;
        if count == 0 {
            self.end(End::Map)?;
            self.after()?;
            return Ok((TType::Bool, TType::Bool, 0));
        }
        self.nesting.map(count);
        let ty = |ty: Option<Theirs>| self.known(ty.unwrap_or(Theirs::Stop));
        Ok((ty(map.key_type)?, ty(map.value_type)?, count))
    }

    /// The call was made behind the last element, where it can fail.
    fn container_end(&mut self) {}

    fn read_bool(&mut self) -> Read<bool> {
        self.one(|input| input.read_bool())
    }

    fn read_i8(&mut self) -> Read<i8> {
        self.one(|input| input.read_i8())
    }

    fn read_i16(&mut self) -> Read<i16> {
        self.one(|input| input.read_i16())
    }

    fn read_i32(&mut self) -> Read<i32> {
        self.one(|input| input.read_i32())
    }

    fn read_i64(&mut self) -> Read<i64> {
        self.one(|input| input.read_i64())
    }

    fn read_double(&mut self) -> Read<f64> {
        self.one(|input| input.read_double())
    }

    fn read_uuid(&mut self) -> Read<[u8; 16]> {
        self.one(|input| input.read_uuid().map(uuid::Uuid::into_bytes))
    }

    fn read_string(&mut self) -> Read<String> {
        self.one(|input| input.read_string())
    }

    fn read_binary(&mut self) -> Read<Bytes> {
        self.one(|input| input.read_bytes().map(Bytes::from))
    }

    /// Not known: the stream is theirs.
    fn offset(&self) -> usize {
        0
    }

    fn remaining(&self) -> usize {
        AT_ONCE
    }
}
