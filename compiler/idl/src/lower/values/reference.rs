//! A value that is a name: of another constant, of an enum's value, `true` or `false`.

use std::collections::HashSet;

use super::check::{Checker, show};
use super::uses::Owner;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::lower::definitions::ambiguous;
use crate::lower::known;
use crate::lower::symbols::Found;
use crate::model::{BaseType, ConstId, ConstValue, DefKind, Enum, Type, TypeId};
use crate::source::Span;
use crate::syntax::ValueKind;

/// How many parts of two types are compared at most: types that mention each other twice at each of many levels are
/// taken for different.
const COMPARED: usize = 1000;

impl Checker<'_> {
    /// What a name means where a value of `ty` is wanted, whose typedefs taken off is `known`.
    pub(super) fn name(&mut self, ty: &Type, known: &Type, name: &str, span: Span) -> Option<ConstValue> {
        let constant = self.symbols.find(self.file, name, |table| &table.consts);
        if let Found::One(id) = constant {
            let value = self.value_of_enum(known, name).filter(|_| !self.is_same(&self.model.constant(id).ty, ty));
            return value.or_else(|| self.constant(id, ty, known, span));
        }
        if let Some(value) = self.literal(known, name).or_else(|| self.value_of_enum(known, name)) {
            return Some(value);
        }
        if let Some((owner, value)) = name.rsplit_once('.') {
            let owned = self.symbols.find(self.file, owner, |table| &table.types);
            let declared = match owned {
                Found::One(id) => self.enumeration(&Type::Named(id)),
                _ => None,
            };
            // Thrift looks only at the last part of the name, and only in the enum that is wanted.
            if let Some(meant) = self.value_of_enum(known, value)
                && declared.is_none_or(|id| *known != Type::Named(id))
            {
                self.other_enum(known, owner, name, value, span);
                return Some(meant);
            }
            match owned {
                Found::One(_) => {
                    if let Some(id) = declared {
                        return self.enum_value(ty, known, id, value, span);
                    }
                }
                Found::Several(files) => {
                    self.found.push(ambiguous(self.units, "type", owner, span, &files));
                    return None;
                }
                Found::None { sure: false } => return None,
                Found::None { sure: true } => {}
            }
        }
        match constant {
            Found::Several(files) => self.found.push(ambiguous(self.units, "constant", name, span, &files)),
            Found::None { sure: true } => self.unknown(known, name, span),
            _ => {}
        }
        None
    }

    fn literal(&self, known: &Type, name: &str) -> Option<ConstValue> {
        let truth = match name {
            "true" => true,
            "false" => false,
            _ => return None,
        };
        match known {
            Type::Base(BaseType::Bool) => Some(ConstValue::Bool(truth)),
            // Thrift reads the two words as 1 and 0.
            Type::Base(BaseType::I8 | BaseType::I16 | BaseType::I32 | BaseType::I64) => {
                Some(ConstValue::Int(truth.into()))
            }
            _ => None,
        }
    }

    /// The value of the wanted enum that is called so.
    fn value_of_enum(&self, known: &Type, name: &str) -> Option<ConstValue> {
        let id = self.enumeration(known)?;
        number(self.model.enumeration(id)?, name).map(|number| ConstValue::Enum(id, number))
    }

    /// Warns of a value that is named by something other than its enum or the file that has it.
    fn other_enum(&mut self, known: &Type, owner: &str, name: &str, value: &str, span: Span) {
        let meant = show(self.model, known);
        let last = owner.rsplit('.').next().unwrap_or(owner);
        if last == meant || self.symbols.includes(self.file, owner) {
            return;
        }
        let message = format!("`{name}` is read as `{meant}.{value}`, since a `{meant}` is wanted");
        let warning = Diagnostic::new(Code::OtherEnum, span, message).here(format!("`{owner}` is not `{meant}`"));
        self.found.push(warning.help(format!("write `{meant}.{value}`")));
    }

    fn enumeration(&self, ty: &Type) -> Option<TypeId> {
        match known(self.model, ty)? {
            Type::Named(id) if id.kind == DefKind::Enum => Some(*id),
            _ => None,
        }
    }

    /// `Enum.VALUE`, where that enum or a number is wanted.
    fn enum_value(&mut self, ty: &Type, known: &Type, id: TypeId, value: &str, span: Span) -> Option<ConstValue> {
        let model = self.model;
        let owner = model.enumeration(id)?;
        let Some(number) = number(owner, value) else {
            let unknown =
                Diagnostic::new(Code::UnknownConstant, span, format!("`{}` has no value `{value}`", owner.name));
            let unknown = unknown.also(owner.span, "declared here");
            self.found.push(match nearest(value, owner.values.iter().map(|value| value.name.as_str())) {
                Some(meant) => unknown.help(format!("did you mean `{}.{meant}`?", owner.name)),
                None => unknown,
            });
            return None;
        };
        match known {
            Type::Named(wanted) if *wanted == id => Some(ConstValue::Enum(id, number)),
            Type::Base(base @ (BaseType::I8 | BaseType::I16 | BaseType::I32 | BaseType::I64)) => {
                self.int(*base, ty, number.into(), span)
            }
            _ => {
                let message = format!("expected a value of type `{}`, found one of `{}`", show(model, ty), owner.name);
                self.found.push(Diagnostic::new(Code::WrongValue, span, message).also(owner.span, "declared here"));
                None
            }
        }
    }

    /// Another constant: named where it is of the wanted type, copied where its value is also one of that type.
    fn constant(&mut self, id: ConstId, ty: &Type, known: &Type, span: Span) -> Option<ConstValue> {
        self.uses(Owner::Const(id));
        let constant = self.model.constant(id);
        if self.is_same(&constant.ty, ty) {
            return Some(ConstValue::Const(id));
        }
        crate::lower::known(self.model, &constant.ty)?;
        let is_scalar = match known {
            Type::Base(_) => true,
            Type::Named(id) => id.kind == DefKind::Enum,
            _ => false,
        };
        let copied = if is_scalar { self.copied(id, ty)? } else { Err(None) };
        copied
            .map_err(|why| {
                let (wanted, has) = (show(self.model, ty), show(self.model, &constant.ty));
                let message = format!("expected a value of type `{wanted}`, found `{}` of type `{has}`", constant.name);
                let wrong = Diagnostic::new(Code::WrongValue, span, message).also(constant.span, "declared here");
                self.found.push(why.filter(|_| has != wanted).map_or(wrong.clone(), |why| wrong.note(why)));
            })
            .ok()
    }

    /// The value at the end of a chain of constants, read as one of `ty`, or why it is none. `None` is a chain that was reported.
    fn copied(&mut self, id: ConstId, ty: &Type) -> Option<Result<ConstValue, Option<String>>> {
        let mut at = id;
        let mut passed = HashSet::new();
        let value = loop {
            let value = *self.written.get(at.file.0 as usize)?.get(at.index as usize)?;
            let ValueKind::Name(name) = &value.kind else { break value };
            let Found::One(next) = self.symbols.find(at.file, name, |table| &table.consts) else { break value };
            if !passed.insert(at) {
                // A circle, which is found and reported when all uses are known.
                return None;
            }
            if passed.len() > LONGEST_CHAIN {
                let constant = self.model.constant(id);
                let message =
                    format!("more than {LONGEST_CHAIN} constants lie between `{}` and its value", constant.name);
                self.found.push(Diagnostic::new(Code::TooDeep, constant.span, message));
                return None;
            }
            at = next;
        };
        // What does not fit is reported where it is used, not where it is declared.
        let (file, before) = (self.file, self.found.len());
        self.file = at.file;
        let copied = self.value(ty, value);
        self.file = file;
        let why = self.found.drain(before..).next();
        Some(copied.ok_or(why.filter(|why| why.code == Code::OutOfRange).map(|why| why.message)))
    }

    fn unknown(&mut self, known: &Type, name: &str, span: Span) {
        let unknown = Diagnostic::new(Code::UnknownConstant, span, format!("there is no constant `{name}`"));
        let values = self.enumeration(known).and_then(|id| self.model.enumeration(id));
        let near = values.and_then(|owner| {
            let meant = nearest(name, owner.values.iter().map(|value| value.name.as_str()))?;
            Some(format!("{}.{meant}", owner.name))
        });
        let meant = near.or_else(|| {
            let words: &[&str] = if *known == Type::Base(BaseType::Bool) { &["true", "false"] } else { &[] };
            self.symbols.suggest(self.file, name, |table| &table.consts, words)
        });
        self.found.push(match meant {
            Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
            None if *known == Type::Base(BaseType::String) => {
                unknown.help(format!("for a text, write it in quotes: \"{name}\""))
            }
            None => unknown,
        });
    }

    /// Whether two types are one and the same, typedefs apart.
    fn is_same(&self, a: &Type, b: &Type) -> bool {
        self.same(a, b, &mut 0)
    }

    fn same(&self, a: &Type, b: &Type, compared: &mut usize) -> bool {
        *compared += 1;
        let (Some(a), Some(b)) = (known(self.model, a), known(self.model, b)) else { return false };
        *compared <= COMPARED
            && match (a, b) {
                (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) => self.same(a, b, compared),
                (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                    self.same(key, other_key, compared) && self.same(value, other_value, compared)
                }
                (a, b) => a == b,
            }
    }
}

/// The longest chain of constants that name each other which is followed to copy a value.
const LONGEST_CHAIN: usize = 100;

fn number(owner: &Enum, name: &str) -> Option<i32> {
    owner.values.iter().find(|value| value.name == name).map(|value| value.number)
}
