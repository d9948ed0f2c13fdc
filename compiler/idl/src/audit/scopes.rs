//! Compares scopes: their topics and the payloads of their operations.

use super::pairs::Kind;
use super::{Audit, Context, Rule, now, old};
use crate::model::{FileId, Prefix, PrefixToken};

impl Audit<'_> {
    pub(super) fn scope(&mut self, file: FileId, index: usize) {
        let before = &self.old.file(file).scopes[index];
        let name = &before.name;
        let Some((new_file, new_index)) = self.pairs.get(Kind::Scope, file, index) else {
            if self.pairs.file(file).is_some() {
                let context = self.context(file, None).within(name, "");
                let places = [old(before.span, "it was here")];
                self.report(Rule::ScopeRemoved, &context, &format!("missing scope: {name}"), places);
            }
            return;
        };
        let after = &self.new.file(new_file).scopes[new_index];
        let context = self.context(file, Some(new_file)).within(name, &format!("scope {name}:"));
        let (was, is) = (topics(&before.prefix), topics(&after.prefix));
        if was != is {
            let text = format!("prefix changed: '{was}' -> '{is}'");
            self.report(Rule::PrefixChanged, &context, &text, [now(after.span, ""), old(before.span, "")]);
        }
        for was in &before.operations {
            let name = &was.name;
            if let Some(is) = after.operations.iter().find(|is| is.name == *name) {
                let context = context.within(name, &format!("operation {name}:"));
                self.typed(Rule::OperationTypeChanged, &context, (&was.ty, was.span), (&is.ty, is.span));
            } else {
                let missing = now(after.span, format!("nothing here is called `{name}`"));
                let within = Context { text: context.text.clone(), ..context.within(name, "") };
                let text = format!("operation removed: {name}");
                self.report(Rule::OperationRemoved, &within, &text, [missing, old(was.span, "")]);
            }
        }
    }
}

/// A prefix without the names of its variables: what topics have in common.
fn topics(prefix: &Prefix) -> String {
    let token = |token: &PrefixToken| match token {
        PrefixToken::Literal(text) => text.clone(),
        PrefixToken::Variable(_) => "{}".to_owned(),
    };
    prefix.tokens.iter().map(token).collect::<Vec<_>>().join(".")
}
