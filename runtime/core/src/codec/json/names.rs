//! What the types are called in JSON.

use crate::codec::TType;

/// The name of a type.
pub(super) fn of(ty: TType) -> &'static str {
    match ty {
        TType::Bool => "tf",
        TType::I8 => "i8",
        TType::I16 => "i16",
        TType::I32 => "i32",
        TType::I64 => "i64",
        TType::Double => "dbl",
        TType::String => "str",
        TType::Struct => "rec",
        TType::Map => "map",
        TType::Set => "set",
        TType::List => "lst",
        TType::Uuid => "uid",
    }
}

/// The type of this name.
pub(super) fn ttype(name: &str) -> Option<TType> {
    Some(match name {
        "tf" => TType::Bool,
        "i8" => TType::I8,
        "i16" => TType::I16,
        "i32" => TType::I32,
        "i64" => TType::I64,
        "dbl" => TType::Double,
        "str" => TType::String,
        "rec" => TType::Struct,
        "map" => TType::Map,
        "set" => TType::Set,
        "lst" => TType::List,
        "uid" => TType::Uuid,
        _ => return None,
    })
}
