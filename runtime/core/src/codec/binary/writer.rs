//! Writes values in the binary protocol.

use crate::codec::{Message, TType, Writer};

/// `0x8001`, the mark and version of the strict form, in the upper half of a message's first word.
pub(super) const VERSION_1: u32 = 0x8001_0000;

/// Appends values to a byte buffer.
#[derive(Debug)]
pub struct BinaryWriter<'a> {
    out: &'a mut Vec<u8>,
    unsound: bool,
}

impl<'a> BinaryWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, unsound: false }
    }

    /// Writes the envelope of a message; its value follows.
    pub fn message(&mut self, message: Message<'_>) {
        self.put(&(VERSION_1 | u32::from(message.kind as u8)).to_be_bytes());
        self.write_string(message.name);
        self.write_i32(message.sequence);
    }

    /// Whether every length so far fits Thrift's 31 bits, and no value refused to be written. When not, the bytes are useless.
    pub fn is_sound(&self) -> bool {
        !self.unsound
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn length(&mut self, length: usize) {
        let length = i32::try_from(length).unwrap_or_else(|_| {
            self.unsound = true;
            0
        });
        self.put(&length.to_be_bytes());
    }
}

impl Writer for BinaryWriter<'_> {
    #[inline]
    fn struct_begin(&mut self) {}

    #[inline]
    fn field_begin(&mut self, id: i16, ty: TType) {
        let [high, low] = id.to_be_bytes();
        self.put(&[ty as u8, high, low]);
    }

    #[inline]
    fn struct_end(&mut self) {
        self.put(&[0]);
    }

    #[inline]
    fn list_begin(&mut self, element: TType, count: usize) {
        self.put(&[element as u8]);
        self.length(count);
    }

    #[inline]
    fn set_begin(&mut self, element: TType, count: usize) {
        self.list_begin(element, count);
    }

    #[inline]
    fn map_begin(&mut self, key: TType, value: TType, count: usize) {
        self.put(&[key as u8, value as u8]);
        self.length(count);
    }

    #[inline]
    fn write_bool(&mut self, value: bool) {
        self.put(&[u8::from(value)]);
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn write_double(&mut self, value: f64) {
        self.put(&value.to_be_bytes());
    }

    fn refuse(&mut self) {
        self.unsound = true;
    }

    #[inline]
    fn write_uuid(&mut self, value: &[u8; 16]) {
        self.put(value);
    }

    #[inline]
    fn write_string(&mut self, value: &str) {
        self.write_binary(value.as_bytes());
    }

    #[inline]
    fn write_binary(&mut self, value: &[u8]) {
        self.length(value.len());
        self.put(value);
    }
}
