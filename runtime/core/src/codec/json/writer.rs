//! Writes values in the JSON protocol.

use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{brackets, names};
use crate::codec::nesting::{End, Nesting};
use crate::codec::{Message, TType, Writer};

/// Appends values to a byte buffer.
#[derive(Debug)]
pub struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    nesting: Nesting,
    unsound: bool,
}

impl<'a> JsonWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, nesting: Nesting::default(), unsound: false }
    }

    /// Writes the envelope of a message; its value follows, and closes it.
    pub fn message(&mut self, message: Message<'_>) {
        self.put(b"[1,");
        self.quoted(message.name);
        self.text_of(format_args!(",{},{},", message.kind as u8, message.sequence));
        self.nesting.message();
    }

    /// Whether every count so far fits Thrift's 31 bits, and no value refused to be written. When not, the bytes are useless.
    pub fn is_sound(&self) -> bool {
        !self.unsound
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Text that needs no escapes. Writing to memory does not fail.
    fn text_of(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    /// What stands before a value.
    #[inline]
    fn before(&mut self) {
        self.out.extend(self.nesting.before());
    }

    /// What stands behind a value that was just written.
    fn after(&mut self) {
        while let Some(end) = self.nesting.after() {
            self.put(brackets(end));
            if !end.is_value() {
                break;
            }
        }
    }

    fn number(&mut self, number: std::fmt::Arguments<'_>) {
        self.before();
        if self.nesting.is_key() {
            self.text_of(format_args!("\"{number}\""));
        } else {
            self.text_of(number);
        }
        self.after();
    }

    /// A string with its quotes. Control characters are all escaped, which Java and C++ do and Python leaves out.
    fn quoted(&mut self, text: &str) {
        self.put(b"\"");
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                0x08 => b"\\b",
                0x0c => b"\\f",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0..0x20 => b"\\u00",
                _ => continue,
            };
            self.put(&text.as_bytes()[plain..at]);
            self.put(escape);
            if escape.len() > 2 {
                self.text_of(format_args!("{byte:02x}"));
            }
            plain = at + 1;
        }
        self.put(&text.as_bytes()[plain..]);
        self.put(b"\"");
    }

    /// The head of a list or set.
    fn elements(&mut self, element: TType, count: usize, end: End) {
        let count = self.count(count);
        self.before();
        self.text_of(format_args!("[\"{}\",{count}", names::of(element)));
        if count == 0 {
            self.put(b"]");
            self.after();
        } else {
            self.nesting.list(count, end);
        }
    }

    /// A count. One that does not fit is noted, and 0 is written.
    fn count(&mut self, count: usize) -> usize {
        if i32::try_from(count).is_ok() {
            return count;
        }
        self.unsound = true;
        0
    }
}

impl Writer for JsonWriter<'_> {
    fn struct_begin(&mut self) {
        self.before();
        self.put(b"{");
        self.nesting.structure();
    }

    fn field_begin(&mut self, id: i16, ty: TType) {
        let before = self.nesting.field();
        self.out.extend(before);
        self.text_of(format_args!("\"{id}\":{{\"{}\":", names::of(ty)));
    }

    fn struct_end(&mut self) {
        self.put(b"}");
        self.nesting.leave();
        self.after();
    }

    fn list_begin(&mut self, element: TType, count: usize) {
        self.elements(element, count, End::List);
    }

    fn set_begin(&mut self, element: TType, count: usize) {
        self.elements(element, count, End::Set);
    }

    fn map_begin(&mut self, key: TType, value: TType, count: usize) {
        let count = self.count(count);
        self.before();
        self.text_of(format_args!("[\"{}\",\"{}\",{count},{{", names::of(key), names::of(value)));
        if count == 0 {
            self.put(b"}]");
            self.after();
        } else {
            self.nesting.map(count);
        }
    }

    fn write_bool(&mut self, value: bool) {
        self.number(format_args!("{}", u8::from(value)));
    }

    fn write_i8(&mut self, value: i8) {
        self.number(format_args!("{value}"));
    }

    fn write_i16(&mut self, value: i16) {
        self.number(format_args!("{value}"));
    }

    fn write_i32(&mut self, value: i32) {
        self.number(format_args!("{value}"));
    }

    fn write_i64(&mut self, value: i64) {
        self.number(format_args!("{value}"));
    }

    fn write_double(&mut self, value: f64) {
        let size = value.abs();
        if value.is_nan() {
            self.write_string("NaN");
        } else if size.is_infinite() {
            self.write_string(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else if size == 0.0 || (1e-6..1e21).contains(&size) {
            // The shortest digits that read back the same, as Go writes them; without an exponent where that is readable.
            self.number(format_args!("{value}"));
        } else {
            self.number(format_args!("{value:e}"));
        }
    }

    fn refuse(&mut self) {
        self.unsound = true;
    }

    fn write_uuid(&mut self, value: &[u8; 16]) {
        let bits = u128::from_be_bytes(*value);
        let [a, b, c, d, e] =
            [bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff, bits >> 48 & 0xffff, bits & ((1 << 48) - 1)];
        self.before();
        self.text_of(format_args!("\"{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}\""));
        self.after();
    }

    fn write_string(&mut self, value: &str) {
        self.before();
        self.quoted(value);
        self.after();
    }

    fn write_binary(&mut self, value: &[u8]) {
        self.before();
        self.put(b"\"");
        let start = self.out.len();
        // At most 4 bytes for each 3; a value so large that this overflows is not in memory.
        self.out.resize(start + value.len().div_ceil(3) * 4, 0);
        let written = BASE64_STANDARD.encode_slice(value, &mut self.out[start..]).unwrap_or_default();
        self.out.truncate(start + written);
        self.put(b"\"");
        self.after();
    }

    fn write_opaque(&mut self, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(text) => self.write_string(text),
            Err(_) => self.write_binary(value),
        }
    }
}
