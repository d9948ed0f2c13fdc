//! The writing half of a protocol: takes one value after another.

use super::TType;

/// Writes values in the order they are to be read.
///
/// Writing does not fail: a value in memory has a wire form, and whether the whole is too large for a transport is asked
/// once, when the frame is finished. The exceptions, a length beyond `i32::MAX` and a foreign type that refuses, are remembered by the
/// writer and reported then too.
pub trait Writer {
    /// Enters a struct.
    fn struct_begin(&mut self);
    /// Announces a field; its value follows.
    fn field_begin(&mut self, id: i16, ty: TType);
    /// Writes the stop of a struct.
    fn struct_end(&mut self);
    /// Announces a list of `count` elements, which follow.
    fn list_begin(&mut self, element: TType, count: usize);
    /// Announces a set of `count` elements, which follow.
    fn set_begin(&mut self, element: TType, count: usize);
    /// Announces a map of `count` pairs, which follow.
    fn map_begin(&mut self, key: TType, value: TType, count: usize);
    /// Writes a `bool`.
    fn write_bool(&mut self, value: bool);
    /// Writes a `byte`.
    fn write_i8(&mut self, value: i8);
    /// Writes an `i16`.
    fn write_i16(&mut self, value: i16);
    /// Writes an `i32`.
    fn write_i32(&mut self, value: i32);
    /// Writes an `i64`.
    fn write_i64(&mut self, value: i64);
    /// Writes a `double`.
    fn write_double(&mut self, value: f64);
    /// Writes a `uuid`.
    fn write_uuid(&mut self, value: &[u8; 16]);
    /// Writes a `string`.
    fn write_string(&mut self, value: &str);
    /// Writes a `binary`.
    fn write_binary(&mut self, value: &[u8]);

    /// Says that a value cannot be written after all. The message is not sent then; the frame it is in says why.
    fn refuse(&mut self);

    /// Writes what [`read_opaque`](super::Reader::read_opaque) gave. In JSON that is text where it can be, and base64 where it is
    /// not UTF-8.
    fn write_opaque(&mut self, value: &[u8]) {
        self.write_binary(value);
    }
}
