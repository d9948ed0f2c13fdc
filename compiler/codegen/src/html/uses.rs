//! Who refers to what, for the "used by" links.

use std::collections::BTreeMap;

use thriftwood_idl::model::{ConstId, ConstValue, DefKind, File, FileId, Model, ServiceId, Type, TypeId};

use super::places::Target;

/// Everything that refers to a definition, in the order of the files and of what is in them.
#[derive(Default)]
pub(super) struct Uses {
    types: BTreeMap<TypeId, Vec<Use>>,
    consts: BTreeMap<ConstId, Vec<Use>>,
    services: BTreeMap<ServiceId, Vec<Use>>,
    files: BTreeMap<FileId, Vec<FileId>>,
}

/// A place that refers to a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// What to call it, without its file: `Album.tracks`.
    pub(super) name: String,
    pub(super) target: Target,
}

impl Uses {
    pub(super) fn new(model: &Model) -> Self {
        let mut uses = Self::default();
        for (id, file) in model.files() {
            for include in &file.includes {
                uses.files.entry(include.file).or_default().push(id);
            }
            uses.of_types(id, file);
            uses.of_services(id, file);
            for (index, scope) in file.scopes.iter().enumerate() {
                for (number, operation) in scope.operations.iter().enumerate() {
                    let target = Target::Operation(id, index, number);
                    uses.ty(&operation.ty, &Use { name: format!("{}.{}", scope.name, operation.name), target });
                }
            }
        }
        uses
    }

    pub(super) fn of_type(&self, id: TypeId) -> &[Use] {
        self.types.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_const(&self, id: ConstId) -> &[Use] {
        self.consts.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The services that extend this one.
    pub(super) fn of_service(&self, id: ServiceId) -> &[Use] {
        self.services.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The files that include this one.
    pub(super) fn of_file(&self, id: FileId) -> &[FileId] {
        self.files.get(&id).map_or(&[], Vec::as_slice)
    }

    fn of_types(&mut self, file: FileId, def: &File) {
        let id = |kind, index| TypeId { file, kind, index };
        for (index, def) in (0..).zip(&def.consts) {
            let here = Use { name: def.name.clone(), target: Target::Const(ConstId { file, index }) };
            self.ty(&def.ty, &here);
            self.value(&def.value, &here);
        }
        for (index, def) in (0..).zip(&def.typedefs) {
            let target = Target::Type(id(DefKind::Typedef, index));
            self.ty(&def.target, &Use { name: def.name.clone(), target });
        }
        for (index, def) in (0..).zip(&def.structs) {
            for (number, field) in def.fields.iter().enumerate() {
                let target = Target::Member(id(DefKind::Struct, index), number);
                let here = Use { name: format!("{}.{}", def.name, field.name), target };
                self.ty(&field.ty, &here);
                self.given(field.default.as_ref(), &here);
            }
        }
    }

    fn of_services(&mut self, file: FileId, def: &File) {
        for (index, def) in (0..).zip(&def.services) {
            let id = ServiceId { file, index };
            if let Some(base) = def.extends {
                let here = Use { name: def.name.clone(), target: Target::Service(id) };
                self.services.entry(base).or_default().push(here);
            }
            for (number, function) in def.functions.iter().enumerate() {
                let name = format!("{}.{}", def.name, function.name);
                let here = Use { name, target: Target::Function(id, number) };
                for field in function.args.iter().chain(&function.throws) {
                    self.ty(&field.ty, &here);
                    self.given(field.default.as_ref(), &here);
                }
                if let Some(ty) = &function.returns {
                    self.ty(ty, &here);
                }
            }
        }
    }

    fn given(&mut self, value: Option<&ConstValue>, here: &Use) {
        if let Some(value) = value {
            self.value(value, here);
        }
    }

    fn ty(&mut self, ty: &Type, here: &Use) {
        match ty {
            Type::Base(_) => {}
            Type::List(inner) | Type::Set(inner) => self.ty(inner, here),
            Type::Map(key, value) => {
                self.ty(key, here);
                self.ty(value, here);
            }
            Type::Named(id) => add(self.types.entry(*id).or_default(), here),
        }
    }

    /// The constants that a value names.
    fn value(&mut self, value: &ConstValue, here: &Use) {
        match value {
            ConstValue::Const(id) => add(self.consts.entry(*id).or_default(), here),
            ConstValue::List(values) | ConstValue::Set(values) => {
                for value in values {
                    self.value(value, here);
                }
            }
            ConstValue::Map(pairs) => {
                for (key, value) in pairs {
                    self.value(key, here);
                    self.value(value, here);
                }
            }
            ConstValue::Struct(_, fields) => {
                for (_, value) in fields {
                    self.value(value, here);
                }
            }
            _ => {}
        }
    }
}

/// Adds a place once, also when it refers to the definition several times.
fn add(uses: &mut Vec<Use>, here: &Use) {
    if uses.last() != Some(here) {
        uses.push(here.clone());
    }
}
