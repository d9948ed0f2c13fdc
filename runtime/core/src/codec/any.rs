//! A reader and a writer of whichever protocol is named at run time.
//!
//! Generated code is compiled once for each reader and writer it is used with. These two stand for all protocols, so that a
//! program has it twice, for binary and for these, and not once for each protocol; a match per value is what that costs.

use bytes::Bytes;
use bytestring::ByteString;

use super::binary::{BinaryReader, BinaryWriter};
use super::compact::{CompactReader, CompactWriter};
use super::json::{JsonReader, JsonWriter};
use super::{DecodeError, Field, Message, Protocol, Reader, TType, Writer};

/// Reads values in the protocol it was made for.
#[derive(Debug)]
pub struct AnyReader<'a>(Reading<'a>);

#[derive(Debug)]
enum Reading<'a> {
    Binary(BinaryReader<'a>),
    /// Boxed: it has room for the ids of 64 structs.
    Compact(Box<CompactReader<'a>>),
    Json(JsonReader<'a>),
}

/// Writes values in the protocol it was made for.
#[derive(Debug)]
pub struct AnyWriter<'a>(Writing<'a>);

#[derive(Debug)]
enum Writing<'a> {
    Binary(BinaryWriter<'a>),
    Compact(CompactWriter<'a>),
    Json(JsonWriter<'a>),
}

/// The same expression for whichever protocol it is.
macro_rules! each {
    ($of:ident, $any:expr, $one:ident => $do:expr) => {
        match $any {
            $of::Binary($one) => $do,
            $of::Compact($one) => $do,
            $of::Json($one) => $do,
        }
    };
}

impl<'a> AnyReader<'a> {
    /// A reader at the start of `message`, which is in this protocol.
    pub fn new(protocol: Protocol, message: &'a Bytes) -> Self {
        Self(match protocol {
            Protocol::Binary => Reading::Binary(BinaryReader::new(message)),
            Protocol::Compact => Reading::Compact(Box::new(CompactReader::new(message))),
            Protocol::Json => Reading::Json(JsonReader::new(message)),
        })
    }

    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// When the bytes do not start with an envelope.
    pub fn message(&mut self) -> Result<Message<'a>, DecodeError> {
        each!(Reading, &mut self.0, r => r.message())
    }
}

impl<'a> AnyWriter<'a> {
    /// A writer that appends to `out` in this protocol.
    pub fn new(protocol: Protocol, out: &'a mut Vec<u8>) -> Self {
        Self(match protocol {
            Protocol::Binary => Writing::Binary(BinaryWriter::new(out)),
            Protocol::Compact => Writing::Compact(CompactWriter::new(out)),
            Protocol::Json => Writing::Json(JsonWriter::new(out)),
        })
    }

    /// Writes the envelope of a message; its value follows.
    pub fn message(&mut self, message: Message<'_>) {
        each!(Writing, &mut self.0, w => w.message(message));
    }

    /// Whether every length so far fits Thrift's 31 bits. When not, the bytes written are useless.
    pub fn is_sound(&self) -> bool {
        each!(Writing, &self.0, w => w.is_sound())
    }
}

/// One row per call of a reader: its name and what it gives.
macro_rules! read {
    ($($call:ident -> $value:ty;)*) => {$(
        fn $call(&mut self) -> Result<$value, DecodeError> {
            each!(Reading, &mut self.0, r => r.$call())
        }
    )*};
}

impl Reader for AnyReader<'_> {
    read! {
        struct_begin -> ();
        field_begin -> Option<Field>;
        list_begin -> (TType, usize);
        set_begin -> (TType, usize);
        map_begin -> (TType, TType, usize);
        read_bool -> bool;
        read_i8 -> i8;
        read_i16 -> i16;
        read_i32 -> i32;
        read_i64 -> i64;
        read_double -> f64;
        read_uuid -> [u8; 16];
        read_string -> String;
        read_shared_string -> ByteString;
        read_binary -> Bytes;
        read_opaque -> Bytes;
    }

    fn struct_end(&mut self) {
        each!(Reading, &mut self.0, r => r.struct_end());
    }

    fn container_end(&mut self) {
        each!(Reading, &mut self.0, r => r.container_end());
    }

    fn charge<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        each!(Reading, &mut self.0, r => r.charge::<T>(count))
    }

    fn offset(&self) -> usize {
        each!(Reading, &self.0, r => r.offset())
    }

    fn remaining(&self) -> usize {
        each!(Reading, &self.0, r => r.remaining())
    }
}

/// One row per call of a writer: its name and what it takes.
macro_rules! write {
    ($($call:ident($($name:ident: $value:ty),*);)*) => {$(
        fn $call(&mut self, $($name: $value),*) {
            each!(Writing, &mut self.0, w => w.$call($($name),*));
        }
    )*};
}

impl Writer for AnyWriter<'_> {
    write! {
        struct_begin();
        field_begin(id: i16, ty: TType);
        struct_end();
        list_begin(element: TType, count: usize);
        set_begin(element: TType, count: usize);
        map_begin(key: TType, value: TType, count: usize);
        write_bool(value: bool);
        write_i8(value: i8);
        write_i16(value: i16);
        write_i32(value: i32);
        write_i64(value: i64);
        write_double(value: f64);
        write_uuid(value: &[u8; 16]);
        write_string(value: &str);
        write_binary(value: &[u8]);
        write_opaque(value: &[u8]);
        refuse();
    }
}
