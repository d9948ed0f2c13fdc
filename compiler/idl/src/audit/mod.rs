//! Audits a contract: is the new one safe to deploy beside the old one?
//!
//! [`audit`] compares two models and returns a [`Finding`] for each breach of a [`Rule`]. It reads nothing and prints
//! nothing; where the models come from (two files, a revision of a repository) is the caller's affair, and [`Sides`] is what a
//! finding needs to be shown. The rules are those of Frugal's audit, and the texts contain Frugal's, so that what greps for them
//! goes on working. Beyond it, included files are compared too, and what has moved from one file to another is found there.
//!
//! In order: `pairs` says which definition of the one side is which of the other, `enums`, `structs`, `services` and
//! `scopes` compare those, with `types` and `values` to say whether two types or constants are the same.

mod allow;
mod enums;
mod pairs;
mod render;
mod rules;
mod scopes;
mod services;
mod structs;
mod types;
mod values;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use allow::{AllowList, Entry};
pub use render::Sides;
pub use rules::Rule;

use crate::diagnostics::Severity;
use crate::model::{FileId, Model, TypeId};
use crate::source::Span;
use pairs::{Kind, Pairs};
use values::Values;

/// One of the two contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that is deployed.
    Old,
    /// The one that is to be deployed.
    New,
}

/// A breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What has happened, in one line. It contains the text Frugal's audit has for it.
    pub message: String,
    /// What it has happened to, dotted and beginning with the name of its file: `music.Album.tracks`,
    /// `music.Store.buyAlbum.asin`. By this name it can be allowed. What was renamed goes by its old name.
    pub thing: String,
    /// Where, and what about that place; the first is the primary one. Never empty.
    pub places: Vec<Place>,
}

/// A place in one of the two contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the two.
    pub side: Side,
    /// The place in its texts.
    pub span: Span,
    /// What is to be said of it; may be empty.
    pub text: String,
}

impl Finding {
    /// Whether it breaks what is deployed.
    pub fn is_error(&self) -> bool {
        self.rule.severity() == Severity::Error
    }
}

/// Compares a contract with the one it is to replace. The findings come file by file, by path, and in each from top to
/// bottom.
pub fn audit(old: &Model, new: &Model) -> Vec<Finding> {
    let (pairs, values) = (Pairs::of(old, new), Values::of(old, new));
    let mut audit = Audit::new(old, new, &pairs, &values);
    for (id, file) in old.files() {
        audit.file(id);
        for index in 0..file.consts.len() {
            audit.constant(id, index);
        }
        for index in 0..file.enums.len() {
            audit.enumeration(id, index);
        }
        for index in 0..file.structs.len() {
            audit.structure(id, index);
        }
        for index in 0..file.services.len() {
            audit.service(id, index);
        }
        for index in 0..file.scopes.len() {
            audit.scope(id, index);
        }
    }
    audit.in_order()
}

/// One comparison under way.
struct Audit<'m> {
    old: &'m Model,
    new: &'m Model,
    pairs: &'m Pairs,
    values: &'m Values<'m>,
    /// Each finding with the path it is sorted by.
    found: Vec<(PathBuf, Finding)>,
    /// Whether types that are no pair but have one name are the same all the same.
    alike: HashMap<(TypeId, TypeId), bool>,
    /// While it is found out whether two types are the same: the pairs that are still to be compared for it.
    pending: Option<Vec<(TypeId, TypeId)>>,
}

/// Where in the contract a comparison is.
#[derive(Clone)]
struct Context {
    /// The file findings are sorted under.
    path: PathBuf,
    /// The name of the thing, as in [`Finding::thing`].
    thing: String,
    /// What messages begin with, as in Frugal: `service Store: method buyAlbum:`.
    text: String,
}

impl Context {
    /// The same place, one step further in.
    fn within(&self, name: &str, text: &str) -> Context {
        let gap = if self.text.is_empty() { "" } else { " " };
        let text = format!("{}{gap}{text}", self.text);
        Context { path: self.path.clone(), thing: format!("{}.{name}", self.thing), text }
    }
}

impl<'m> Audit<'m> {
    fn new(old: &'m Model, new: &'m Model, pairs: &'m Pairs, values: &'m Values<'m>) -> Self {
        Self { old, new, pairs, values, found: Vec::new(), alike: HashMap::new(), pending: None }
    }

    /// The context of something that stands in `old`, and in `new` if it is still there.
    fn context(&self, old: FileId, new: Option<FileId>) -> Context {
        let file = match new.or_else(|| self.pairs.file(old)) {
            Some(new) => self.new.file(new),
            None => self.old.file(old),
        };
        Context { path: file.path.clone(), thing: file.name.clone(), text: String::new() }
    }

    fn report(&mut self, rule: Rule, context: &Context, text: &str, places: impl Into<Vec<Place>>) {
        let gap = if context.text.is_empty() { "" } else { " " };
        let message = format!("{}{gap}{text}", context.text);
        let finding = Finding { rule, message, thing: context.thing.clone(), places: places.into() };
        self.found.push((context.path.clone(), finding));
    }

    fn in_order(mut self) -> Vec<Finding> {
        self.found.sort_by(|(path, one), (other_path, other)| {
            let place = |finding: &Finding| finding.places.first().map(|place| (place.span.start, place.side));
            (path, place(one), one.rule, &one.message).cmp(&(other_path, place(other), other.rule, &other.message))
        });
        self.found.into_iter().map(|(_, finding)| finding).collect()
    }

    /// What a file says of itself: whether it still is there, and its namespaces.
    fn file(&mut self, id: FileId) {
        let context = self.context(id, None);
        let file = self.old.file(id);
        let Some(new) = self.pairs.file(id).map(|new| self.new.file(new)) else {
            if self.pairs.has_left_something(self.old, id) {
                let place = old(self.included_at(id), "included here");
                self.report(Rule::FileRemoved, &context, &format!("missing file: {}", shown(&file.path)), [place]);
            }
            return;
        };
        for (index, namespace) in file.namespaces.iter().enumerate() {
            let scope = &namespace.scope;
            if file.namespaces[index + 1..].iter().any(|later| later.scope == *scope) {
                continue;
            }
            let context = Context { thing: format!("{}.namespace.{scope}", context.thing), ..context.clone() };
            let was = old(namespace.span, format!("was `{}`", namespace.name));
            match new.namespaces.iter().rev().find(|new| new.scope == *scope) {
                None => self.report(Rule::NamespaceRemoved, &context, &format!("namespace removed: {scope}"), [was]),
                Some(new) if new.name != namespace.name => {
                    let is = now(new.span, format!("now `{}`", new.name));
                    self.report(Rule::NamespaceChanged, &context, &format!("namespace changed: {scope}"), [is, was]);
                }
                Some(_) => {}
            }
        }
    }

    /// Where a file of the old contract is included first.
    fn included_at(&self, id: FileId) -> Span {
        let mut includes = self.old.files.iter().flat_map(|file| &file.includes);
        includes.find(|include| include.file == id).map_or_else(Span::default, |include| include.span)
    }

    fn constant(&mut self, file: FileId, index: usize) {
        let before = &self.old.file(file).consts[index];
        let name = &before.name;
        let Some((new_file, new_index)) = self.pairs.get(Kind::Const, file, index) else {
            if self.pairs.file(file).is_some() {
                let context = self.context(file, None).within(name, "");
                let places = [old(before.span, "it was here")];
                self.report(Rule::ConstRemoved, &context, &format!("constant value removed: {name}"), places);
            }
            return;
        };
        let after = &self.new.file(new_file).consts[new_index];
        let context = self.context(file, Some(new_file)).within(name, "");
        if self.values.differ(&before.value, &after.value) {
            let places = [now(after.span, "it has another value now"), old(before.span, "")];
            self.report(Rule::ConstValueChanged, &context, &format!("constant value changed: {name}"), places);
        }
        let context = Context { text: format!("constant {name}:"), ..context };
        self.typed(Rule::ConstTypeChanged, &context, (&before.ty, before.span), (&after.ty, after.span));
    }
}

fn old(span: Span, text: impl Into<String>) -> Place {
    Place { side: Side::Old, span, text: text.into() }
}

fn now(span: Span, text: impl Into<String>) -> Place {
    Place { side: Side::New, span, text: text.into() }
}

/// A path as it is shown, alike on all systems.
fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
