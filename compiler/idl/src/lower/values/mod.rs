//! Checks constants and default values against their types, and puts them into the model.

mod check;
mod reference;
mod uses;

pub(super) use uses::Uses;

use super::symbols::Symbols;
use crate::diagnostics::Diagnostic;
use crate::load::Unit;
use crate::model::{self, ConstId, ConstValue, DefKind, FileId, Model, TypeId};
use crate::syntax::{Body, Definition, Field, Value};
use check::Checker;
use uses::Owner;

/// Where a value belongs in its file.
enum Slot {
    Const(usize),
    Field(usize, usize),
    Argument(usize, usize, usize),
}

/// Puts every constant and default value into the model; gives what they use.
pub(super) fn fill(units: &[Unit], symbols: &Symbols, model: &mut Model, found: &mut Vec<Diagnostic>) -> Uses {
    let written = units.iter().map(|unit| unit.tree.definitions.iter().filter_map(constant).collect()).collect();
    let (uses, file) = (Uses::default(), FileId(0));
    let mut checker = Checker { units, symbols, model, found, uses, written, owner: None, file };
    let mut filled: Vec<(usize, Slot, ConstValue)> = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let values = checker.unit(unit, FileId(u32::try_from(index).unwrap_or(u32::MAX)));
        filled.extend(values.into_iter().map(|(slot, value)| (index, slot, value)));
    }
    let uses = checker.uses;
    for (file, slot, value) in filled {
        let file = &mut model.files[file];
        match slot {
            Slot::Const(index) => file.consts[index].value = value,
            Slot::Field(owner, field) => file.structs[owner].fields[field].default = Some(value),
            Slot::Argument(service, function, argument) => {
                file.services[service].functions[function].args[argument].default = Some(value);
            }
        }
    }
    uses
}

fn constant(definition: &Definition) -> Option<&Value> {
    match &definition.body {
        Body::Const { value, .. } => Some(value),
        _ => None,
    }
}

impl Checker<'_> {
    /// The values of one file. Definitions stand in the model in the order of the tree, counted by kind.
    fn unit(&mut self, unit: &Unit, id: FileId) -> Vec<(Slot, ConstValue)> {
        self.file = id;
        let model = self.model;
        let file = model.file(id);
        let mut values = Vec::new();
        let [mut consts, mut structs, mut services] = [0_usize; 3];
        let next = |counter: &mut usize| std::mem::replace(counter, *counter + 1);
        let short = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        for definition in &unit.tree.definitions {
            match &definition.body {
                Body::Const { value, .. } => {
                    let index = next(&mut consts);
                    self.owner = Some(Owner::Const(ConstId { file: id, index: short(index) }));
                    values.extend(self.value(&file.consts[index].ty, value).map(|value| (Slot::Const(index), value)));
                }
                Body::Struct { fields, .. } => {
                    let index = next(&mut structs);
                    self.owner = Some(Owner::Struct(TypeId { file: id, kind: DefKind::Struct, index: short(index) }));
                    for (field, value) in self.defaults(fields, &file.structs[index].fields) {
                        values.push((Slot::Field(index, field), value));
                    }
                }
                Body::Service { functions, .. } => {
                    let index = next(&mut services);
                    self.owner = None;
                    for (number, (function, lowered)) in
                        functions.iter().zip(&file.services[index].functions).enumerate()
                    {
                        for (argument, value) in self.defaults(&function.args, &lowered.args) {
                            values.push((Slot::Argument(index, number, argument), value));
                        }
                        // A default of something thrown has no use; it is checked and let go.
                        self.defaults(&function.throws, &lowered.throws);
                    }
                }
                Body::Typedef { .. } | Body::Enum { .. } | Body::Scope { .. } => {}
            }
        }
        values
    }

    fn defaults(&mut self, fields: &[Field], lowered: &[model::Field]) -> Vec<(usize, ConstValue)> {
        let mut values = Vec::new();
        for (index, (field, lowered)) in fields.iter().zip(lowered).enumerate() {
            if let Some(value) = field.default.as_ref().and_then(|value| self.value(&lowered.ty, value)) {
                values.push((index, value));
            }
        }
        values
    }
}
