//! The protocols as types, so that one test speaks for each of them.

#![allow(dead_code, unreachable_pub)]

use bytes::Bytes;
use thriftwood_core::codec::binary::{self, BinaryReader, BinaryWriter};
use thriftwood_core::codec::compact::{self, CompactReader, CompactWriter};
use thriftwood_core::codec::json::{self, JsonReader, JsonWriter};
use thriftwood_core::codec::{DecodeError, Message, Reader, Wire, Writer};

/// What a test needs of a protocol.
pub trait Protocol {
    const NAME: &'static str;
    type Reader<'a>: Reader;
    type Writer<'a>: Writer;

    fn reader(bytes: &Bytes) -> Self::Reader<'_>;
    fn read_message(bytes: &Bytes) -> Result<Message<'_>, DecodeError>;
    fn write(values: impl FnOnce(&mut Self::Writer<'_>)) -> Bytes;
    fn to_bytes<T: Wire>(value: &T) -> Vec<u8>;
    fn from_bytes<T: Wire>(bytes: &Bytes) -> Result<T, DecodeError>;
}

macro_rules! protocol {
    ($name:ident, $module:ident, $reader:ident, $writer:ident) => {
        pub struct $name;

        impl Protocol for $name {
            const NAME: &'static str = stringify!($module);
            type Reader<'a> = $reader<'a>;
            type Writer<'a> = $writer<'a>;

            fn reader(bytes: &Bytes) -> $reader<'_> {
                $reader::new(bytes)
            }

            fn read_message(bytes: &Bytes) -> Result<Message<'_>, DecodeError> {
                $reader::new(bytes).message()
            }

            fn write(values: impl FnOnce(&mut $writer<'_>)) -> Bytes {
                let mut bytes = Vec::new();
                values(&mut $writer::new(&mut bytes));
                bytes.into()
            }

            fn to_bytes<T: Wire>(value: &T) -> Vec<u8> {
                $module::to_bytes(value)
            }

            fn from_bytes<T: Wire>(bytes: &Bytes) -> Result<T, DecodeError> {
                $module::from_bytes(bytes)
            }
        }
    };
}

protocol!(Binary, binary, BinaryReader, BinaryWriter);
protocol!(Compact, compact, CompactReader, CompactWriter);
protocol!(Json, json, JsonReader, JsonWriter);
