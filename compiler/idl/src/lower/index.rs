//! Lists where every name is declared and used, for editors.

mod uses;

use std::collections::HashMap;

use super::symbols::Symbols;
use crate::index::{Declaration, DeclarationId, Index, IndexedFile, Kind};
use crate::load::Unit;
use crate::model::{self, Annotations, ConstId, DefKind, FileId, Model, Prefix, ServiceId, TypeId};
use crate::source::Span;
use crate::syntax::{self, Body, Definition, Name, TypeRef, Value};

/// The index of files whose model has been made, as far as it could be.
pub(super) fn index(units: &[Unit], symbols: &Symbols, model: &Model) -> Index {
    let mut declaring = Declaring {
        units,
        model,
        file: FileId(0),
        places: Places::default(),
        written: Vec::new(),
        index: Index::default(),
    };
    for (unit, file) in units.iter().zip(0..) {
        declaring.file = FileId(file);
        declaring.unit(unit);
    }
    let Declaring { places, written, mut index, .. } = declaring;
    uses::fill(units, symbols, model, &places, &written, &mut index);
    index
}

/// Where in the index the definitions of the model stand.
#[derive(Default)]
struct Places {
    types: HashMap<TypeId, DeclarationId>,
    consts: HashMap<ConstId, DeclarationId>,
    services: HashMap<ServiceId, DeclarationId>,
    /// The definitions that could not be read, by file and name.
    broken: HashMap<(FileId, String), DeclarationId>,
}

/// Something written in which names are used, and the file it is written in.
enum Written<'a> {
    Type(DeclarationId, &'a TypeRef),
    Parent(DeclarationId, &'a Name),
    Value(&'a model::Type, &'a Value),
}

/// Lists the declarations, and sets aside what they are written with: names can be looked up when all are there.
struct Declaring<'a> {
    units: &'a [Unit],
    model: &'a Model,
    file: FileId,
    places: Places,
    written: Vec<(FileId, Written<'a>)>,
    index: Index,
}

/// How many definitions of each kind were passed: they stand in the model by kind, in the order of the tree.
#[derive(Default)]
struct Passed {
    typedefs: u32,
    enums: u32,
    structs: u32,
    consts: u32,
    services: u32,
}

impl<'a> Declaring<'a> {
    fn unit(&mut self, unit: &'a Unit) {
        let included = unit.includes.iter().flatten().filter_map(|id| self.units.get(id.0 as usize));
        self.index.files.push(IndexedFile {
            source: unit.source,
            path: unit.path.clone(),
            name: unit.name.clone(),
            includes: included.map(|included| included.source).collect(),
            whole: unit.whole,
        });
        let mut passed = Passed::default();
        for definition in &unit.tree.definitions {
            self.definition(definition, &mut passed);
        }
        for definition in &unit.tree.broken {
            let id = self.top(definition, bare(&definition.body));
            self.places.broken.entry((self.file, definition.name.text.clone())).or_insert(id);
        }
    }

    fn definition(&mut self, definition: &'a Definition, passed: &mut Passed) {
        let (model, file) = (self.model, self.file);
        let lowered = model.file(file);
        let id = self.top(definition, bare(&definition.body));
        let mut named = |kind, index| self.places.types.insert(TypeId { file, kind, index }, id);
        match &definition.body {
            Body::Typedef { target } => {
                named(DefKind::Typedef, next(&mut passed.typedefs));
                self.ty(id, target);
            }
            Body::Enum { values } => {
                let index = next(&mut passed.enums);
                named(DefKind::Enum, index);
                for (value, lowered) in values.iter().zip(&lowered.enums[index as usize].values) {
                    let extent = around(value.name.span, value.number.map(|(_, span)| span), &value.annotations);
                    let kind = Kind::EnumValue(lowered.number);
                    self.push(&value.name, kind, extent, &value.doc, &value.annotations, Some(id));
                }
            }
            Body::Struct { fields, .. } => {
                let index = next(&mut passed.structs);
                named(DefKind::Struct, index);
                let kind = |field: &model::Field| Kind::Field(field.id, field.requiredness);
                self.fields(id, fields, &lowered.structs[index as usize].fields, kind);
            }
            Body::Const { ty, value } => {
                let index = next(&mut passed.consts);
                self.places.consts.insert(ConstId { file, index }, id);
                self.ty(id, ty);
                self.value(id, &lowered.consts[index as usize].ty, value);
            }
            Body::Service { extends, functions } => {
                let index = next(&mut passed.services);
                self.places.services.insert(ServiceId { file, index }, id);
                if let Some(parent) = extends {
                    self.written.push((file, Written::Parent(id, parent)));
                }
                for (function, lowered) in functions.iter().zip(&lowered.services[index as usize].functions) {
                    self.function(id, function, lowered);
                }
            }
            Body::Scope { operations, .. } => {
                for operation in operations {
                    let extent = around(operation.name.span, Some(operation.ty.span), &operation.annotations);
                    let (doc, annotations) = (&operation.doc, &operation.annotations);
                    let operation_id = self.push(&operation.name, Kind::Operation, extent, doc, annotations, Some(id));
                    self.ty(operation_id, &operation.ty);
                }
            }
        }
    }

    fn function(&mut self, owner: DeclarationId, function: &'a syntax::Function, lowered: &'a model::Function) {
        let parts = function.returns.iter().map(|ty| ty.span);
        let parts = parts.chain(function.args.iter().chain(&function.throws).map(field_extent));
        let extent = around(function.name.span, parts, &function.annotations);
        let kind = Kind::Function { oneway: function.oneway };
        let id = self.push(&function.name, kind, extent, &function.doc, &function.annotations, Some(owner));
        if let Some(returns) = &function.returns {
            self.ty(id, returns);
        }
        self.fields(id, &function.args, &lowered.args, |field| Kind::Argument(field.id));
        self.fields(id, &function.throws, &lowered.throws, |field| Kind::Thrown(field.id));
    }

    fn fields(
        &mut self,
        owner: DeclarationId,
        fields: &'a [syntax::Field],
        lowered: &'a [model::Field],
        kind: impl Fn(&model::Field) -> Kind,
    ) {
        for (field, lowered) in fields.iter().zip(lowered) {
            let (doc, annotations) = (&field.doc, &field.annotations);
            let id = self.push(&field.name, kind(lowered), field_extent(field), doc, annotations, Some(owner));
            self.ty(id, &field.ty);
            if let Some(value) = &field.default {
                self.value(id, &lowered.ty, value);
            }
        }
    }

    /// Notes the type that a declaration is written with.
    fn ty(&mut self, id: DeclarationId, ty: &'a TypeRef) {
        if let Some(declaration) = self.index.declarations.get_mut(id.0 as usize) {
            declaration.ty = Some(ty.span);
        }
        self.written.push((self.file, Written::Type(id, ty)));
    }

    /// Notes the value that a declaration is written with.
    fn value(&mut self, id: DeclarationId, ty: &'a model::Type, value: &'a Value) {
        if let Some(declaration) = self.index.declarations.get_mut(id.0 as usize) {
            declaration.value = Some(value.span);
        }
        self.written.push((self.file, Written::Value(ty, value)));
    }

    fn top(&mut self, definition: &Definition, kind: Kind) -> DeclarationId {
        let Definition { name, extent, doc, annotations, .. } = definition;
        self.push(name, kind, *extent, doc, annotations, None)
    }

    fn push(
        &mut self,
        name: &Name,
        kind: Kind,
        extent: Span,
        doc: &model::Doc,
        annotations: &Annotations,
        owner: Option<DeclarationId>,
    ) -> DeclarationId {
        let id = DeclarationId(u32::try_from(self.index.declarations.len()).unwrap_or(u32::MAX));
        self.index.declarations.push(Declaration {
            kind,
            name: name.text.clone(),
            span: name.span,
            extent,
            doc: doc.clone(),
            owner,
            ty: None,
            of: None,
            value: None,
            deprecated: annotations.get("deprecated").map(str::to_owned),
        });
        id
    }
}

fn next(counter: &mut u32) -> u32 {
    std::mem::replace(counter, *counter + 1)
}

/// What kind of declaration a definition is.
fn bare(body: &Body) -> Kind {
    match body {
        Body::Const { .. } => Kind::Const,
        Body::Typedef { .. } => Kind::Typedef,
        Body::Enum { .. } => Kind::Enum,
        Body::Struct { kind, .. } => Kind::Struct(*kind),
        Body::Service { .. } => Kind::Service,
        Body::Scope { prefix, .. } => {
            Kind::Scope(Prefix { tokens: prefix.iter().map(|(token, _)| token.clone()).collect() })
        }
    }
}

fn field_extent(field: &syntax::Field) -> Span {
    let parts = [field.id.map(|(_, span)| span), Some(field.ty.span), field.default.as_ref().map(|value| value.span)];
    around(field.name.span, parts.into_iter().flatten(), &field.annotations)
}

/// The piece of text from the first to the last of these.
fn around(name: Span, parts: impl IntoIterator<Item = Span>, annotations: &Annotations) -> Span {
    let parts = parts.into_iter().chain(annotations.0.iter().map(|annotation| annotation.span));
    let same = parts.filter(|part| part.source == name.source);
    same.fold(name, |all, part| Span { start: all.start.min(part.start), end: all.end.max(part.end), ..all })
}
