//! A described album, and the way of a value to bytes and back.

use bytes::Bytes;
use thriftwood_core::codec::binary::{BinaryReader, BinaryWriter};
use thriftwood_core::schema::json::{self, JsonError, Printed};
use thriftwood_core::schema::{Enum, Field, Struct, StructKind, Type, Value};

pub(crate) static FORMAT: Enum = Enum { name: "Format", values: &[("CD", 1), ("VINYL", 2), ("LP", 2)] };

pub(crate) static TRACK: Struct = Struct::new(
    "Track",
    StructKind::Struct,
    &[Field::required(1, "title", Type::String), Field::new(2, "duration", Type::I32).with_default("180")],
);

pub(crate) static CHOICE: Struct = Struct::new(
    "Choice",
    StructKind::Union,
    &[Field::optional(1, "number", Type::I64), Field::optional(2, "many", Type::List(&Type::Struct(&CHOICE)))],
);

pub(crate) static ALBUM: Struct = Struct::new(
    "Album",
    StructKind::Struct,
    &[
        Field::required(1, "asin", Type::String),
        Field::new(2, "tracks", Type::List(&Type::Struct(&TRACK))),
        Field::new(3, "format", Type::Enum(&FORMAT)).with_default("\"CD\""),
        Field::optional(4, "cover", Type::Binary),
        Field::optional(5, "sold", Type::Map(&Type::Enum(&FORMAT), &Type::I64)),
        Field::optional(6, "by_track", Type::Map(&Type::Struct(&TRACK), &Type::Bool)),
        Field::optional(7, "rating", Type::Double).with_default("3.5"),
        Field::optional(8, "id", Type::Uuid),
        Field::optional(9, "choice", Type::Struct(&CHOICE)),
        Field::optional(10, "shelf", Type::Struct(&ALBUM)),
        Field::optional(11, "flags", Type::Set(&Type::I8)),
    ],
);

pub(crate) fn parse(ty: Type, text: &str) -> Result<Bytes, JsonError> {
    let value = Value::from_json(ty, text)?;
    Ok(bytes(&value))
}

pub(crate) fn bytes(value: &Value) -> Bytes {
    let mut bytes = Vec::new();
    value.encode(&mut BinaryWriter::new(&mut bytes));
    bytes.into()
}

pub(crate) fn print(ty: Type, bytes: &Bytes) -> Printed {
    json::print(ty, &mut BinaryReader::new(bytes)).unwrap()
}
