//! A value as it is written, and the type it is given for: does it fit, and what is it then?

use std::collections::HashSet;

use super::uses::{Owner, Uses};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::load::Unit;
use crate::lower::known;
use crate::lower::symbols::Symbols;
use crate::model::{BaseType, ConstValue, DefKind, FileId, FileKind, Model, StructKind, Type, TypeId};
use crate::source::Span;
use crate::syntax::{Value, ValueKind};

/// Checks the values of a model.
pub(super) struct Checker<'a> {
    pub(super) units: &'a [Unit],
    pub(super) symbols: &'a Symbols,
    pub(super) model: &'a Model,
    pub(super) found: &'a mut Vec<Diagnostic>,
    pub(super) uses: Uses,
    /// The values of all constants as they are written, by file and index.
    pub(super) written: Vec<Vec<&'a Value>>,
    /// Whose value is being checked; nobody's where nothing can come to use it again.
    pub(super) owner: Option<Owner>,
    /// The file whose names are in force.
    pub(super) file: FileId,
}

impl Checker<'_> {
    /// The value as one of `ty`; `None` where it is none, or where the type was not known. Recursion is as deep as the
    /// brackets of the value, which the parser has bounded.
    pub(super) fn value(&mut self, ty: &Type, value: &Value) -> Option<ConstValue> {
        let model = self.model;
        let known = known(model, ty)?;
        if let ValueKind::Name(name) = &value.kind {
            return self.name(ty, known, name, value.span);
        }
        match (known, &value.kind) {
            (Type::Base(base), _) => self.base(*base, ty, value),
            (Type::List(item), ValueKind::List(items)) => Some(ConstValue::List(self.items(item, items)?)),
            (Type::Set(item), ValueKind::List(items)) => Some(ConstValue::Set(distinct(self.items(item, items)?))),
            (Type::Map(key, value), ValueKind::Map(entries)) => self.entries(key, value, entries),
            // Thrift does not look at the brackets of what is empty.
            (Type::List(_), ValueKind::Map(entries)) if entries.is_empty() => Some(ConstValue::List(Vec::new())),
            (Type::Set(_), ValueKind::Map(entries)) if entries.is_empty() => Some(ConstValue::Set(Vec::new())),
            (Type::Map(..), ValueKind::List(items)) if items.is_empty() => Some(ConstValue::Map(Vec::new())),
            (Type::Named(id), ValueKind::Map(entries)) if id.kind == DefKind::Struct => {
                self.structure(*id, entries, value.span)
            }
            (Type::Named(id), ValueKind::Int(number)) if id.kind == DefKind::Enum => match i32::try_from(*number) {
                Ok(number) => Some(ConstValue::Enum(*id, number)),
                Err(_) => self.out_of_range(*number, ty, i32::MIN.into(), i32::MAX.into(), value.span),
            },
            _ => self.wrong(ty, value, None),
        }
    }

    fn base(&mut self, base: BaseType, ty: &Type, value: &Value) -> Option<ConstValue> {
        match (base, &value.kind) {
            (BaseType::Bool, ValueKind::Int(number @ (0 | 1))) => Some(ConstValue::Bool(*number == 1)),
            (BaseType::Bool, _) => self.wrong(ty, value, Some("write `true` or `false`")),
            (BaseType::I8 | BaseType::I16 | BaseType::I32 | BaseType::I64, ValueKind::Int(number)) => {
                self.int(base, ty, *number, value.span)
            }
            (BaseType::Double, ValueKind::Double(number)) => Some(ConstValue::Double(*number)),
            #[allow(clippy::cast_precision_loss, reason = "a double is asked for")]
            (BaseType::Double, ValueKind::Int(number)) => Some(ConstValue::Double(*number as f64)),
            (BaseType::String, ValueKind::Text(bytes)) => match String::from_utf8(bytes.clone()) {
                Ok(text) => Some(ConstValue::String(text)),
                Err(_) => {
                    let message = "this string is not UTF-8 once its escapes are read";
                    let wrong = Diagnostic::new(Code::WrongValue, value.span, message);
                    self.found.push(wrong.help("for bytes that are no text, the type is `binary`"));
                    None
                }
            },
            (BaseType::Binary, ValueKind::Text(bytes)) => Some(ConstValue::Binary(bytes.clone())),
            (BaseType::Uuid, ValueKind::Text(text)) => match uuid(text) {
                Some(bytes) => Some(ConstValue::Uuid(bytes)),
                None => {
                    let wrong = Diagnostic::new(Code::WrongValue, value.span, "this string is no uuid");
                    self.found.push(wrong.help("a uuid is written \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\""));
                    None
                }
            },
            _ => self.wrong(ty, value, None),
        }
    }

    /// A number for an integer type.
    pub(super) fn int(&mut self, base: BaseType, ty: &Type, number: i64, span: Span) -> Option<ConstValue> {
        let (least, most) = match base {
            BaseType::I8 => (i8::MIN.into(), i8::MAX.into()),
            BaseType::I16 => (i16::MIN.into(), i16::MAX.into()),
            BaseType::I32 => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        };
        if (least..=most).contains(&number) {
            return Some(ConstValue::Int(number));
        }
        self.out_of_range(number, ty, least, most, span)
    }

    fn out_of_range(&mut self, number: i64, ty: &Type, least: i64, most: i64, span: Span) -> Option<ConstValue> {
        let ty = show(self.model, ty);
        let found = Diagnostic::new(Code::OutOfRange, span, format!("{number} does not fit `{ty}`"));
        self.found.push(found.help(format!("`{ty}` holds {least} to {most}")));
        None
    }

    fn items(&mut self, ty: &Type, items: &[Value]) -> Option<Vec<ConstValue>> {
        // All are checked, so that all that is wrong is reported.
        let values: Vec<Option<ConstValue>> = items.iter().map(|item| self.value(ty, item)).collect();
        values.into_iter().collect()
    }

    fn entries(&mut self, key: &Type, value: &Type, entries: &[(Value, Value)]) -> Option<ConstValue> {
        let keys: Vec<_> = entries.iter().map(|(written, _)| self.value(key, written)).collect();
        let values: Vec<_> = entries.iter().map(|(_, written)| self.value(value, written)).collect();
        let mut pairs: Vec<(ConstValue, ConstValue)> =
            keys.into_iter().zip(values).map(|(key, value)| Some((key?, value?))).collect::<Option<_>>()?;
        // Of a key given twice the last value counts, as in a map that is filled in order.
        let mut seen = HashSet::new();
        pairs.reverse();
        pairs.retain(|(key, _)| seen.insert(format!("{key:?}")));
        pairs.reverse();
        Some(ConstValue::Map(pairs))
    }

    fn structure(&mut self, id: TypeId, entries: &[(Value, Value)], span: Span) -> Option<ConstValue> {
        let model = self.model;
        let structure = model.structure(id)?;
        let mut values: Vec<(usize, ConstValue)> = Vec::new();
        let mut given: Vec<Option<Span>> = vec![None; structure.fields.len()];
        let mut fits = true;
        for (key, value) in entries {
            let Ok(index) = self.field(id, key) else {
                fits = false;
                continue;
            };
            let Some(index) = index else { continue };
            if let Some(before) = given[index].replace(key.span) {
                let message = format!("the field `{}` is given twice", structure.fields[index].name);
                let twice = Diagnostic::new(Code::DuplicateName, key.span, message).here("again here");
                self.found.push(twice.also(before, "first here"));
                fits = false;
            }
            match self.value(&structure.fields[index].ty, value) {
                Some(value) => values.push((index, value)),
                None => fits = false,
            }
        }
        if structure.kind == StructKind::Union && entries.len() != 1 {
            let message =
                format!("a value of the union `{}` has exactly one field, this has {}", structure.name, entries.len());
            self.found.push(Diagnostic::new(Code::WrongValue, span, message).also(structure.span, "the union"));
            return None;
        }
        // What is not given takes its default value.
        if structure.kind != StructKind::Union && given.iter().any(Option::is_none) {
            self.uses(Owner::Struct(id));
        }
        fits.then_some(ConstValue::Struct(id, values))
    }

    /// The field a key of a struct value names: none where it is passed over, `Err` where it was reported.
    fn field(&mut self, id: TypeId, key: &Value) -> Result<Option<usize>, Reported> {
        let model = self.model;
        let structure = model.structure(id).ok_or(Reported)?;
        let name = match &key.kind {
            ValueKind::Name(name) => name.as_str().into(),
            ValueKind::Text(text) => String::from_utf8_lossy(text),
            _ => {
                let message = format!("the keys of a value of `{}` are the names of its fields", structure.name);
                self.found
                    .push(Diagnostic::new(Code::WrongValue, key.span, message).also(structure.span, "declared here"));
                return Err(Reported);
            }
        };
        let index = structure.fields.iter().position(|field| field.name == name);
        if index.is_none() {
            // Frugal passes over it without a word, and its own test files rely on that.
            let passes = self.units.get(self.file.0 as usize).is_some_and(|unit| unit.kind == FileKind::Frugal);
            let code = if passes { Code::NoSuchField } else { Code::WrongValue };
            let message = format!("`{}` has no field `{name}`", structure.name);
            let unknown = Diagnostic::new(code, key.span, message).also(structure.span, "declared here");
            let unknown = if passes { unknown.note("the value is ignored, as Frugal does") } else { unknown };
            self.found.push(match nearest(&name, structure.fields.iter().map(|field| field.name.as_str())) {
                Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                None => unknown,
            });
            return if passes { Ok(None) } else { Err(Reported) };
        }
        Ok(index)
    }

    /// Notes that what is being checked is made of something else that has a value.
    pub(super) fn uses(&mut self, used: Owner) {
        if let Some(owner) = self.owner {
            self.uses.add(owner, used);
        }
    }

    fn wrong(&mut self, ty: &Type, value: &Value, help: Option<&str>) -> Option<ConstValue> {
        let what = match &value.kind {
            ValueKind::Int(number) => number.to_string(),
            ValueKind::Double(number) => number.to_string(),
            ValueKind::Text(_) => "a string".to_owned(),
            ValueKind::Name(name) => format!("`{name}`"),
            ValueKind::List(_) => "a list".to_owned(),
            ValueKind::Map(_) => "a map".to_owned(),
        };
        let message = format!("expected a value of type `{}`, found {what}", show(self.model, ty));
        let wrong = Diagnostic::new(Code::WrongValue, value.span, message);
        self.found.push(match help {
            Some(help) => wrong.help(help),
            None => wrong,
        });
        None
    }
}

/// What is wrong has been said.
struct Reported;

/// A set without repeats.
fn distinct(mut items: Vec<ConstValue>) -> Vec<ConstValue> {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(format!("{item:?}")));
    items
}

/// The bytes of a uuid, with or without its hyphens and braces.
fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('{').map_or(Some(text), |text| text.strip_suffix('}'))?;
    let hyphens: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if !(hyphens.is_empty() || hyphens == [8, 13, 18, 23]) {
        return None;
    }
    let digits = text.replace('-', "");
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

/// A type as it would be written, without its typedefs taken off.
pub(super) fn show(model: &Model, ty: &Type) -> String {
    match ty {
        Type::Base(base) => base.keyword().to_owned(),
        Type::List(item) => format!("list<{}>", show(model, item)),
        Type::Set(item) => format!("set<{}>", show(model, item)),
        Type::Map(key, value) => format!("map<{}, {}>", show(model, key), show(model, value)),
        unknown if *unknown == crate::lower::UNKNOWN => "?".to_owned(),
        Type::Named(id) => model.type_name(*id).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_uuid_has_its_hyphens_in_their_places_or_none() {
        let bytes = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes();
        assert_eq!(uuid(b"6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Some(bytes));
        assert_eq!(uuid(b"{6BA7B8109DAD11D180B400C04FD430C8}"), Some(bytes));
        assert_eq!(uuid(b"6ba7-b8109dad11d180b400c04fd430c8"), None);
        assert_eq!(uuid(b"6ba7b810-9dad-11d1-80b4-00c04fd430c"), None);
        assert_eq!(uuid(b"{6ba7b810-9dad-11d1-80b4-00c04fd430c8"), None);
    }
}
