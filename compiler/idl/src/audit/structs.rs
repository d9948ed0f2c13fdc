//! Compares structs, unions and exceptions, and fields wherever there are some: in those, in arguments and in `throws`.

use std::collections::HashMap;

use super::pairs::Kind;
use super::{Audit, Context, Rule, now, old};
use crate::model::{Field, FileId, Requiredness, StructKind};
use crate::source::Span;

impl Audit<'_> {
    pub(super) fn structure(&mut self, file: FileId, index: usize) {
        let before = &self.old.file(file).structs[index];
        let name = &before.name;
        if let Some((new_file, new_index)) = self.pairs.get(Kind::Struct, file, index) {
            let after = &self.new.file(new_file).structs[new_index];
            let context = self.context(file, Some(new_file)).within(name, &format!("struct {name}:"));
            self.fields(&context, &before.fields, (&after.fields, after.span));
        } else if let Some(new_file) = self.pairs.file(file) {
            let context = self.context(file, None).within(name, "");
            let is = self.new.file(new_file).structs.iter().find(|after| after.name == *name);
            let is = is.map(|after| now(after.span, format!("now {}", kind(after.kind))));
            let was = old(before.span, format!("{} was here", kind(before.kind)));
            let places: Vec<_> = is.into_iter().chain([was]).collect();
            self.report(Rule::StructRemoved, &context, &format!("missing struct: {name}"), places);
        }
    }

    /// Compares fields, by id. The span is that of what the new ones belong to.
    pub(super) fn fields(&mut self, context: &Context, before: &[Field], (after, owner): (&[Field], Span)) {
        let [befores, afters]: [HashMap<i16, &Field>; 2] =
            [before, after].map(|fields| fields.iter().map(|field| (field.id, field)).collect());
        for was in before {
            let context = context.within(&was.name, &format!("field {}:", was.name));
            match afters.get(&was.id) {
                Some(is) => self.field(&context, was, is),
                // Whoever reads an optional field is ready to find none.
                None if was.requiredness == Requiredness::Optional => {}
                None => {
                    let missing = now(owner, format!("nothing here has the id {}", was.id));
                    let text = format!("field removed with ID={}", was.id);
                    self.report(Rule::FieldRemoved, &context, &text, [missing, old(was.span, "")]);
                }
            }
        }
        let least = before.iter().map(|field| field.id).min();
        let most = before.iter().map(|field| field.id).max();
        for is in after.iter().filter(|is| !befores.contains_key(&is.id)) {
            let context = context.within(&is.name, &format!("field {}:", is.name));
            if least.is_some_and(|least| least < is.id) && most.is_some_and(|most| is.id < most) {
                let text = format!("added field in the middle with ID={}", is.id);
                self.report(Rule::FieldAddedInTheMiddle, &context, &text, [now(is.span, "this is new")]);
            }
            if is.requiredness == Requiredness::Required {
                let places = [now(is.span, "this is new")];
                self.report(Rule::RequiredFieldAdded, &context, "added field is required", places);
            }
        }
    }

    fn field(&mut self, context: &Context, was: &Field, is: &Field) {
        self.typed(Rule::FieldTypeChanged, context, (&was.ty, was.span), (&is.ty, is.span));
        let required = |field: &Field| field.requiredness == Requiredness::Required;
        if required(was) != required(is) {
            let [before, after] = [was, is].map(|field| presence(field.requiredness));
            let text = format!("field presence modifier changed: '{before}' -> '{after}'");
            let places = [now(is.span, ""), old(was.span, "")];
            self.report(Rule::FieldPresenceChanged, context, &text, places);
        }
        let differ = match (&was.default, &is.default) {
            (Some(before), Some(after)) => self.values.differ(before, after),
            (None, None) => false,
            _ => true,
        };
        if differ {
            let places = [now(is.span, ""), old(was.span, "")];
            self.report(Rule::FieldDefaultChanged, context, "default value changed", places);
        }
        if was.name != is.name {
            let places = [now(is.span, format!("the name of {} now", is.id)), old(was.span, "")];
            self.report(Rule::FieldRenamed, context, "name changed", places);
        }
    }
}

fn kind(kind: StructKind) -> &'static str {
    match kind {
        StructKind::Struct => "a struct",
        StructKind::Union => "a union",
        StructKind::Exception => "an exception",
    }
}

/// Frugal's words.
fn presence(requiredness: Requiredness) -> &'static str {
    match requiredness {
        Requiredness::Required => "REQUIRED",
        Requiredness::Optional => "OPTIONAL",
        Requiredness::Default => "DEFAULT",
    }
}
