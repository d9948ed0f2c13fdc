//! A value of any type, as a tool holds it between JSON and the wire.

use super::Type;
use super::json::{self, JsonError};
use crate::codec::{TType, Writer};

/// A value whose type was known only by its description.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A `bool`.
    Bool(bool),
    /// A `byte`.
    I8(i8),
    /// An `i16`.
    I16(i16),
    /// An `i32`, or the number of an enum.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// A `double`.
    Double(f64),
    /// A `string`.
    String(String),
    /// A `binary`.
    Binary(Vec<u8>),
    /// A `uuid`.
    Uuid([u8; 16]),
    /// A struct: the fields that are set, by id, in the order of the IDL.
    Struct(Vec<(i16, Value)>),
    /// A list, with the type of its elements.
    List(TType, Vec<Value>),
    /// A set, with the type of its elements, as they were given.
    Set(TType, Vec<Value>),
    /// A map, with the types of its keys and values, as they were given.
    Map(TType, TType, Vec<(Value, Value)>),
}

impl Value {
    /// The value of this type that a JSON text stands for, in the form of [`json`].
    ///
    /// # Errors
    /// When the text is no JSON, or says something that the type does not have; the error names the place.
    pub fn from_json(ty: Type, text: &str) -> Result<Self, JsonError> {
        json::parse(ty, text)
    }

    /// The type that travels before the value.
    pub fn ttype(&self) -> TType {
        match self {
            Value::Bool(_) => TType::Bool,
            Value::I8(_) => TType::I8,
            Value::I16(_) => TType::I16,
            Value::I32(_) => TType::I32,
            Value::I64(_) => TType::I64,
            Value::Double(_) => TType::Double,
            Value::String(_) | Value::Binary(_) => TType::String,
            Value::Uuid(_) => TType::Uuid,
            Value::Struct(_) => TType::Struct,
            Value::List(..) => TType::List,
            Value::Set(..) => TType::Set,
            Value::Map(..) => TType::Map,
        }
    }

    /// Writes the value.
    pub fn encode<W: Writer>(&self, w: &mut W) {
        match self {
            Value::Bool(value) => w.write_bool(*value),
            Value::I8(value) => w.write_i8(*value),
            Value::I16(value) => w.write_i16(*value),
            Value::I32(value) => w.write_i32(*value),
            Value::I64(value) => w.write_i64(*value),
            Value::Double(value) => w.write_double(*value),
            Value::String(value) => w.write_string(value),
            Value::Binary(value) => w.write_binary(value),
            Value::Uuid(value) => w.write_uuid(value),
            Value::Struct(fields) => {
                w.struct_begin();
                for (id, value) in fields {
                    w.field_begin(*id, value.ttype());
                    value.encode(w);
                }
                w.struct_end();
            }
            Value::List(element, values) => {
                w.list_begin(*element, values.len());
                values.iter().for_each(|value| value.encode(w));
            }
            Value::Set(element, values) => {
                w.set_begin(*element, values.len());
                values.iter().for_each(|value| value.encode(w));
            }
            Value::Map(key, value, pairs) => {
                w.map_begin(*key, *value, pairs.len());
                for (key, value) in pairs {
                    key.encode(w);
                    value.encode(w);
                }
            }
        }
    }
}
