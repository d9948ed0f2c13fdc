//! Whether two types, one of each contract, are the same.

use std::collections::HashMap;

use super::{Audit, Context, Rule, now, old};
use crate::model::{DefKind, Model, Type, TypeId};
use crate::source::Span;

/// Two types that are not the same.
struct Mismatch {
    /// Which part of the type, as in Frugal: `key type:`, nested ones one after another; empty where it is all of it.
    part: String,
    old: String,
    new: String,
}

impl Mismatch {
    fn within(self, part: &str) -> Self {
        let part = if self.part.is_empty() { part.to_owned() } else { format!("{part} {}", self.part) };
        Self { part, ..self }
    }
}

impl Audit<'_> {
    /// Reports two types that are not the same.
    pub(super) fn typed(&mut self, rule: Rule, context: &Context, before: (&Type, Span), after: (&Type, Span)) {
        let Some(Mismatch { part, old: was, new: is }) = self.mismatch(before.0, after.0) else { return };
        let gap = if part.is_empty() { "" } else { " " };
        let text = format!("{part}{gap}types not equal: '{was}' -> '{is}'");
        let places = [
            now(after.1, format!("now `{}`", spelled(self.new, after.0))),
            old(before.1, format!("was `{}`", spelled(self.old, before.0))),
        ];
        self.report(rule, context, &text, places);
    }

    /// The first part in which two types differ. Typedefs count for what they stand for.
    ///
    /// The recursion ends: the reader limits how deep a type may nest, typedefs included.
    fn mismatch(&mut self, before: &Type, after: &Type) -> Option<Mismatch> {
        // A typedef may mention another more than once, and that one a third: each pair is looked into once.
        let typedefs = match (before, after) {
            (Type::Named(old), Type::Named(new)) if [old.kind, new.kind] == [DefKind::Typedef; 2] => Some((*old, *new)),
            _ => None,
        };
        if typedefs.is_some_and(|pair| self.alike.get(&pair) == Some(&true)) {
            return None;
        }
        let found = self.resolved_mismatch(self.old.resolve(before), self.new.resolve(after));
        if let (Some(pair), None) = (typedefs, &found) {
            self.alike.insert(pair, true);
        }
        found
    }

    fn resolved_mismatch(&mut self, before: &Type, after: &Type) -> Option<Mismatch> {
        match (before, after) {
            (Type::Base(old), Type::Base(new)) if old == new => None,
            (Type::List(old), Type::List(new)) | (Type::Set(old), Type::Set(new)) => {
                self.mismatch(old, new).map(|found| found.within("value type:"))
            }
            (Type::Map(old_key, old_value), Type::Map(new_key, new_value)) => match self.mismatch(old_key, new_key) {
                Some(found) => Some(found.within("key type:")),
                None => self.mismatch(old_value, new_value).map(|found| found.within("value type:")),
            },
            (Type::Named(old), Type::Named(new)) if self.are_alike(*old, *new) => None,
            _ => {
                let (mut was, mut is) = (word(self.old, before), word(self.new, after));
                if let (true, Type::Named(old), Type::Named(new)) = (was == is, before, after) {
                    was = format!("{}.{was}", self.old.file(old.file).name);
                    is = format!("{}.{is}", self.new.file(new.file).name);
                }
                Some(Mismatch { part: String::new(), old: was, new: is })
            }
        }
    }

    /// Whether a declared type is the other: they are a pair, whose differences are reported elsewhere, or they have one name
    /// and nothing about the one would be an error about the other.
    fn are_alike(&mut self, old: TypeId, new: TypeId) -> bool {
        if self.pairs.ty(old) == Some(new) {
            return true;
        }
        if old.kind != new.kind || self.old.type_name(old) != self.new.type_name(new) {
            return false;
        }
        if let Some(known) = self.alike.get(&(old, new)) {
            return *known;
        }
        // Types may hold themselves, so a pair counts as alike until it turns out not to be. The pairs wait in a list
        // rather than in recursive calls: a chain of structs may be as long as files allow.
        if let Some(pending) = &mut self.pending {
            pending.push((old, new));
            self.alike.insert((old, new), true);
            return true;
        }
        let mut inner = Audit::new(self.old, self.new, self.pairs, self.values);
        inner.alike = HashMap::from([((old, new), true)]);
        inner.pending = Some(vec![(old, new)]);
        let mut alike = true;
        while let (true, Some((old, new))) = (alike, inner.pending.as_mut().and_then(Vec::pop)) {
            inner.declared(old, new);
            alike = !inner.found.iter().any(|(_, finding)| finding.is_error());
        }
        if alike {
            self.alike.extend(inner.alike);
        } else {
            self.alike.insert((old, new), false);
        }
        alike
    }

    /// Compares two declared types of one name.
    fn declared(&mut self, old: TypeId, new: TypeId) {
        let context = self.context(old.file, Some(new.file)).within(self.old.type_name(old), "");
        if let (Some(before), Some(after)) = (self.old.structure(old), self.new.structure(new)) {
            if before.kind != after.kind {
                let places = [now(after.span, ""), super::old(before.span, "")];
                self.report(Rule::StructRemoved, &context, &format!("missing struct: {}", before.name), places);
            }
            self.fields(&context, &before.fields, (&after.fields, after.span));
        }
        if let (Some(before), Some(after)) = (self.old.enumeration(old), self.new.enumeration(new)) {
            self.enum_values(&context, before, after);
        }
    }
}

/// A type in one word, as Frugal has it: a container without what it contains.
fn word(model: &Model, ty: &Type) -> String {
    match ty {
        Type::Base(base) => base.keyword().to_owned(),
        Type::List(_) => "list".to_owned(),
        Type::Set(_) => "set".to_owned(),
        Type::Map(..) => "map".to_owned(),
        Type::Named(id) => model.type_name(*id).to_owned(),
    }
}

/// A type as the IDL spells it.
pub(super) fn spelled(model: &Model, ty: &Type) -> String {
    match ty {
        Type::List(item) => format!("list<{}>", spelled(model, item)),
        Type::Set(item) => format!("set<{}>", spelled(model, item)),
        Type::Map(key, value) => format!("map<{}, {}>", spelled(model, key), spelled(model, value)),
        Type::Base(_) | Type::Named(_) => word(model, ty),
    }
}
