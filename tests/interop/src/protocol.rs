//! The protocols as types, so that one test holds each of them against its peer.

use bytes::Bytes;
use thriftwood::codec::binary::{self, BinaryReader, BinaryWriter};
use thriftwood::codec::compact::{self, CompactReader, CompactWriter};
use thriftwood::codec::json::{self, JsonReader, JsonWriter};
use thriftwood::codec::{DecodeError, Message, Reader, Wire, Writer};

/// What a test needs of a protocol.
pub trait Protocol {
    /// As people call it.
    const NAME: &'static str;
    /// Its reading half.
    type Reader<'a>: Reader;
    /// Its writing half.
    type Writer<'a>: Writer;

    /// The envelope at the start of `bytes`, and a reader at the value behind it.
    ///
    /// # Errors
    /// When there is none.
    fn open(bytes: &Bytes) -> Result<(Message<'_>, Self::Reader<'_>), DecodeError>;

    /// A message: the envelope, then what `body` writes.
    fn message(envelope: Message<'_>, body: impl FnOnce(&mut Self::Writer<'_>)) -> Vec<u8>;

    /// The bytes of one value by itself.
    fn to_bytes<T: Wire>(value: &T) -> Vec<u8>;

    /// The value that `bytes` start with.
    ///
    /// # Errors
    /// When the bytes are not such a value.
    fn from_bytes<T: Wire>(bytes: &Bytes) -> Result<T, DecodeError>;
}

macro_rules! protocol {
    ($name:ident, $module:ident, $reader:ident, $writer:ident) => {
        #[doc = concat!("Thrift's ", stringify!($module), " protocol.")]
        #[derive(Debug)]
        pub struct $name;

        impl Protocol for $name {
            const NAME: &'static str = stringify!($module);
            type Reader<'a> = $reader<'a>;
            type Writer<'a> = $writer<'a>;

            fn open(bytes: &Bytes) -> Result<(Message<'_>, $reader<'_>), DecodeError> {
                let mut reader = $reader::new(bytes);
                Ok((reader.message()?, reader))
            }

            fn message(envelope: Message<'_>, body: impl FnOnce(&mut $writer<'_>)) -> Vec<u8> {
                let mut bytes = Vec::new();
                let mut writer = $writer::new(&mut bytes);
                writer.message(envelope);
                body(&mut writer);
                bytes
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
