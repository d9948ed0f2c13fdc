//! Thrift's JSON protocol: the same calls as binary, as JSON that a person can read and a peer without schema cannot.
//!
//! ```text
//! message   [1,"name",KIND,SEQUENCE,value]
//! struct    {"id":{"type":value},"id":{"type":value}}
//! bool      1 or 0
//! numbers   as they are; as the key of a map in quotes; a double that is none as "NaN", "Infinity", "-Infinity"
//! list, set ["type",COUNT,value,value]
//! map       ["key type","value type",COUNT,{key:value,key:value}]
//! string    "text"
//! binary    "base64, padded"
//! uuid      "00112233-4455-6677-8899-aabbccddeeff"
//! ```
//!
//! Types: `tf` bool, `i8`, `i16`, `i32`, `i64`, `dbl` double, `str` string and binary, `rec` struct, `lst` list, `set`, `map`,
//! `uid` uuid. A key that is no text and no number stands there as it is, which is then no JSON; all of Thrift's libraries do that.
//!
//! Source: Apache Thrift has no specification of it. This is what its Python, Go, Java and C++ libraries (0.16 to 0.25) write;
//! where they differ, the most careful is written and all are read: text with or without its control characters escaped,
//! base64 with or without padding, numbers with or without quotes, space between the tokens.

mod names;
mod reader;
mod token;
mod writer;

pub use reader::JsonReader;
pub use writer::JsonWriter;

use bytes::Bytes;

use super::nesting::End;
use super::{DecodeError, Wire};

/// The bytes of one value by itself.
pub fn to_bytes<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    value.encode(&mut JsonWriter::new(&mut bytes));
    bytes
}

/// The value that `bytes` start with.
///
/// # Errors
/// When the bytes are not such a value; the error says what is wrong and at which byte.
pub fn from_bytes<T: Wire>(bytes: &Bytes) -> Result<T, DecodeError> {
    T::decode(&mut JsonReader::new(bytes))
}

/// The brackets that close what ends.
fn brackets(end: End) -> &'static [u8] {
    match end {
        End::Field => b"}",
        End::Message | End::List | End::Set => b"]",
        End::Map => b"}]",
    }
}
