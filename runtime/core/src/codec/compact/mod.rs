//! Thrift's compact protocol: numbers as short as they go, and field ids as steps from the one before.
//!
//! ```text
//! message   82 | KIND << 5 | 1 | varint sequence | name | value
//! struct    ( field )*  00
//! field     id step << 4 | u8 type | value            (a step of 1 to 15 from the last id, 0 at the start)
//!           u8 type | zigzag id | value               (any other id)
//! bool      in a field its type, 1 true or 2 false, and no value; elsewhere a byte 1 or 2
//! numbers   i8 as it is; i16, i32, i64 as zigzag varints; double as 8 bytes, little-endian
//! list, set count << 4 | u8 type | value*             (up to 14 elements)
//!           f0 | u8 type | varint count | value*
//! map       varint count | key type << 4 | value type | (key value)*    (an empty one is the count alone)
//! string    varint length | bytes
//! ```
//!
//! A varint has seven bits in each byte, the lowest first, and the top bit set in all but the last; zigzag counts 0, -1, 1,
//! -2, so that small numbers of either sign are short. Types: 1 and 2 bool, 3 byte, 4 i16, 5 i32, 6 i64, 7 double, 8 string
//! and binary, 9 list, 10 set, 11 map, 12 struct, 13 uuid.
//!
//! Source: the `thrift-compact-protocol` specification of Apache Thrift. That a double is little-endian, unlike in binary, was
//! a slip of an early library and is the rule since.

mod code;
mod reader;
mod writer;

pub use reader::CompactReader;
pub use writer::CompactWriter;

use bytes::Bytes;

use super::{DecodeError, Wire};

/// The bytes of one value by itself.
pub fn to_bytes<T: Wire>(value: &T) -> Vec<u8> {
    // As in binary: most values fit at once.
    let mut bytes = Vec::with_capacity(256);
    value.encode(&mut CompactWriter::new(&mut bytes));
    bytes
}

/// The value that `bytes` start with.
///
/// # Errors
/// When the bytes are not such a value; the error says what is wrong and at which byte.
pub fn from_bytes<T: Wire>(bytes: &Bytes) -> Result<T, DecodeError> {
    T::decode(&mut CompactReader::new(bytes))
}
