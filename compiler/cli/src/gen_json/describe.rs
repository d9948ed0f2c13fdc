//! Fills the document from a model.
//!
//! Types and values are described by recursion, which ends early enough: the reader limits how deep they may nest, and what
//! has a name is named rather than repeated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use thriftwood_idl::model::{self, ConstValue, FileKind, Model, Requiredness, StructKind, TypeId};

use super::document::{
    Annotation, Constant, Document, Entry, Enum, EnumValue, Field, FieldValue, File, Include, Method, Namespace,
    Operation, PrefixToken, Reference, Scope, Service, Struct, Type, TypeUse, Typedef, VERSION, Value,
};

pub(super) fn document(model: &Model) -> Document<'_> {
    let files = model.files.iter().map(|each| file(model, each)).collect();
    Document { version: VERSION, roots: model.roots.iter().map(|root| root.0).collect(), files }
}

fn file<'m>(model: &'m Model, file: &'m model::File) -> File<'m> {
    File {
        path: file.path.display().to_string().replace('\\', "/"),
        name: &file.name,
        kind: match file.kind {
            FileKind::Frugal => "frugal",
            FileKind::Thrift => "thrift",
        },
        namespaces: file.namespaces.iter().map(namespace).collect(),
        includes: file.includes.iter().map(include).collect(),
        cpp_includes: &file.cpp_includes,
        typedefs: file.typedefs.iter().map(|each| typedef(model, each)).collect(),
        constants: file.consts.iter().map(|each| constant(model, each)).collect(),
        enums: file.enums.iter().map(enumeration).collect(),
        structs: file.structs.iter().map(|each| structure(model, each)).collect(),
        services: file.services.iter().map(|each| service(model, each)).collect(),
        scopes: file.scopes.iter().map(|each| scope(model, each)).collect(),
    }
}

fn namespace(namespace: &model::Namespace) -> Namespace<'_> {
    let annotations = annotations(&namespace.annotations);
    Namespace { language: &namespace.scope, name: &namespace.name, annotations }
}

fn include(include: &model::Include) -> Include<'_> {
    Include { path: &include.path, file: include.file.0, annotations: annotations(&include.annotations) }
}

fn annotations(annotations: &model::Annotations) -> Vec<Annotation<'_>> {
    annotations.0.iter().map(|each| Annotation { name: &each.name, value: &each.value }).collect()
}

fn typedef<'m>(model: &'m Model, typedef: &'m model::Typedef) -> Typedef<'m> {
    Typedef {
        name: &typedef.name,
        doc: typedef.doc.as_deref(),
        r#type: ty(model, &typedef.target),
        annotations: annotations(&typedef.annotations),
    }
}

fn constant<'m>(model: &'m Model, constant: &'m model::Const) -> Constant<'m> {
    Constant {
        name: &constant.name,
        doc: constant.doc.as_deref(),
        r#type: ty(model, &constant.ty),
        value: value(model, &constant.value),
        annotations: annotations(&constant.annotations),
    }
}

fn enumeration(enumeration: &model::Enum) -> Enum<'_> {
    Enum {
        name: &enumeration.name,
        doc: enumeration.doc.as_deref(),
        values: enumeration.values.iter().map(enum_value).collect(),
        annotations: annotations(&enumeration.annotations),
    }
}

fn enum_value(value: &model::EnumValue) -> EnumValue<'_> {
    EnumValue {
        name: &value.name,
        doc: value.doc.as_deref(),
        number: value.number,
        annotations: annotations(&value.annotations),
    }
}

fn structure<'m>(model: &'m Model, structure: &'m model::Struct) -> Struct<'m> {
    Struct {
        kind: kind(structure.kind),
        name: &structure.name,
        doc: structure.doc.as_deref(),
        fields: fields(model, &structure.fields),
        annotations: annotations(&structure.annotations),
    }
}

fn kind(kind: StructKind) -> &'static str {
    match kind {
        StructKind::Struct => "struct",
        StructKind::Union => "union",
        StructKind::Exception => "exception",
    }
}

fn fields<'m>(model: &'m Model, fields: &'m [model::Field]) -> Vec<Field<'m>> {
    let field = |field: &'m model::Field| Field {
        id: field.id,
        name: &field.name,
        doc: field.doc.as_deref(),
        presence: match field.requiredness {
            Requiredness::Required => "required",
            Requiredness::Optional => "optional",
            Requiredness::Default => "default",
        },
        r#type: ty(model, &field.ty),
        default: field.default.as_ref().map(|default| value(model, default)),
        annotations: annotations(&field.annotations),
    };
    fields.iter().map(field).collect()
}

fn service<'m>(model: &'m Model, service: &'m model::Service) -> Service<'m> {
    let parent = |id: model::ServiceId| Reference { kind: "service", file: id.file.0, name: &model.service(id).name };
    Service {
        name: &service.name,
        doc: service.doc.as_deref(),
        extends: service.extends.map(parent),
        methods: service.functions.iter().map(|each| method(model, each)).collect(),
        annotations: annotations(&service.annotations),
    }
}

fn method<'m>(model: &'m Model, function: &'m model::Function) -> Method<'m> {
    Method {
        name: &function.name,
        wire_name: function.wire_name(),
        doc: function.doc.as_deref(),
        oneway: function.oneway,
        returns: function.returns.as_ref().map(|returns| ty(model, returns)),
        arguments: fields(model, &function.args),
        throws: fields(model, &function.throws),
        annotations: annotations(&function.annotations),
    }
}

fn scope<'m>(model: &'m Model, scope: &'m model::Scope) -> Scope<'m> {
    let token = |token: &'m model::PrefixToken| match token {
        model::PrefixToken::Literal(text) => PrefixToken::Literal(text),
        model::PrefixToken::Variable(name) => PrefixToken::Variable(name),
    };
    let operation = |operation: &'m model::Operation| Operation {
        name: &operation.name,
        doc: operation.doc.as_deref(),
        r#type: ty(model, &operation.ty),
        annotations: annotations(&operation.annotations),
    };
    Scope {
        name: &scope.name,
        wire_name: upper_first(&scope.name),
        doc: scope.doc.as_deref(),
        prefix: scope.prefix.tokens.iter().map(token).collect(),
        operations: scope.operations.iter().map(operation).collect(),
        annotations: annotations(&scope.annotations),
    }
}

/// The name of a scope as it stands in topics.
pub(crate) fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn ty<'m>(model: &'m Model, of: &'m model::TypeUse) -> TypeUse<'m> {
    let ty = match &of.ty {
        model::Type::Base(base) => Type::Base(base.keyword()),
        model::Type::List(item) => Type::List(Box::new(ty(model, item))),
        model::Type::Set(item) => Type::Set(Box::new(ty(model, item))),
        model::Type::Map(key, value) => Type::Map { key: Box::new(ty(model, key)), value: Box::new(ty(model, value)) },
        model::Type::Named(id) => Type::Named(reference(model, *id)),
    };
    TypeUse { ty, annotations: annotations(&of.annotations) }
}

fn reference(model: &Model, id: TypeId) -> Reference<'_> {
    let kind = match (model.structure(id), model.enumeration(id)) {
        (Some(structure), _) => kind(structure.kind),
        (None, Some(_)) => "enum",
        (None, None) => "typedef",
    };
    Reference { kind, file: id.file.0, name: model.type_name(id) }
}

fn value<'m>(model: &'m Model, of: &'m ConstValue) -> Value<'m> {
    let all = |items: &'m [ConstValue]| items.iter().map(|item| value(model, item)).collect();
    match of {
        ConstValue::Bool(it) => Value::Bool(*it),
        ConstValue::Int(it) => Value::Int(*it),
        ConstValue::Double(it) => Value::Double(*it),
        ConstValue::String(it) => Value::String(it),
        ConstValue::Binary(it) => Value::Binary(BASE64.encode(it)),
        ConstValue::Uuid(it) => Value::Uuid(dashed(it)),
        ConstValue::Enum(id, number) => {
            let values = model.enumeration(*id).map_or(&[][..], |enumeration| &enumeration.values);
            let name = values.iter().find(|value| value.number == *number).map(|value| value.name.as_str());
            Value::Enum { r#type: reference(model, *id), number: *number, name }
        }
        ConstValue::List(items) => Value::List(all(items)),
        ConstValue::Set(items) => Value::Set(all(items)),
        ConstValue::Map(entries) => {
            let entry = |(key, item): &'m (_, _)| Entry { key: value(model, key), value: value(model, item) };
            Value::Map(entries.iter().map(entry).collect())
        }
        ConstValue::Struct(id, values) => {
            let fields = model.structure(*id).map_or(&[][..], |structure| &structure.fields);
            let given = values.iter().filter_map(|(index, item)| Some((fields.get(*index)?, item)));
            let given =
                given.map(|(field, item)| FieldValue { id: field.id, name: &field.name, value: value(model, item) });
            Value::Struct { r#type: reference(model, *id), fields: given.collect() }
        }
        ConstValue::Const(id) => {
            Value::Constant(Reference { kind: "constant", file: id.file.0, name: &model.constant(*id).name })
        }
    }
}

/// `00112233-4455-6677-8899-aabbccddeeff`
fn dashed(uuid: &[u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text += &format!("{byte:02x}");
    }
    text
}
