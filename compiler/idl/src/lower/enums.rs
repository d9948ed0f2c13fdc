//! Numbers the values of enums, by the rule of the file's kind.

use super::names::unique;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Enum, EnumValue, FileKind};
use crate::syntax::{self, Definition, Name};

/// An enum with its values numbered.
pub(super) fn lower(
    definition: &Definition,
    values: &[syntax::EnumValue],
    kind: FileKind,
    found: &mut Vec<Diagnostic>,
) -> Enum {
    unique("enum value", values.iter().map(|value| &value.name), Name::same, found);
    let (thrift, frugal) = (thrift(values), frugal(values));
    let numbers = match kind {
        FileKind::Thrift => &thrift,
        FileKind::Frugal => &frugal,
    };
    compare(definition, values, kind, &thrift, &frugal, found);
    let lowered = values.iter().zip(numbers).map(|(value, number)| EnumValue {
        name: value.name.text.clone(),
        span: value.name.span,
        doc: value.doc.clone(),
        number: fit(value, *number, found),
        annotations: value.annotations.clone(),
    });
    Enum {
        name: definition.name.text.clone(),
        span: definition.name.span,
        doc: definition.doc.clone(),
        values: lowered.collect(),
        annotations: definition.annotations.clone(),
    }
}

/// Thrift counts on from the value before.
fn thrift(values: &[syntax::EnumValue]) -> Vec<i64> {
    let mut last: i64 = -1;
    let number = |value: &syntax::EnumValue| {
        last = value.number.map_or(last.saturating_add(1), |(number, _)| number);
        last
    };
    values.iter().map(number).collect()
}

/// Frugal counts on from the largest so far, and takes a negative number for none.
fn frugal(values: &[syntax::EnumValue]) -> Vec<i64> {
    let mut next: i64 = 0;
    let number = |value: &syntax::EnumValue| {
        let number = value.number.map(|(number, _)| number).filter(|number| *number >= 0).unwrap_or(next);
        next = next.max(number.saturating_add(1));
        number
    };
    values.iter().map(number).collect()
}

/// Warns where the two would number an enum differently: the same file then means different bytes to their peers.
fn compare(
    definition: &Definition,
    values: &[syntax::EnumValue],
    kind: FileKind,
    thrift: &[i64],
    frugal: &[i64],
    found: &mut Vec<Diagnostic>,
) {
    let differs = values.iter().zip(thrift.iter().zip(frugal)).find(|(_, (thrift, frugal))| thrift != frugal);
    let Some((value, (thrift, frugal))) = differs else { return };
    let label = match kind {
        FileKind::Thrift => format!("{thrift} here, {frugal} in a `.frugal` file"),
        FileKind::Frugal => format!("{frugal} here, {thrift} in a `.thrift` file"),
    };
    let message = format!("Thrift and Frugal number the values of `{}` differently", definition.name.text);
    let help = if value.number.is_some_and(|(number, _)| number < 0) {
        "Frugal replaces negative numbers; give it one that is not negative if both are to read it"
    } else {
        "write the number out, and both count alike"
    };
    found.push(Diagnostic::new(Code::EnumNumbering, value.name.span, message).here(label).help(help));
}

fn fit(value: &syntax::EnumValue, number: i64, found: &mut Vec<Diagnostic>) -> i32 {
    i32::try_from(number).unwrap_or_else(|_| {
        let span = value.number.map_or(value.name.span, |(_, span)| span);
        let message = format!("the number of `{}` does not fit 32 bits", value.name.text);
        let help = format!("enum numbers lie between {} and {}", i32::MIN, i32::MAX);
        found.push(Diagnostic::new(Code::OutOfRange, span, message).here(format!("this is {number}")).help(help));
        0
    })
}
