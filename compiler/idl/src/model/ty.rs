//! Types as they are used, and the ids by which one definition refers to another.

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

/// A type as a field, argument, result, element or operation uses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A type of Thrift's own.
    Base(BaseType),
    /// `list<T>`
    List(Box<Type>),
    /// `set<T>`
    Set(Box<Type>),
    /// `map<K, V>`
    Map(Box<Type>, Box<Type>),
    /// A declared type, perhaps of an included file.
    Named(TypeId),
}
