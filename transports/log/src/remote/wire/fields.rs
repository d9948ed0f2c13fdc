//! Numbers, texts and bytes, written and taken off.

use bytes::{Buf, BufMut, Bytes};

use super::{Malformed, PREFIX};
use crate::store::From;
use crate::store::raw;

/// A message on its way to being one.
pub(super) struct Writing(Vec<u8>);

impl Writing {
    /// A message of this kind, with a body of about so many bytes.
    pub(super) fn of(kind: u8, id: u32, room: usize) -> Self {
        let mut bytes = Vec::with_capacity(PREFIX + room);
        bytes.put_u32_le(0);
        bytes.put_u32_le(id);
        bytes.put_u8(kind);
        Self(bytes)
    }

    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.put_u8(value);
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.put_u32_le(value);
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.put_u64_le(value);
        self
    }

    pub(super) fn i64(mut self, value: i64) -> Self {
        self.0.put_i64_le(value);
        self
    }

    /// With its length in front, 4 bytes.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.put_u32_le(bytes.len() as u32);
        self.0.put_slice(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// What fills the rest of the message.
    pub(super) fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.put_slice(bytes);
        self
    }

    /// One byte that says which, and a number.
    pub(super) fn place(self, from: From) -> Self {
        match from {
            From::First => self.u8(0).u64(0),
            From::Next => self.u8(1).u64(0),
            From::Offset(offset) => self.u8(2).u64(offset),
            From::Time(time) => self.u8(3).i64(raw::micros(time)),
        }
    }

    pub(super) fn finish(self) -> Bytes {
        self.finish_before(0)
    }

    /// Finished, but for so many bytes that are sent right behind it.
    pub(super) fn finish_before(mut self, more: usize) -> Bytes {
        let length = (self.0.len() - 4 + more) as u32;
        self.0[..4].copy_from_slice(&length.to_le_bytes());
        self.0.into()
    }
}

/// The body of a message that was read.
pub(super) struct Reading(pub(super) Bytes);

impl Reading {
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32_le().map_err(|_| Malformed)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.0.try_get_u64_le().map_err(|_| Malformed)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.0.try_get_i64_le().map_err(|_| Malformed)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.u32()? as usize;
        if length > self.0.len() {
            return Err(Malformed);
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| Malformed)
    }

    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    pub(super) fn place(&mut self) -> Result<From, Malformed> {
        let which = self.u8()?;
        let value = self.u64()?;
        Ok(match which {
            0 => From::First,
            1 => From::Next,
            2 => From::Offset(value),
            3 => From::Time(raw::time(value.cast_signed())),
            _ => return Err(Malformed),
        })
    }

    /// The value, if there is nothing behind it.
    pub(super) fn end<T>(self, value: T) -> Result<T, Malformed> {
        if self.0.is_empty() { Ok(value) } else { Err(Malformed) }
    }
}
