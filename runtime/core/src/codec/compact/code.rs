//! The numbers that this protocol has for itself: its mark, its version, and its own codes for the types.

use crate::codec::TType;

/// The first byte of a message.
pub(super) const MARK: u8 = 0x82;
/// The version, in the low five bits of the second byte; the message type is above it.
pub(super) const VERSION: u8 = 1;
pub(super) const VERSION_BITS: u8 = 0x1f;
pub(super) const KIND_SHIFT: u8 = 5;

/// What stands for no type at all, and ends a struct.
pub(super) const NONE: u8 = 0;
/// A `bool` that is true: the type of a field, or the byte of an element. Also what stands for `bool` as an element's type.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;

/// The most elements whose count fits beside the type.
pub(super) const SHORT_COUNT: usize = 14;
/// What stands there for a count that follows.
pub(super) const LONG_COUNT: u8 = 15;

/// The code of a type. For `bool` it is the one of an element; a field's says the value too.
#[inline]
pub(super) fn of(ty: TType) -> u8 {
    match ty {
        TType::Bool => TRUE,
        TType::I8 => 3,
        TType::I16 => 4,
        TType::I32 => 5,
        TType::I64 => 6,
        TType::Double => 7,
        TType::String => 8,
        TType::List => 9,
        TType::Set => 10,
        TType::Map => 11,
        TType::Struct => 12,
        TType::Uuid => 13,
    }
}

/// The type with this code. Peers disagree on which of the two codes an element of type `bool` has, so both are read.
#[inline]
pub(super) fn ttype(code: u8) -> Option<TType> {
    TYPES.get(usize::from(code)).copied().flatten()
}

/// By code: a look-up where a match is a chain of jumps that no processor can foresee.
const TYPES: [Option<TType>; 14] = [
    None,
    Some(TType::Bool),
    Some(TType::Bool),
    Some(TType::I8),
    Some(TType::I16),
    Some(TType::I32),
    Some(TType::I64),
    Some(TType::Double),
    Some(TType::String),
    Some(TType::List),
    Some(TType::Set),
    Some(TType::Map),
    Some(TType::Struct),
    Some(TType::Uuid),
];
