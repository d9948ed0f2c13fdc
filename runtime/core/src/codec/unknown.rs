//! A field that the IDL at hand does not have, kept so that it can be passed on.

use bytes::Bytes;

use super::binary::{BinaryReader, BinaryWriter};
use super::{DecodeError, Reader, TType, Writer};

/// A field from a newer peer: its id, its type, and its value in the binary protocol, whatever protocol it came by.
///
/// Kept as bytes rather than as a tree of values: a list of a million `bool`s is a megabyte on the wire and would be forty
/// as a tree, which is a gift to whoever wants this process out of memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub struct UnknownField {
    id: i16,
    ty: TType,
    value: Bytes,
}

impl UnknownField {
    /// Reads the value of a field that was just announced.
    ///
    /// # Errors
    /// When the bytes are no value of the announced type.
    pub fn decode<R: Reader>(id: i16, ty: TType, r: &mut R) -> Result<Self, DecodeError> {
        let mut value = Vec::new();
        copy(ty, r, &mut BinaryWriter::new(&mut value))?;
        // Compact numbers of one byte become eight.
        r.charge::<u8>(value.len())?;
        Ok(Self { id, ty, value: value.into() })
    }

    /// Writes the field, its announcement included.
    pub fn encode<W: Writer>(&self, w: &mut W) {
        w.field_begin(self.id, self.ty);
        // The value was read once already, wherever it came from, so it can be read again.
        let _ = copy(self.ty, &mut BinaryReader::new(&self.value), w);
    }

    /// The id it came with.
    pub fn id(&self) -> i16 {
        self.id
    }

    /// The type it was announced with.
    pub fn ttype(&self) -> TType {
        self.ty
    }
}

/// What serde reads, before anybody knows whether its bytes are a value of its type.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Unchecked {
    id: i16,
    ty: TType,
    value: Bytes,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for UnknownField {
    type Error = DecodeError;

    fn try_from(Unchecked { id, ty, value }: Unchecked) -> Result<Self, DecodeError> {
        let mut r = BinaryReader::new(&value);
        r.skip(ty)?;
        if r.remaining() > 0 {
            return Err(r.error(super::DecodeErrorKind::Length(i32::try_from(value.len()).unwrap_or(i32::MAX))));
        }
        Ok(Self { id, ty, value })
    }
}

/// Passes one value from a reader on to a writer.
fn copy<R: Reader, W: Writer>(ty: TType, r: &mut R, w: &mut W) -> Result<(), DecodeError> {
    match ty {
        TType::Bool => w.write_bool(r.read_bool()?),
        TType::I8 => w.write_i8(r.read_i8()?),
        TType::I16 => w.write_i16(r.read_i16()?),
        TType::I32 => w.write_i32(r.read_i32()?),
        TType::I64 => w.write_i64(r.read_i64()?),
        TType::Double => w.write_double(r.read_double()?),
        TType::Uuid => w.write_uuid(&r.read_uuid()?),
        TType::String => w.write_opaque(&r.read_opaque()?),
        TType::Struct => {
            r.struct_begin()?;
            w.struct_begin();
            while let Some(field) = r.field_begin()? {
                w.field_begin(field.id, field.ty);
                copy(field.ty, r, w)?;
            }
            r.struct_end();
            w.struct_end();
        }
        TType::List | TType::Set => {
            let list = ty == TType::List;
            let (element, count) = if list { r.list_begin()? } else { r.set_begin()? };
            if list {
                w.list_begin(element, count);
            } else {
                w.set_begin(element, count);
            }
            for _ in 0..count {
                copy(element, r, w)?;
            }
            r.container_end();
        }
        TType::Map => {
            let (key, value, count) = r.map_begin()?;
            w.map_begin(key, value, count);
            for _ in 0..count {
                copy(key, r, w)?;
                copy(value, r, w)?;
            }
            r.container_end();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Wire;
    use std::collections::BTreeMap;

    #[test]
    fn whatever_came_is_passed_on_byte_for_byte() {
        let mut bytes = Vec::new();
        let w = &mut BinaryWriter::new(&mut bytes);
        w.struct_begin();
        w.field_begin(-2, TType::Double);
        w.write_double(f64::NAN);
        w.field_begin(3, TType::Map);
        BTreeMap::from([("a".to_owned(), vec![[7_u8; 16]])]).encode(w);
        w.struct_end();
        let field = UnknownField::decode(9, TType::Struct, &mut BinaryReader::new(&bytes.clone().into())).unwrap();
        let mut again = Vec::new();
        field.encode(&mut BinaryWriter::new(&mut again));
        assert_eq!(again, [&[12, 0, 9], &*bytes].concat());
    }

    #[test]
    fn a_lying_count_is_refused() {
        let bytes = Bytes::from_static(&[8, 0x7f, 0xff, 0xff, 0xff]);
        UnknownField::decode(1, TType::List, &mut BinaryReader::new(&bytes)).unwrap_err();
    }
}
