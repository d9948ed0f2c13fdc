//! The form of the document. Members are written in the order they have here, and all of them always: what there is none of
//! is `null` or an empty list.
//!
//! Whatever changes here changes `docs/json-model.md`, whose examples are tested. A member may be added; one that goes or
//! changes its meaning makes a new [`VERSION`].

use serde::Serialize;

/// The version of the form.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct Document<'m> {
    pub(super) version: u32,
    /// Indices into `files`.
    pub(super) roots: Vec<u32>,
    pub(super) files: Vec<File<'m>>,
}

#[derive(Serialize)]
pub(super) struct File<'m> {
    pub(super) path: String,
    pub(super) name: &'m str,
    /// `frugal` or `thrift`.
    pub(super) kind: &'static str,
    pub(super) namespaces: Vec<Namespace<'m>>,
    pub(super) includes: Vec<Include<'m>>,
    pub(super) cpp_includes: &'m [String],
    pub(super) typedefs: Vec<Typedef<'m>>,
    pub(super) constants: Vec<Constant<'m>>,
    pub(super) enums: Vec<Enum<'m>>,
    pub(super) structs: Vec<Struct<'m>>,
    pub(super) services: Vec<Service<'m>>,
    pub(super) scopes: Vec<Scope<'m>>,
}

#[derive(Serialize)]
pub(super) struct Namespace<'m> {
    pub(super) language: &'m str,
    pub(super) name: &'m str,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Include<'m> {
    pub(super) path: &'m str,
    pub(super) file: u32,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Annotation<'m> {
    pub(super) name: &'m str,
    pub(super) value: &'m str,
}

#[derive(Serialize)]
pub(super) struct Typedef<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) r#type: TypeUse<'m>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Constant<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) r#type: TypeUse<'m>,
    pub(super) value: Value<'m>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Enum<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) values: Vec<EnumValue<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct EnumValue<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) number: i32,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Struct<'m> {
    /// `struct`, `union` or `exception`.
    pub(super) kind: &'static str,
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) fields: Vec<Field<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Field<'m> {
    pub(super) id: i16,
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    /// `required`, `optional` or `default`.
    pub(super) presence: &'static str,
    pub(super) r#type: TypeUse<'m>,
    pub(super) default: Option<Value<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
pub(super) struct Service<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) extends: Option<Reference<'m>>,
    pub(super) methods: Vec<Method<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Method<'m> {
    pub(super) name: &'m str,
    pub(super) wire_name: String,
    pub(super) doc: Option<&'m str>,
    pub(super) oneway: bool,
    /// `None` for `void`.
    pub(super) returns: Option<TypeUse<'m>>,
    pub(super) arguments: Vec<Field<'m>>,
    pub(super) throws: Vec<Field<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scope<'m> {
    pub(super) name: &'m str,
    pub(super) wire_name: String,
    pub(super) doc: Option<&'m str>,
    pub(super) prefix: Vec<PrefixToken<'m>>,
    pub(super) operations: Vec<Operation<'m>>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PrefixToken<'m> {
    Literal(&'m str),
    Variable(&'m str),
}

#[derive(Serialize)]
pub(super) struct Operation<'m> {
    pub(super) name: &'m str,
    pub(super) doc: Option<&'m str>,
    pub(super) r#type: TypeUse<'m>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

/// A definition, perhaps of another file.
#[derive(Serialize)]
pub(super) struct Reference<'m> {
    pub(super) kind: &'static str,
    pub(super) file: u32,
    pub(super) name: &'m str,
}

/// A type, with the annotations that are written behind it.
#[derive(Serialize)]
pub(super) struct TypeUse<'m> {
    #[serde(flatten)]
    pub(super) ty: Type<'m>,
    pub(super) annotations: Vec<Annotation<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Type<'m> {
    Base(&'static str),
    List(Box<TypeUse<'m>>),
    Set(Box<TypeUse<'m>>),
    Map { key: Box<TypeUse<'m>>, value: Box<TypeUse<'m>> },
    Named(Reference<'m>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Value<'m> {
    Bool(bool),
    Int(i64),
    Double(f64),
    String(&'m str),
    /// Base64 with padding.
    Binary(String),
    /// With dashes.
    Uuid(String),
    Enum {
        r#type: Reference<'m>,
        number: i32,
        /// The first name of this number, if it has one.
        name: Option<&'m str>,
    },
    List(Vec<Value<'m>>),
    Set(Vec<Value<'m>>),
    Map(Vec<Entry<'m>>),
    Struct {
        r#type: Reference<'m>,
        fields: Vec<FieldValue<'m>>,
    },
    Constant(Reference<'m>),
}

#[derive(Serialize)]
pub(super) struct Entry<'m> {
    pub(super) key: Value<'m>,
    pub(super) value: Value<'m>,
}

#[derive(Serialize)]
pub(super) struct FieldValue<'m> {
    pub(super) id: i16,
    pub(super) name: &'m str,
    pub(super) value: Value<'m>,
}
