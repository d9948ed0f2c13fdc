//! Writes values in the compact protocol.

use super::code;
use crate::codec::{Message, TType, Writer};

/// Appends values to a byte buffer.
#[derive(Debug)]
pub struct CompactWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The id of the last field of the struct at hand.
    last: i16,
    /// The same for the structs around it, outermost first.
    outer: Vec<i16>,
    /// The id of a `bool` field whose header waits for the value that it is to tell.
    waiting: Option<i16>,
    unsound: bool,
}

impl<'a> CompactWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, last: 0, outer: Vec::new(), waiting: None, unsound: false }
    }

    /// Writes the envelope of a message; its value follows.
    pub fn message(&mut self, message: Message<'_>) {
        self.put(&[code::MARK, (message.kind as u8) << code::KIND_SHIFT | code::VERSION]);
        // As 32 bits, not as a zigzag: a negative number takes five bytes.
        self.varint(u64::from(message.sequence as u32));
        self.write_string(message.name);
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
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// Numbers of either sign by their size: 0, -1, 1, -2, 2 as 0, 1, 2, 3, 4. For a narrower number this is the same as
    /// within its own width.
    #[inline]
    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A length or count as a varint. One that does not fit is noted, and 0 is written.
    #[inline]
    fn length(&mut self, length: usize) {
        let length = i32::try_from(length).unwrap_or_else(|_| {
            self.unsound = true;
            0
        });
        self.varint(length as u64);
    }

    /// The header of a field, with the code of its type.
    #[inline]
    fn field(&mut self, id: i16, code: u8) {
        match i32::from(id) - i32::from(self.last) {
            step @ 1..=15 => self.out.push((step as u8) << 4 | code),
            _ => {
                self.out.push(code);
                self.zigzag(id.into());
            }
        }
        self.last = id;
    }
}

impl Writer for CompactWriter<'_> {
    #[inline]
    fn struct_begin(&mut self) {
        self.outer.push(self.last);
        self.last = 0;
    }

    #[inline]
    fn field_begin(&mut self, id: i16, ty: TType) {
        if ty == TType::Bool {
            self.waiting = Some(id);
        } else {
            self.field(id, code::of(ty));
        }
    }

    #[inline]
    fn struct_end(&mut self) {
        self.put(&[0]);
        self.last = self.outer.pop().unwrap_or_default();
    }

    #[inline]
    fn list_begin(&mut self, element: TType, count: usize) {
        if count <= code::SHORT_COUNT {
            self.put(&[(count as u8) << 4 | code::of(element)]);
        } else {
            self.put(&[code::LONG_COUNT << 4 | code::of(element)]);
            self.length(count);
        }
    }

    #[inline]
    fn set_begin(&mut self, element: TType, count: usize) {
        self.list_begin(element, count);
    }

    #[inline]
    fn map_begin(&mut self, key: TType, value: TType, count: usize) {
        self.length(count);
        if count > 0 {
            self.put(&[code::of(key) << 4 | code::of(value)]);
        }
    }

    #[inline]
    fn write_bool(&mut self, value: bool) {
        let code = if value { code::TRUE } else { code::FALSE };
        match self.waiting.take() {
            Some(id) => self.field(id, code),
            None => self.put(&[code]),
        }
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.put(&value.to_le_bytes());
    }

    #[inline]
    fn write_i16(&mut self, value: i16) {
        self.zigzag(value.into());
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.zigzag(value.into());
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.zigzag(value);
    }

    #[inline]
    fn write_double(&mut self, value: f64) {
        self.put(&value.to_le_bytes());
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
