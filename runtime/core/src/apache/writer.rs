//! Writes our values to a protocol of Apache's.

use thrift::protocol::{
    TFieldIdentifier, TListIdentifier, TMapIdentifier, TOutputProtocol, TSetIdentifier, TStructIdentifier,
};
use thrift::{ProtocolError, ProtocolErrorKind, Result};

use super::types::theirs;
use crate::codec::nesting::{End, Nesting};
use crate::codec::{TType, Writer};

/// Makes the calls of Apache's generated code, the ends of things among them, until the first that fails.
pub(super) struct ApacheWriter<'a> {
    out: &'a mut dyn TOutputProtocol,
    nesting: Nesting,
    failed: Option<thrift::Error>,
}

impl<'a> ApacheWriter<'a> {
    pub(super) fn new(out: &'a mut dyn TOutputProtocol) -> Self {
        Self { out, nesting: Nesting::default(), failed: None }
    }

    pub(super) fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn call(&mut self, call: impl FnOnce(&mut dyn TOutputProtocol) -> Result<()>) {
        if self.failed.is_none() {
            self.failed = call(self.out).err();
        }
    }

    /// A value of one call.
    fn one(&mut self, call: impl FnOnce(&mut dyn TOutputProtocol) -> Result<()>) {
        self.call(call);
        self.after();
    }

    fn after(&mut self) {
        while let Some(end) = self.nesting.after() {
            self.end(end);
            if !end.is_value() {
                break;
            }
        }
    }

    fn end(&mut self, end: End) {
        self.call(|out| match end {
            End::Field => out.write_field_end(),
            End::List => out.write_list_end(),
            End::Set => out.write_set_end(),
            End::Map => out.write_map_end(),
            End::Message => Ok(()),
        });
    }

    fn empty(&mut self, end: End) {
        self.end(end);
        self.after();
    }

    fn size(&mut self, count: usize) -> i32 {
        i32::try_from(count).unwrap_or_else(|_| {
            self.refuse();
            0
        })
    }
}

impl Writer for ApacheWriter<'_> {
    fn struct_begin(&mut self) {
        self.call(|out| out.write_struct_begin(&TStructIdentifier::new("")));
        self.nesting.structure();
    }

    fn field_begin(&mut self, id: i16, ty: TType) {
        self.call(|out| out.write_field_begin(&TFieldIdentifier { name: None, field_type: theirs(ty), id: Some(id) }));
        self.nesting.field();
    }

    fn struct_end(&mut self) {
        self.call(|out| out.write_field_stop());
        self.call(|out| out.write_struct_end());
        self.nesting.leave();
        self.after();
    }

    fn list_begin(&mut self, element: TType, count: usize) {
        let size = self.size(count);
        self.call(|out| out.write_list_begin(&TListIdentifier { element_type: theirs(element), size }));
        if count == 0 { self.empty(End::List) } else { self.nesting.list(count, End::List) }
    }

    fn set_begin(&mut self, element: TType, count: usize) {
        let size = self.size(count);
        self.call(|out| out.write_set_begin(&TSetIdentifier { element_type: theirs(element), size }));
        if count == 0 { self.empty(End::Set) } else { self.nesting.list(count, End::Set) }
    }

    fn map_begin(&mut self, key: TType, value: TType, count: usize) {
        let (key_type, value_type, size) = (Some(theirs(key)), Some(theirs(value)), self.size(count));
        self.call(|out| out.write_map_begin(&TMapIdentifier { key_type, value_type, size }));
        if count == 0 { self.empty(End::Map) } else { self.nesting.map(count) }
    }

    fn write_bool(&mut self, value: bool) {
        self.one(|out| out.write_bool(value));
    }

    fn write_i8(&mut self, value: i8) {
        self.one(|out| out.write_i8(value));
    }

    fn write_i16(&mut self, value: i16) {
        self.one(|out| out.write_i16(value));
    }

    fn write_i32(&mut self, value: i32) {
        self.one(|out| out.write_i32(value));
    }

    fn write_i64(&mut self, value: i64) {
        self.one(|out| out.write_i64(value));
    }

    fn write_double(&mut self, value: f64) {
        self.one(|out| out.write_double(value));
    }

    fn write_uuid(&mut self, value: &[u8; 16]) {
        self.one(|out| out.write_uuid(&uuid::Uuid::from_bytes(*value)));
    }

    fn write_string(&mut self, value: &str) {
        self.one(|out| out.write_string(value));
    }

    fn write_binary(&mut self, value: &[u8]) {
        self.one(|out| out.write_bytes(value));
    }

    fn refuse(&mut self) {
        let text = "a length is beyond 31 bits, or a value refused to be written";
        let error = || thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::SizeLimit, text));
        self.failed.get_or_insert_with(error);
    }
}
