//! The descriptions: types, structs with their fields, enums with their values.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use crate::codec::TType;

/// A type, as a field, an argument, a result or a payload has it. Typedefs are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `bool`
    Bool,
    /// `byte`, also written `i8`
    I8,
    /// `i16`
    I16,
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `double`
    Double,
    /// `string`
    String,
    /// `binary`
    Binary,
    /// `uuid`
    Uuid,
    /// An enum.
    Enum(&'static Enum),
    /// A struct, union or exception.
    Struct(&'static Struct),
    /// A list of such elements.
    List(&'static Type),
    /// A set of such elements.
    Set(&'static Type),
    /// A map from the first to the second.
    Map(&'static Type, &'static Type),
}

impl Type {
    /// The type that travels before such a value.
    pub const fn ttype(self) -> TType {
        match self {
            Type::Bool => TType::Bool,
            Type::I8 => TType::I8,
            Type::I16 => TType::I16,
            Type::I32 | Type::Enum(_) => TType::I32,
            Type::I64 => TType::I64,
            Type::Double => TType::Double,
            Type::String | Type::Binary => TType::String,
            Type::Uuid => TType::Uuid,
            Type::Struct(_) => TType::Struct,
            Type::List(_) => TType::List,
            Type::Set(_) => TType::Set,
            Type::Map(..) => TType::Map,
        }
    }
}

/// As in the IDL: `map<string, Album>`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "bool",
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::Double => "double",
            Type::String => "string",
            Type::Binary => "binary",
            Type::Uuid => "uuid",
            Type::Enum(def) => def.name,
            Type::Struct(def) => def.name,
            Type::List(element) => return write!(f, "list<{element}>"),
            Type::Set(element) => return write!(f, "set<{element}>"),
            Type::Map(key, value) => return write!(f, "map<{key}, {value}>"),
        })
    }
}

/// What kind of thing a [`Struct`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructKind {
    /// `struct`
    Struct,
    /// `union`: exactly one field is set.
    Union,
    /// `exception`
    Exception,
}

/// A struct, union or exception; also the arguments of a method, and what it answers.
///
/// A description is compared by where it is, since there is one of each type; it may refer to itself.
pub struct Struct {
    /// The name in the IDL.
    pub name: &'static str,
    /// Which of the three it is.
    pub kind: StructKind,
    fields: &'static [Field],
    defined: OnceLock<&'static [Field]>,
}

impl Struct {
    /// A struct with these fields, in the order of the IDL.
    pub const fn new(name: &'static str, kind: StructKind, fields: &'static [Field]) -> Self {
        Self { name, kind, fields, defined: OnceLock::new() }
    }

    /// Gives the fields to a struct that was made without. For tools: what is not a `static` cannot refer to itself before it
    /// is there. Only the first definition counts.
    pub fn define(&self, fields: &'static [Field]) {
        // The second one finds it taken.
        let _ = self.defined.set(fields);
    }

    /// The fields, in the order of the IDL.
    pub fn fields(&self) -> &'static [Field] {
        self.defined.get().copied().unwrap_or(self.fields)
    }

    /// The field with this id.
    pub fn field(&self, id: i16) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.id == id)
    }
}

impl PartialEq for Struct {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Struct {}

impl Hash for Struct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self).hash(state);
    }
}

impl fmt::Debug for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Struct").field(&self.name).finish()
    }
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// `required`
    Required,
    /// `optional`, and every field of a union.
    Optional,
    /// Neither word.
    Default,
}

/// A field of a struct, an argument, or an entry of `throws`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The id that travels.
    pub id: i16,
    /// The name in the IDL.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Whether it must be there.
    pub presence: Presence,
    /// The value it has when nobody sets it, as JSON: see [`with_default`](Field::with_default).
    pub default: Option<&'static str>,
}

impl Field {
    /// A field that is neither `required` nor `optional`.
    pub const fn new(id: i16, name: &'static str, ty: Type) -> Self {
        Self { id, name, ty, presence: Presence::Default, default: None }
    }

    /// A `required` field.
    pub const fn required(id: i16, name: &'static str, ty: Type) -> Self {
        Self { id, name, ty, presence: Presence::Required, default: None }
    }

    /// An `optional` field.
    pub const fn optional(id: i16, name: &'static str, ty: Type) -> Self {
        Self { id, name, ty, presence: Presence::Optional, default: None }
    }

    /// This field with a value it has when nobody sets it: JSON, in the form that the module `json` beside this one reads.
    #[must_use]
    pub const fn with_default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }
}

/// An enum. Compared by where it is.
pub struct Enum {
    /// The name in the IDL.
    pub name: &'static str,
    /// Names and numbers, in the order of the IDL. Two names may share a number.
    pub values: &'static [(&'static str, i32)],
}

impl Enum {
    /// The first name of a number.
    pub fn name_of(&self, number: i32) -> Option<&'static str> {
        self.values.iter().find(|(_, n)| *n == number).map(|(name, _)| *name)
    }

    /// The number of a name.
    pub fn number_of(&self, name: &str) -> Option<i32> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, number)| *number)
    }
}

impl PartialEq for Enum {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Enum {}

impl Hash for Enum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self).hash(state);
    }
}

impl fmt::Debug for Enum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Enum").field(&self.name).finish()
    }
}
