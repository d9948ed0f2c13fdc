//! From the checked model to the runtime's descriptions of types, methods and scopes. They are leaked: a command lives as long as
//! they do.

use std::collections::HashMap;

use thriftwood::call::Method;
use thriftwood::event;
use thriftwood::schema::{Enum, Field, Struct, StructKind, Type};
use thriftwood_build::default_json;
use thriftwood_idl::model::{self, Annotations, BaseType, Function, Model, PrefixToken, Requiredness, Service, TypeId};

use crate::gen_json::upper_first;

/// Describes what is asked for and all that it consists of, each type once.
pub(crate) struct Describer<'m> {
    model: &'m Model,
    structs: HashMap<TypeId, &'static Struct>,
    enums: HashMap<TypeId, &'static Enum>,
    /// Structs whose fields are yet to be described. A list rather than recursion: contracts nest as deep as they like.
    open: Vec<(TypeId, &'static Struct)>,
}

impl<'m> Describer<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        Self { model, structs: HashMap::new(), enums: HashMap::new(), open: Vec::new() }
    }

    /// A function of a service, with its arguments and its result.
    pub(crate) fn method(&mut self, service: &Service, function: &Function) -> &'static Method {
        let shown = text(&format!("{}.{}", service.name, function.name));
        let arguments = function.args.iter().map(|field| self.field(field, false)).collect();
        let success = function.returns.iter().map(|ty| Field::optional(0, "success", self.ty(ty)));
        let mut answers: Vec<Field> = success.collect();
        answers.extend(function.throws.iter().map(|field| self.field(field, true)));
        self.define();
        leak(Method {
            service: text(&service.name),
            name: text(&function.name),
            wire_name: text(&function.wire_name()),
            oneway: function.oneway,
            annotations: annotations(&function.annotations),
            arguments: Some(structure(shown, arguments)),
            result: Some(structure(shown, answers)),
        })
    }

    /// An operation of a scope, with its payload.
    pub(crate) fn operation(&mut self, scope: &model::Scope, place: usize) -> &'static event::Operation {
        let operation = &scope.operations[place];
        let tokens = scope.prefix.tokens.iter().map(|token| match token {
            PrefixToken::Literal(text) => text.clone(),
            PrefixToken::Variable(name) => format!("{{{name}}}"),
        });
        let variables: Vec<&'static str> = scope.prefix.variables().map(text).collect();
        let described = event::Scope {
            name: text(&scope.name),
            topic_name: text(&upper_first(&scope.name)),
            prefix: text(&tokens.collect::<Vec<_>>().join(".")),
            variables: variables.leak(),
        };
        let payload = self.ty(&operation.ty);
        self.define();
        leak(event::Operation {
            scope: leak(described),
            name: text(&operation.name),
            annotations: annotations(&operation.annotations),
            payload: Some(leak(payload)),
        })
    }

    fn ty(&mut self, ty: &model::Type) -> Type {
        match self.model.resolve(ty) {
            model::Type::Base(base) => base_type(*base),
            model::Type::List(element) => Type::List(leak(self.ty(element))),
            model::Type::Set(element) => Type::Set(leak(self.ty(element))),
            model::Type::Map(key, value) => Type::Map(leak(self.ty(key)), leak(self.ty(value))),
            model::Type::Named(id) => match self.model.enumeration(*id) {
                Some(def) => Type::Enum(self.enums.entry(*id).or_insert_with(|| enumeration(def))),
                None => Type::Struct(self.structure(*id)),
            },
        }
    }

    fn structure(&mut self, id: TypeId) -> &'static Struct {
        if let Some(known) = self.structs.get(&id) {
            return known;
        }
        let kind = match self.model.structure(id).map(|def| def.kind) {
            Some(model::StructKind::Union) => StructKind::Union,
            Some(model::StructKind::Exception) => StructKind::Exception,
            _ => StructKind::Struct,
        };
        let made = leak(Struct::new(text(self.model.type_name(id)), kind, &[]));
        self.structs.insert(id, made);
        self.open.push((id, made));
        made
    }

    /// Gives every struct that was met its fields.
    fn define(&mut self) {
        while let Some((id, made)) = self.open.pop() {
            let Some(def) = self.model.structure(id) else { continue };
            let union = def.kind == model::StructKind::Union;
            let fields: Vec<Field> = def.fields.iter().map(|field| self.field(field, union)).collect();
            made.define(fields.leak());
        }
    }

    fn field(&mut self, field: &model::Field, optional: bool) -> Field {
        let (name, ty) = (text(&field.name), self.ty(&field.ty));
        let described = match field.requiredness {
            _ if optional => Field::optional(field.id, name, ty),
            Requiredness::Required => Field::required(field.id, name, ty),
            Requiredness::Optional => Field::optional(field.id, name, ty),
            Requiredness::Default => Field::new(field.id, name, ty),
        };
        match &field.default {
            Some(value) => described.with_default(text(&default_json(self.model, &field.ty, value))),
            None => described,
        }
    }
}

fn structure(name: &'static str, fields: Vec<Field>) -> &'static Struct {
    leak(Struct::new(name, StructKind::Struct, fields.leak()))
}

fn enumeration(def: &model::Enum) -> &'static Enum {
    let values: Vec<(&'static str, i32)> = def.values.iter().map(|value| (text(&value.name), value.number)).collect();
    leak(Enum { name: text(&def.name), values: values.leak() })
}

fn annotations(annotations: &Annotations) -> &'static [(&'static str, &'static str)] {
    annotations.0.iter().map(|each| (text(&each.name), text(&each.value))).collect::<Vec<_>>().leak()
}

fn base_type(base: BaseType) -> Type {
    match base {
        BaseType::Bool => Type::Bool,
        BaseType::I8 => Type::I8,
        BaseType::I16 => Type::I16,
        BaseType::I32 => Type::I32,
        BaseType::I64 => Type::I64,
        BaseType::Double => Type::Double,
        BaseType::String => Type::String,
        BaseType::Binary => Type::Binary,
        BaseType::Uuid => Type::Uuid,
    }
}

fn text(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
