//! Facts about types that decide their Rust form: what is a key, what holds a floating point number, what has a default, what
//! recurs.

use std::collections::HashSet;

use thriftwood_idl::model::{
    BaseType, DefKind, Field, File, Model, Requiredness, Struct, StructKind, Type, TypeId, TypeUse,
};

use super::boxing::boxed_fields;

/// Answers about the types of one model.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    model: &'a Model,
    /// Structs that are map keys or set elements somewhere, or part of one.
    ordered: HashSet<TypeId>,
    boxed: HashSet<(TypeId, usize)>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let mut facts = Self { model, ordered: HashSet::new(), boxed: boxed_fields(model) };
        for (_, file) in model.files() {
            for ty in types_in(file) {
                facts.find_keys(ty);
            }
        }
        facts
    }

    /// Whether the struct must have an order, because it is a key or part of one.
    pub(crate) fn is_ordered(&self, id: TypeId) -> bool {
        self.ordered.contains(&id)
    }

    /// Whether the field's value is behind a `Box`.
    pub(crate) fn is_boxed(&self, id: TypeId, field: usize) -> bool {
        self.boxed.contains(&(id, field))
    }

    /// Whether a field of a struct is an `Option`.
    pub(crate) fn is_optional(&self, id: TypeId, index: usize, field: &Field) -> bool {
        match field.requiredness {
            Requiredness::Required => false,
            Requiredness::Optional => true,
            Requiredness::Default => {
                self.is_boxed(id, index) || field.default.is_none() && !self.has_default(&field.ty)
            }
        }
    }

    /// Whether there is a value of the type that stands for "nothing given".
    pub(crate) fn has_default(&self, ty: &Type) -> bool {
        match self.model.resolve(ty) {
            Type::Named(id) => self.model.structure(*id).is_none_or(struct_has_default),
            _ => true,
        }
    }

    /// Whether a value of the type holds an `f64`, which has no equality to rely on. Within a key it would be a `TotalF64`.
    pub(crate) fn has_float(&self, ty: &Type, ordered: bool) -> bool {
        !ordered && self.finds_float(ty, &mut HashSet::new())
    }

    /// Whether the type, written out, has a `double` that is not inside of a named struct.
    pub(crate) fn spells_float(&self, ty: &Type) -> bool {
        match self.model.resolve(ty) {
            Type::Base(base) => *base == BaseType::Double,
            Type::List(element) => self.spells_float(element),
            // Keys have their own form already.
            Type::Set(_) | Type::Named(_) => false,
            Type::Map(_, value) => self.spells_float(value),
        }
    }

    fn finds_float(&self, ty: &Type, seen: &mut HashSet<TypeId>) -> bool {
        match self.model.resolve(ty) {
            Type::Base(base) => *base == BaseType::Double,
            Type::List(element) => self.finds_float(element, seen),
            Type::Set(_) => false,
            Type::Map(_, value) => self.finds_float(value, seen),
            Type::Named(id) => match self.model.structure(*id) {
                Some(structure) if !self.is_ordered(*id) && seen.insert(*id) => {
                    structure.fields.iter().any(|field| self.finds_float(&field.ty, seen))
                }
                _ => false,
            },
        }
    }

    fn find_keys(&mut self, ty: &Type) {
        match ty {
            Type::Base(_) | Type::Named(_) => {}
            Type::List(element) => self.find_keys(element),
            Type::Set(element) => self.mark_ordered(element),
            Type::Map(key, value) => {
                self.mark_ordered(key);
                self.find_keys(value);
            }
        }
    }

    fn mark_ordered(&mut self, ty: &Type) {
        let model = self.model;
        match model.resolve(ty) {
            Type::Base(_) => {}
            Type::List(inner) | Type::Set(inner) => self.mark_ordered(inner),
            Type::Map(key, value) => {
                self.mark_ordered(key);
                self.mark_ordered(value);
            }
            Type::Named(id) => {
                if let Some(structure) = model.structure(*id)
                    && self.ordered.insert(*id)
                {
                    for field in &structure.fields {
                        self.mark_ordered(&field.ty);
                    }
                }
            }
        }
    }
}

/// A union always needs one of its fields, and a struct those it requires.
fn struct_has_default(structure: &Struct) -> bool {
    let must_be_given = |field: &Field| field.requiredness == Requiredness::Required && field.default.is_none();
    structure.kind != StructKind::Union && !structure.fields.iter().any(must_be_given)
}

/// Every type that a file writes down.
fn types_in(file: &File) -> impl Iterator<Item = &TypeUse> {
    let typedefs = file.typedefs.iter().map(|typedef| &typedef.target);
    let consts = file.consts.iter().map(|constant| &constant.ty);
    let fields = file.structs.iter().flat_map(|s| &s.fields).map(|field| &field.ty);
    let functions = file.services.iter().flat_map(|service| &service.functions);
    let signatures = functions.flat_map(|f| f.args.iter().map(|arg| &arg.ty).chain(&f.returns));
    let payloads = file.scopes.iter().flat_map(|scope| &scope.operations).map(|op| &op.ty);
    typedefs.chain(consts).chain(fields).chain(signatures).chain(payloads)
}

/// Whether the type is one that is passed by value because copying it costs nothing.
pub(crate) fn is_copy(model: &Model, ty: &Type) -> bool {
    match model.resolve(ty) {
        Type::Base(base) => !matches!(base, BaseType::String | BaseType::Binary),
        Type::Named(id) => id.kind == DefKind::Enum,
        _ => false,
    }
}
