//! Types as they are used, and the ids by which one definition refers to another.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use super::definition::Annotations;

/// The place of a file in [`Model::files`](super::Model::files).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Which list of a [`File`](super::File) a [`TypeId`] points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefKind {
    /// A struct, union or exception: `File::structs`.
    Struct,
    /// An enum: `File::enums`.
    Enum,
    /// A typedef: `File::typedefs`.
    Typedef,
}

/// One declared type: a struct, union, exception, enum or typedef of some file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId {
    /// The file that declares it.
    pub file: FileId,
    /// Which of that file's lists it is in.
    pub kind: DefKind,
    /// Its index in that list.
    pub index: u32,
}

/// One declared service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The file that declares it.
    pub file: FileId,
    /// Its index in that file's `services`.
    pub index: u32,
}

/// One declared constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConstId {
    /// The file that declares it.
    pub file: FileId,
    /// Its index in that file's `consts`.
    pub index: u32,
}

/// The types Thrift itself supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaseType {
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
    /// `string`, UTF-8
    String,
    /// `binary`
    Binary,
    /// `uuid`, 16 bytes
    Uuid,
}

impl BaseType {
    /// The keyword of the IDL.
    pub fn keyword(self) -> &'static str {
        match self {
            BaseType::Bool => "bool",
            BaseType::I8 => "i8",
            BaseType::I16 => "i16",
            BaseType::I32 => "i32",
            BaseType::I64 => "i64",
            BaseType::Double => "double",
            BaseType::String => "string",
            BaseType::Binary => "binary",
            BaseType::Uuid => "uuid",
        }
    }
}

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A type of Thrift's own.
    Base(BaseType),
    /// `list<T>`
    List(Box<TypeUse>),
    /// `set<T>`
    Set(Box<TypeUse>),
    /// `map<K, V>`
    Map(Box<TypeUse>, Box<TypeUse>),
    /// A declared type, perhaps of an included file.
    Named(TypeId),
}

/// A type where a field, argument, result, element or operation uses it: what it is, and the annotations that are written behind
/// it, as in `list<string (rust.type = "Arc<str>")>`.
///
/// It can be taken for its [`Type`] wherever that alone is of interest. Two uses are equal when their types are: annotations are
/// for generators, and change nothing of what travels.
#[derive(Clone, Debug)]
pub struct TypeUse {
    /// What it is.
    pub ty: Type,
    /// What is said of it here.
    pub annotations: Annotations,
}

impl From<Type> for TypeUse {
    /// A use of which nothing is said.
    fn from(ty: Type) -> Self {
        Self { ty, annotations: Annotations::default() }
    }
}

impl Deref for TypeUse {
    type Target = Type;

    fn deref(&self) -> &Type {
        &self.ty
    }
}

impl PartialEq for TypeUse {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty
    }
}

impl PartialEq<Type> for TypeUse {
    fn eq(&self, other: &Type) -> bool {
        self.ty == *other
    }
}

impl Eq for TypeUse {}

impl PartialOrd for TypeUse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TypeUse {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ty.cmp(&other.ty)
    }
}

impl Hash for TypeUse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ty.hash(state);
    }
}
