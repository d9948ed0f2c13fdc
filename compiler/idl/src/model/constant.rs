//! Constants and default values, checked against the type they stand for.

use super::definition::{Annotations, Doc};
use super::ty::{ConstId, TypeId, TypeUse};
use crate::source::Span;

/// `const i32 LIMIT = 10`
#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// The declared type.
    pub ty: TypeUse,
    /// The value, already checked to be one of `ty`.
    pub value: ConstValue,
    /// Its annotations.
    pub annotations: Annotations,
}

/// A value written in the IDL, with the shape its type asks for.
///
/// The shape follows the resolved type, not the spelling: `1` given for a `double` is a [`Double`](ConstValue::Double),
/// given for a `bool` a [`Bool`](ConstValue::Bool), given for an enum an [`Enum`](ConstValue::Enum).
#[derive(Clone, Debug, PartialEq)]
pub enum ConstValue {
    /// A `bool`.
    Bool(bool),
    /// Any of the integer types; checked to be in range.
    Int(i64),
    /// A `double`; always finite.
    Double(f64),
    /// A `string`.
    String(String),
    /// A `binary`.
    Binary(Vec<u8>),
    /// A `uuid`.
    Uuid([u8; 16]),
    /// A number of an enum; the number need not have a name.
    Enum(TypeId, i32),
    /// A list, in order.
    List(Vec<ConstValue>),
    /// A set, in the order written, without repeats.
    Set(Vec<ConstValue>),
    /// A map, in the order written, without repeated keys.
    Map(Vec<(ConstValue, ConstValue)>),
    /// A struct, union or exception: the values given, by index into its `fields`.
    Struct(TypeId, Vec<(usize, ConstValue)>),
    /// Another constant of the same type, named rather than repeated.
    Const(ConstId),
}
