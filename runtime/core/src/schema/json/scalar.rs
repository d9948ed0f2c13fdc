//! Values without parts, and the text each has as a string or as a key.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::path::shown;
use crate::schema::{Enum, Type, Value};

/// Base64 of RFC 4648, section 4, written with padding and read with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A whole number as a value of an integer type, of an enum, or of `double`.
pub(super) fn from_integer(ty: Type, number: i128) -> Result<Value, String> {
    let outside = || format!("{number} is out of the range of {ty}");
    Ok(match ty {
        Type::I8 => Value::I8(number.try_into().map_err(|_| outside())?),
        Type::I16 => Value::I16(number.try_into().map_err(|_| outside())?),
        Type::I32 | Type::Enum(_) => Value::I32(number.try_into().map_err(|_| outside())?),
        Type::I64 => Value::I64(number.try_into().map_err(|_| outside())?),
        Type::Double => Value::Double(number as f64),
        _ => return Err(format!("the number {number} is not {}", expected(ty))),
    })
}

/// A string as a value of whatever type has strings for values.
pub(super) fn from_string(ty: Type, text: &str) -> Result<Value, String> {
    let wrong = || format!("\"{}\" is not {}", shown(text), expected(ty));
    match ty {
        Type::String => Ok(Value::String(text.to_owned())),
        Type::Binary => BASE64.decode(text).map(Value::Binary).map_err(|_| wrong()),
        Type::Uuid => uuid(text).map(Value::Uuid).ok_or_else(wrong),
        Type::Enum(def) => enum_number(def, text).map(Value::I32),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => from_integer(ty, text.parse().map_err(|_| wrong())?),
        Type::Double => double(text).map(Value::Double).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The key of an object as a value of the map's key type.
pub(super) fn from_key(ty: Type, text: &str) -> Result<Value, String> {
    match (ty, text) {
        (Type::Bool, "true") => Ok(Value::Bool(true)),
        (Type::Bool, "false") => Ok(Value::Bool(false)),
        _ => from_string(ty, text),
    }
}

/// Whether a map with such keys is an object.
pub(super) fn is_key(ty: Type) -> bool {
    !matches!(ty, Type::Struct(_) | Type::List(_) | Type::Set(_) | Type::Map(..))
}

/// What JSON has for values of a type: "an i16", "a string in Base64 (binary)".
pub(super) fn expected(ty: Type) -> String {
    match ty {
        Type::Bool => "true or false".to_owned(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => format!("a whole number ({ty})"),
        Type::Double => "a number (double)".to_owned(),
        Type::String => "a string".to_owned(),
        Type::Binary => "a string in Base64 (binary)".to_owned(),
        Type::Uuid => "a string like f81d4fae-7dec-41d0-a765-00a0c91e6bf6 (uuid)".to_owned(),
        Type::Enum(def) => format!("a name or number of enum {}", def.name),
        Type::Struct(def) => format!("an object ({})", def.name),
        Type::List(_) | Type::Set(_) => format!("an array ({ty})"),
        Type::Map(key, _) if is_key(*key) => format!("an object ({ty})"),
        Type::Map(..) => format!("an array of objects with \"key\" and \"value\" ({ty})"),
    }
}

/// The name that was meant, if one is near enough to be a slip of it.
pub(super) fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    /// Nobody needs help with the spelling of longer names.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let limit = name.chars().count() / 3 + 1;
    candidates
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit && *distance < name.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

fn enum_number(def: &Enum, text: &str) -> Result<i32, String> {
    if let Some(number) = def.number_of(text).or_else(|| text.parse().ok()) {
        return Ok(number);
    }
    let hint = match nearest(text, def.values.iter().map(|(name, _)| *name)) {
        Some(name) => format!(", did you mean `{name}`?"),
        None => String::new(),
    };
    Err(format!("enum {} has no value \"{}\"{hint}", def.name, shown(text)))
}

/// A finite number, or one of the three that JSON has no numbers for.
fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust would also read "inf" and "nan", which nobody else writes.
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Appends a `double` as text that is read as the same number again.
pub(super) fn write_double(out: &mut String, value: f64) {
    // Writing to a string does not fail.
    let _ = write!(out, "{value:?}");
}

/// The word for a `double` that JSON has no number for.
pub(super) fn double_word(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

pub(super) fn write_base64(out: &mut String, bytes: &[u8]) {
    BASE64.encode_string(bytes, out);
}

/// The dashes of a uuid stand before these bytes.
const DASHES: [usize; 4] = [4, 6, 8, 10];

pub(super) fn write_uuid(out: &mut String, bytes: &[u8; 16]) {
    for (index, byte) in bytes.iter().enumerate() {
        let dash = if DASHES.contains(&index) { "-" } else { "" };
        let _ = write!(out, "{dash}{byte:02x}");
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut rest = text;
    for (index, byte) in bytes.iter_mut().enumerate() {
        if DASHES.contains(&index) {
            rest = rest.strip_prefix('-')?;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        // `from_str_radix` would take a sign.
        *byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        rest = after;
    }
    rest.is_empty().then_some(bytes)
}
