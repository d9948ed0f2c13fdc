//! Compares enums: by number, as the number is what travels.

use std::collections::HashMap;

use super::pairs::Kind;
use super::{Audit, Context, Rule, now, old};
use crate::model::{Enum, EnumValue, FileId};

impl Audit<'_> {
    pub(super) fn enumeration(&mut self, file: FileId, index: usize) {
        let before = &self.old.file(file).enums[index];
        match self.pairs.get(Kind::Enum, file, index) {
            Some((new_file, new_index)) => {
                let context = self.context(file, Some(new_file)).within(&before.name, "");
                self.enum_values(&context, before, &self.new.file(new_file).enums[new_index]);
            }
            None if self.pairs.file(file).is_some() => {
                let context = self.context(file, None).within(&before.name, "");
                let places = [old(before.span, "it was here")];
                self.report(Rule::EnumRemoved, &context, &format!("enum removed: {}", before.name), places);
            }
            None => {}
        }
    }

    /// Compares the numbers of two enums, and their names.
    pub(super) fn enum_values(&mut self, context: &Context, before: &Enum, after: &Enum) {
        // One number may have several names.
        let mut names: HashMap<i32, Vec<&EnumValue>> = HashMap::new();
        after.values.iter().for_each(|value| names.entry(value.number).or_default().push(value));
        for value in &before.values {
            let (name, number) = (&value.name, value.number);
            let within = context.within(name, "");
            let Some([first, rest @ ..]) = names.get(&number).map(Vec::as_slice) else {
                let within = Context { text: format!("enum {}: variant {name}:", before.name), ..within };
                let missing = now(after.span, format!("nothing here has the number {number}"));
                let places = [missing, old(value.span, "")];
                self.report(Rule::EnumValueRemoved, &within, &format!("removed with ID={number}"), places);
                continue;
            };
            if first.name != *name && rest.iter().all(|new| new.name != *name) {
                let places = [now(first.span, format!("the name of {number} now")), old(value.span, "")];
                self.report(Rule::EnumValueRenamed, &within, &format!("enum variant name changed: {name}"), places);
            }
        }
    }
}
