//! What a file can define: typedefs, enums, structs, services and scopes.

use super::constant::ConstValue;
use super::ty::{ServiceId, Type, TypeId, TypeUse};
use crate::source::Span;

/// The text of a doc comment, without its comment marks; `None` where there is none.
pub type Doc = Option<String>;

/// `name = "value"` in parentheses after a definition. A name without a value has the value `""`, as in Frugal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The name, dots included, as in `rust.type`.
    pub name: String,
    /// The value; empty where none was written.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// The annotations of one definition, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(pub Vec<Annotation>);

impl Annotations {
    /// The value of the first annotation of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// Whether there is an annotation of this name, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// `typedef i64 UserId`
#[derive(Clone, Debug, PartialEq)]
pub struct Typedef {
    /// The new name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// What it stands for; possibly another typedef, never itself.
    pub target: TypeUse,
    /// Its annotations.
    pub annotations: Annotations,
}

/// `enum Format { CD = 1, LP }`
#[derive(Clone, Debug, PartialEq)]
pub struct Enum {
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// The values, in the order written. Two names may share a number.
    pub values: Vec<EnumValue>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// One name of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumValue {
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// The number that travels: written, or counted by the rule of the file's kind.
    pub number: i32,
    /// Its annotations.
    pub annotations: Annotations,
}

/// What kind of thing a [`Struct`] is; the three look alike in the IDL and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructKind {
    /// `struct`: any of its fields may be set.
    Struct,
    /// `union`: exactly one of its fields is set.
    Union,
    /// `exception`: a struct that a function can throw.
    Exception,
}

/// A struct, union or exception.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// Which of the three it is.
    pub kind: StructKind,
    /// The fields, in the order written.
    pub fields: Vec<Field>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// Whether a field must be there. Fields of a union and entries of `throws` are always optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requiredness {
    /// `required`: always written; reading a struct without it fails.
    Required,
    /// `optional`: written only when set.
    Optional,
    /// Neither word: always written, tolerated when absent.
    Default,
}

/// A field of a struct, an argument of a function, or an entry of its `throws`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The id that travels. Written, or counted downwards from -1 where the file left it out.
    pub id: i16,
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// Whether it must be there.
    pub requiredness: Requiredness,
    /// Its type.
    pub ty: TypeUse,
    /// The value it has when nobody sets it.
    pub default: Option<ConstValue>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// `service Store extends common.Base { .. }`
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// The service whose functions it also has; never, by any chain, itself.
    pub extends: Option<ServiceId>,
    /// Its own functions, in the order written.
    pub functions: Vec<Function>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// One function of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The name as written. On the wire its first letter is lower case, as in [`Function::wire_name`].
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// Whether the caller does not wait for an answer; then `returns` is `None` and `throws` empty.
    pub oneway: bool,
    /// The result type; `None` for `void`.
    pub returns: Option<TypeUse>,
    /// The arguments, in the order written.
    pub args: Vec<Field>,
    /// The declared exceptions, in the order written; each type is an exception.
    pub throws: Vec<Field>,
    /// Its annotations.
    pub annotations: Annotations,
}

impl Function {
    /// The name that travels in the message: the declared name with its first letter in lower case, as every Frugal
    /// peer writes and expects it.
    pub fn wire_name(&self) -> String {
        let mut chars = self.name.chars();
        match chars.next() {
            Some(first) => first.to_ascii_lowercase().to_string() + chars.as_str(),
            None => String::new(),
        }
    }

    /// The exception type of each `throws` entry.
    pub fn thrown(&self) -> impl Iterator<Item = (&Field, TypeId)> {
        self.throws.iter().filter_map(|field| match field.ty.ty {
            Type::Named(id) => Some((field, id)),
            _ => None,
        })
    }
}

/// `scope AlbumWinners prefix v1.music.{region} { Winner: Album }`
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// The name as written. In a topic its first letter is upper case.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// What stands before the scope's name in its topics.
    pub prefix: Prefix,
    /// The events that can be published, in the order written.
    pub operations: Vec<Operation>,
    /// Its annotations.
    pub annotations: Annotations,
}

/// The dot-separated tokens before the scope name in a topic; empty where the scope has no prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// The tokens in order.
    pub tokens: Vec<PrefixToken>,
}

impl Prefix {
    /// The variables in order of appearance.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            PrefixToken::Variable(name) => Some(name.as_str()),
            PrefixToken::Literal(_) => None,
        })
    }
}

/// One token of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrefixToken {
    /// Text that is the same in every topic of the scope.
    Literal(String),
    /// `{name}`: given by the publisher and the subscriber.
    Variable(String),
}

/// One event of a scope: a name and the type of what is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The name as written, which is also the one that travels.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// The type of the payload; any type but void.
    pub ty: TypeUse,
    /// Its annotations.
    pub annotations: Annotations,
}
