//! From syntax trees to the checked model: collects the names, resolves what refers to them, checks what is said.
//!
//! The steps in order: `symbols` collects what each file declares, `definitions` builds the model with every name
//! resolved, `recursion` finds what is made of itself, and `values` checks constants and default values, which needs all
//! types. A step reports and goes on; what could not be resolved is [`UNKNOWN`] and is not complained of twice.

mod definitions;
mod enums;
mod fields;
mod index;
mod lints;
mod names;
mod recursion;
mod services;
mod symbols;
mod values;

use crate::diagnostics::Diagnostic;
use crate::index::Index;
use crate::load::Unit;
use crate::model::{DefKind, FileId, Model, Type, TypeId};
use symbols::Symbols;

/// Stands for a type that was reported as unknown. A model with it in it is never handed out.
const UNKNOWN: Type = Type::Named(TypeId { file: FileId(u32::MAX), kind: DefKind::Struct, index: u32::MAX });

/// Builds the model of files that stand after what they include. It means something only if no error was found.
pub(crate) fn lower(units: &[Unit]) -> (Model, Vec<Diagnostic>) {
    let (model, _, found) = resolve(units);
    (model, found)
}

/// As [`lower`], with an index of all names, which means something in any case.
pub(crate) fn lower_indexed(units: &[Unit]) -> (Model, Index, Vec<Diagnostic>) {
    let (model, symbols, found) = resolve(units);
    let index = index::index(units, &symbols, &model);
    (model, index, found)
}

fn resolve(units: &[Unit]) -> (Model, Symbols, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let symbols = Symbols::collect(units, &mut found);
    let (mut model, keys) = definitions::declare(units, &symbols, &mut found);
    recursion::cut_typedefs(&mut model, &mut found);
    services::throws(units, &mut model, &mut found);
    let uses = values::fill(units, &symbols, &mut model, &mut found);
    recursion::services(&model, &mut found);
    recursion::structs(&model, &mut found);
    recursion::values(&model, &uses, &mut found);
    lints::map_keys(&model, &keys, &mut found);
    lints::unused_includes(units, &symbols, &mut found);
    (model, symbols, found)
}

/// The type behind any typedefs; `None` where it is not known.
fn known<'m>(model: &'m Model, ty: &'m Type) -> Option<&'m Type> {
    let mut ty = ty;
    loop {
        match ty {
            unknown if *unknown == UNKNOWN => return None,
            Type::Named(id) => match model.typedef(*id) {
                Some(typedef) => ty = &typedef.target,
                None => return Some(ty),
            },
            _ => return Some(ty),
        }
    }
}
