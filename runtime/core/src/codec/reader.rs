//! The reading half of a protocol: hands out one value after another, or says why it cannot.

use bytes::Bytes;
use bytestring::ByteString;

use super::{DecodeError, DecodeErrorKind, TType, Wire};

/// How deep structs and containers may nest, on reading. Apache Thrift draws the same line.
pub const MAX_DEPTH: u32 = 64;

/// What stands before the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The id from the IDL.
    pub id: i16,
    /// The type the bytes claim, which need not be the one in the IDL.
    pub ty: TType,
}

/// Reads values in the order they were written.
///
/// A struct is [`struct_begin`](Reader::struct_begin), then [`field_begin`](Reader::field_begin) and a value until it
/// gives `None`, then [`struct_end`](Reader::struct_end). A container gives its count, which is already known to fit the
/// bytes at hand, then that many values, then [`container_end`](Reader::container_end).
pub trait Reader {
    /// Enters a struct.
    fn struct_begin(&mut self) -> Result<(), DecodeError>;
    /// The next field, or `None` at the struct's stop.
    fn field_begin(&mut self) -> Result<Option<Field>, DecodeError>;
    /// The value of the next field where that is field `id` with a value of this type. Where it is another, `None`, and nothing is
    /// read: [`field_begin`](Reader::field_begin) will tell which.
    ///
    /// Nearly all structs come with all their fields, in the order of the IDL. To ask for each in turn costs a comparison, where to be
    /// told which it is costs finding out what to do with it. A reader need not know what is next; then it is always `None`.
    #[inline(always)]
    fn field<T: Wire>(&mut self, id: i16) -> Result<Option<T>, DecodeError> {
        let _ = id;
        Ok(None)
    }
    /// Leaves a struct.
    fn struct_end(&mut self);
    /// Enters a list: the type of its elements and how many follow.
    fn list_begin(&mut self) -> Result<(TType, usize), DecodeError>;
    /// Enters a set: the type of its elements and how many follow.
    fn set_begin(&mut self) -> Result<(TType, usize), DecodeError>;
    /// Enters a map: key type, value type and how many pairs follow.
    fn map_begin(&mut self) -> Result<(TType, TType, usize), DecodeError>;
    /// Leaves a list, set or map.
    fn container_end(&mut self);
    /// Reads a `bool`.
    fn read_bool(&mut self) -> Result<bool, DecodeError>;
    /// Reads a `byte`.
    fn read_i8(&mut self) -> Result<i8, DecodeError>;
    /// Reads an `i16`.
    fn read_i16(&mut self) -> Result<i16, DecodeError>;
    /// Reads an `i32`.
    fn read_i32(&mut self) -> Result<i32, DecodeError>;
    /// Reads an `i64`.
    fn read_i64(&mut self) -> Result<i64, DecodeError>;
    /// Reads a `double`.
    fn read_double(&mut self) -> Result<f64, DecodeError>;
    /// Reads a `uuid`.
    fn read_uuid(&mut self) -> Result<[u8; 16], DecodeError>;
    /// Reads a `string`, checked to be UTF-8.
    fn read_string(&mut self) -> Result<String, DecodeError>;
    /// Reads a `string` that need not be owned. Where it is 64 bytes or longer, or the message no longer than 4 KiB, it shares
    /// the message's memory instead of being copied.
    fn read_shared_string(&mut self) -> Result<ByteString, DecodeError> {
        self.read_string().map(ByteString::from)
    }
    /// Reads a `binary`. One of 64 bytes or more shares the message's memory instead of being copied.
    fn read_binary(&mut self) -> Result<Bytes, DecodeError>;
    /// Reads a `string` or `binary` without knowing which, to pass it on. JSON writes the two differently and alike named, so
    /// that from there this is the text, be it base64 or not.
    fn read_opaque(&mut self) -> Result<Bytes, DecodeError> {
        self.read_binary()
    }
    /// Bytes from the start of the message, for errors.
    fn offset(&self) -> usize;
    /// Bytes not yet read.
    fn remaining(&self) -> usize;

    /// Reads a value nobody asked for and forgets it.
    fn skip(&mut self, ty: TType) -> Result<(), DecodeError> {
        match ty {
            TType::Bool => self.read_bool().map(drop),
            TType::I8 => self.read_i8().map(drop),
            TType::I16 => self.read_i16().map(drop),
            TType::I32 => self.read_i32().map(drop),
            TType::I64 => self.read_i64().map(drop),
            TType::Double => self.read_double().map(drop),
            TType::Uuid => self.read_uuid().map(drop),
            TType::String => self.read_opaque().map(drop),
            TType::Struct => {
                self.struct_begin()?;
                while let Some(field) = self.field_begin()? {
                    self.skip(field.ty)?;
                }
                self.struct_end();
                Ok(())
            }
            TType::List | TType::Set => {
                let (element, count) = if ty == TType::List { self.list_begin()? } else { self.set_begin()? };
                for _ in 0..count {
                    self.skip(element)?;
                }
                self.container_end();
                Ok(())
            }
            TType::Map => {
                let (key, value, count) = self.map_begin()?;
                for _ in 0..count {
                    self.skip(key)?;
                    self.skip(value)?;
                }
                self.container_end();
                Ok(())
            }
        }
    }

    /// How many elements of `T` to set memory aside for when `count` are announced: no more memory than there are bytes
    /// left to fill it, so a lying count costs nothing.
    fn capacity<T>(&self, count: usize) -> usize {
        count.min(self.remaining() / size_of::<T>().max(1))
    }

    /// Accounts for `count` values of `T` that are about to take memory of their own. A reader that keeps account fails
    /// when the message as a whole takes more than it should.
    fn charge<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        let _ = count;
        Ok(())
    }

    /// An error at the present place.
    fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }
}
