//! Facts about types that decide their Rust form: what is a key, what holds a floating point number, what has a default, what
//! recurs.

use std::collections::HashSet;

use thriftwood_idl::model::{
    BaseType, DefKind, Field, File, Model, Requiredness, Struct, StructKind, Type, TypeId, TypeUse,
};

use super::super::choice::{RustType, rust_type};
use super::super::newtypes::chain;
use super::boxing::boxed_fields;

/// Answers about the types of one model.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    model: &'a Model,
    /// Structs that are map keys or set elements somewhere, or part of one.
    ordered: HashSet<TypeId>,
    boxed: HashSet<(TypeId, usize)>,
    /// The Rust types that the options choose.
    types: Vec<RustType>,
}

/// What a type has somewhere in it that takes comparisons from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lacking {
    /// An `f64`, which has no equality to rely on.
    pub(crate) equality: bool,
    /// A `HashMap` or `HashSet`, which has no order and no hash.
    pub(crate) order: bool,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(model: &'a Model, types: &[RustType]) -> Self {
        let types = types.to_vec();
        let mut facts = Self { model, ordered: HashSet::new(), boxed: boxed_fields(model), types };
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

    /// The Rust type of a `string`, `binary`, `set` or `map`, which can have several; in a key all have an order.
    pub(crate) fn rust_type(&self, ty: &TypeUse, key: bool) -> Option<RustType> {
        rust_type(self.model, &self.types, ty, key)
    }

    /// Which comparisons a value of the type cannot have. Within a key it has all.
    pub(crate) fn lacking(&self, ty: &TypeUse, key: bool) -> Lacking {
        let mut lacking = Lacking::default();
        if !key {
            self.find_lacking(ty, &mut lacking, &mut HashSet::new());
        }
        lacking
    }

    /// Whether the type, written out and not inside of a named struct, has a part that is another Rust type within a key.
    pub(crate) fn is_other_in_key(&self, ty: &TypeUse) -> bool {
        let is_hashed = || self.rust_type(ty, false) != self.rust_type(ty, true);
        match self.model.resolve(ty) {
            Type::Base(base) => *base == BaseType::Double,
            Type::List(element) => self.is_other_in_key(element),
            // Keys and elements have their own form already.
            Type::Set(_) => is_hashed(),
            Type::Map(_, value) => is_hashed() || self.is_other_in_key(value),
            Type::Named(_) => false,
        }
    }

    /// Whether two types that are the same in the IDL are the same in Rust, each within a key or not. What newtypes the two themselves
    /// are wrapped in is left aside.
    pub(crate) fn is_same_in_rust(&self, (a, a_key): (&TypeUse, bool), (b, b_key): (&TypeUse, bool)) -> bool {
        let inner = |a: &TypeUse, b: &TypeUse, a_key, b_key| {
            chain(self.model, a) == chain(self.model, b) && self.is_same_in_rust((a, a_key), (b, b_key))
        };
        let chosen = self.rust_type(a, a_key) == self.rust_type(b, b_key);
        match (self.model.resolve(a), self.model.resolve(b)) {
            (Type::Base(BaseType::Double), _) => a_key == b_key,
            (Type::List(a), Type::List(b)) => inner(a, b, a_key, b_key),
            (Type::Set(a), Type::Set(b)) => chosen && inner(a, b, true, true),
            (Type::Map(k, v), Type::Map(other_k, other_v)) => {
                chosen && inner(k, other_k, true, true) && inner(v, other_v, a_key, b_key)
            }
            _ => chosen,
        }
    }

    fn find_lacking(&self, ty: &TypeUse, lacking: &mut Lacking, seen: &mut HashSet<TypeId>) {
        let hashed = matches!(self.rust_type(ty, false), Some(RustType::HashSet | RustType::HashMap));
        lacking.order |= hashed;
        match self.model.resolve(ty) {
            Type::Base(base) => lacking.equality |= *base == BaseType::Double,
            Type::List(element) => self.find_lacking(element, lacking, seen),
            Type::Set(_) => {}
            Type::Map(_, value) => self.find_lacking(value, lacking, seen),
            Type::Named(id) => match self.model.structure(*id) {
                Some(structure) if !self.is_ordered(*id) && seen.insert(*id) => {
                    structure.fields.iter().for_each(|field| self.find_lacking(&field.ty, lacking, seen));
                }
                _ => {}
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
