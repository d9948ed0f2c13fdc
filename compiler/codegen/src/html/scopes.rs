//! Scopes: their topics and the variables in them, and for each operation what is published.

use thriftwood_idl::model::{FileId, Operation, PrefixToken, Scope};

use super::markup::Html;
use super::places::Target;
use super::{Site, example, page, types};

/// A scope on its file's page.
pub(super) fn scope(h: &mut Html, site: &Site<'_>, from: FileId, index: usize, def: &Scope) {
    page::heading(h, site, "h3", Target::Scope(from, index), "scope", &def.name, |_| {});
    page::about(h, site, from, &def.annotations, def.doc.as_deref());
    let variables: Vec<&str> = def.prefix.variables().collect();
    if !variables.is_empty() {
        h.element("p", &[], |h| {
            h.leaf("span", &[("class", "label")], if variables.len() == 1 { "Variable" } else { "Variables" });
            for (number, name) in variables.iter().enumerate() {
                h.text(if number == 0 { " " } else { ", " });
                h.element("code", &[], |h| h.leaf("var", &[], &format!("{{{name}}}")));
            }
            h.text(". The publisher gives a value; the subscriber too, or ");
            h.leaf("code", &[], "*");
            h.text(" to take every value.");
        });
    }
    for (number, operation) in def.operations.iter().enumerate() {
        h.element("div", &[("class", "member")], |h| self::operation(h, site, from, index, number, def, operation));
    }
    if def.operations.is_empty() {
        h.leaf("p", &[("class", "quiet")], "It has no operations.");
    }
}

fn operation(h: &mut Html, site: &Site<'_>, from: FileId, scope: usize, index: usize, of: &Scope, def: &Operation) {
    page::heading(h, site, "h4", Target::Operation(from, scope, index), "", &def.name, |_| {});
    h.element("pre", &[("class", "signature"), ("tabindex", "0")], |h| {
        h.element("code", &[], |h| {
            h.leaf("strong", &[], &def.name);
            h.text(": ");
            types::ty(h, site, from, &def.ty);
        });
    });
    page::about(h, site, from, &def.annotations, def.doc.as_deref());
    h.element("p", &[("class", "uses")], |h| {
        h.leaf("span", &[("class", "label")], "Topic");
        h.text(" ");
        h.element("code", &[("class", "topic")], |h| topic_marked(h, of, &def.name));
    });
    if let Some(example) = example::of_type(site.model, &def.ty) {
        page::folded(h, "Example payload in JSON", false, |h| page::json(h, &example));
    }
}

/// The topic of an operation, its variables in braces: `v1.music.{region}.AlbumWinners.Winner`.
pub(super) fn topic(of: &Scope, operation: &str) -> String {
    let tokens = of.prefix.tokens.iter().map(|token| match token {
        PrefixToken::Literal(text) => text.clone(),
        PrefixToken::Variable(name) => format!("{{{name}}}"),
    });
    tokens.chain([topic_name(&of.name), operation.to_owned()]).collect::<Vec<_>>().join(".")
}

fn topic_marked(h: &mut Html, of: &Scope, operation: &str) {
    for token in &of.prefix.tokens {
        match token {
            PrefixToken::Literal(text) => h.text(text),
            PrefixToken::Variable(name) => h.leaf("var", &[], &format!("{{{name}}}")),
        }
        h.text(".");
    }
    h.text(&format!("{}.{operation}", topic_name(&of.name)));
}

/// The scope's name as it stands in topics: with its first letter in upper case.
fn topic_name(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
