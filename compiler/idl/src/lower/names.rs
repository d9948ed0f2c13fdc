//! Names that must differ.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::Name;

/// What a name looks like to those who must tell it from others.
pub(super) type Seen = for<'n> fn(&'n Name) -> Cow<'n, str>;

impl Name {
    /// As it is written.
    pub(super) fn same(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    /// As a method name travels: with its first letter in lower case.
    pub(super) fn lower_first(&self) -> Cow<'_, str> {
        self.first(char::to_ascii_lowercase as fn(&char) -> char)
    }

    /// As a scope name stands in topics: with its first letter in upper case.
    pub(super) fn upper_first(&self) -> Cow<'_, str> {
        self.first(char::to_ascii_uppercase as fn(&char) -> char)
    }

    fn first(&self, change: fn(&char) -> char) -> Cow<'_, str> {
        let mut letters = self.text.chars();
        match letters.next() {
            Some(first) if change(&first) != first => format!("{}{}", change(&first), letters.as_str()).into(),
            _ => Cow::Borrowed(&self.text),
        }
    }
}

/// Reports each name that looks like an earlier one. `what` they are goes into the message.
pub(super) fn unique<'n>(what: &str, names: impl Iterator<Item = &'n Name>, seen: Seen, found: &mut Vec<Diagnostic>) {
    let mut first: HashMap<Cow<'n, str>, &'n Name> = HashMap::new();
    for name in names {
        let Some(before) = first.insert(seen(name), name) else { continue };
        let text = &name.text;
        let message = if before.text == *text {
            format!("the {what} `{text}` is defined twice")
        } else {
            format!("the {what}s `{}` and `{text}` differ only in the case of the first letter", before.text)
        };
        let mut twice =
            Diagnostic::new(Code::DuplicateName, name.span, message).here("again here").also(before.span, "first here");
        if before.text != *text {
            twice = twice.note("Frugal's languages take both for one");
        }
        found.push(twice);
        first.insert(seen(name), before);
    }
}
