//! What is sound and yet unwise, once everything is resolved: includes nobody needs, and keys few languages can hash.

use super::known;
use super::symbols::Symbols;
use crate::diagnostics::{Code, Diagnostic};
use crate::load::Unit;
use crate::model::{BaseType, DefKind, FileId, Model, Type};
use crate::source::Span;

/// Warns of includes that nothing was found in. Where something is wrong, that may be what needs them.
pub(super) fn unused_includes(units: &[Unit], symbols: &Symbols, found: &mut Vec<Diagnostic>) {
    let is_wrong = |unit: &Unit| !unit.whole || unit.includes.contains(&None);
    if found.iter().any(Diagnostic::is_error) || units.iter().any(is_wrong) {
        return;
    }
    for (unit, id) in units.iter().zip(0..) {
        for (include, file) in unit.tree.includes.iter().zip(&unit.includes) {
            let Some(file) = file else { continue };
            if symbols.uses(FileId(id), *file) {
                continue;
            }
            let message = format!("nothing of `{}` is used here", include.path.text);
            found.push(Diagnostic::new(Code::UnusedInclude, include.path.span, message).help("leave the include out"));
        }
    }
}

/// Warns of maps whose keys are read and written here, but not by many a peer.
pub(super) fn map_keys(model: &Model, keys: &[(Span, Type)], found: &mut Vec<Diagnostic>) {
    for (span, key) in keys {
        let what = match known(model, key) {
            Some(Type::Base(BaseType::Double)) => "a `double`",
            Some(Type::List(_)) => "a list",
            Some(Type::Set(_)) => "a set",
            Some(Type::Map(..)) => "a map",
            Some(Type::Named(id)) if id.kind == DefKind::Struct => "a struct",
            _ => continue,
        };
        let message = format!("a key of this map is {what}");
        let warning = Diagnostic::new(Code::MapKey, *span, message);
        let note = match what {
            "a `double`" => "NaN is no key, and rounding makes two keys of one",
            _ => "Go and Python cannot look such a key up, and JSON cannot write it",
        };
        found.push(
            warning.note(note).help("use a string, a number or an enum, or a list of structs with key and value"),
        );
    }
}
