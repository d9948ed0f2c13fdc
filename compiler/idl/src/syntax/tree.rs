//! The nodes of the syntax tree.

use crate::diagnostics::Allow;
use crate::model::{Annotations, Doc, PrefixToken, StructKind};
use crate::source::Span;

/// Text from the file and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) includes: Vec<Include>,
    /// Paths of C++ headers.
    pub(crate) cpp_includes: Vec<String>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) definitions: Vec<Definition>,
    /// The heads of definitions that could not be read, with nothing in them.
    pub(crate) broken: Vec<Definition>,
    /// The lints that annotations silence, and where.
    pub(crate) allows: Vec<Allow>,
}

#[derive(Clone, Debug)]
pub(crate) struct Include {
    pub(crate) path: Name,
    pub(crate) annotations: Annotations,
}

#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) scope: String,
    pub(crate) name: Name,
    pub(crate) annotations: Annotations,
}

/// A named definition, with what every kind of it has.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Name,
    /// All of it, from its keyword on.
    pub(crate) extent: Span,
    pub(crate) doc: Doc,
    pub(crate) annotations: Annotations,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Const { ty: TypeRef, value: Value },
    Typedef { target: TypeRef },
    Enum { values: Vec<EnumValue> },
    Struct { kind: StructKind, fields: Vec<Field> },
    Service { extends: Option<Name>, functions: Vec<Function> },
    Scope { prefix: Vec<(PrefixToken, Span)>, operations: Vec<Operation> },
}

#[derive(Clone, Debug)]
pub(crate) struct EnumValue {
    pub(crate) name: Name,
    pub(crate) doc: Doc,
    pub(crate) number: Option<(i64, Span)>,
    pub(crate) annotations: Annotations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
    Unsaid,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) id: Option<(i64, Span)>,
    pub(crate) name: Name,
    pub(crate) doc: Doc,
    pub(crate) presence: Presence,
    pub(crate) ty: TypeRef,
    pub(crate) default: Option<Value>,
    pub(crate) annotations: Annotations,
}

#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) doc: Doc,
    pub(crate) oneway: bool,
    /// `None` for `void`.
    pub(crate) returns: Option<TypeRef>,
    pub(crate) args: Vec<Field>,
    pub(crate) throws: Vec<Field>,
    pub(crate) annotations: Annotations,
}

#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) name: Name,
    pub(crate) doc: Doc,
    pub(crate) ty: TypeRef,
    pub(crate) annotations: Annotations,
}

/// A type as it is written, with the annotations behind it.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    /// The type alone.
    pub(crate) span: Span,
    pub(crate) shape: Shape,
    pub(crate) annotations: Annotations,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A base type or a declared one; which, is a matter of resolution.
    Named(String),
    List(Box<TypeRef>),
    Set(Box<TypeRef>),
    Map(Box<TypeRef>, Box<TypeRef>),
}

/// A constant or default value as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) span: Span,
    pub(crate) kind: ValueKind,
}

#[derive(Clone, Debug)]
pub(crate) enum ValueKind {
    Int(i64),
    Double(f64),
    /// A literal without its quotes and escapes. Bytes, because `\xff` is one byte, as it is for Frugal.
    Text(Vec<u8>),
    Name(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}
