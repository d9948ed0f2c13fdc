//! Types as the IDL writes them, every name a link to its definition.

use thriftwood_idl::model::{Annotations, FileId, Model, Type, TypeId};

use super::Site;
use super::markup::Html;
use super::places::Target;
use super::uses::Use;

/// A type, as the file `from` would write it.
pub(super) fn ty(h: &mut Html, site: &Site<'_>, from: FileId, ty: &Type) {
    let inner = |h: &mut Html, inner: &Type| self::ty(h, site, from, inner);
    match ty {
        Type::Base(base) => h.leaf("span", &[("class", "base")], base.keyword()),
        Type::List(element) => {
            h.text("list<");
            inner(h, element);
            h.text(">");
        }
        Type::Set(element) => {
            h.text("set<");
            inner(h, element);
            h.text(">");
        }
        Type::Map(key, value) => {
            h.text("map<");
            inner(h, key);
            h.text(", ");
            inner(h, value);
            h.text(">");
        }
        Type::Named(id) => {
            h.link(
                &site.places.href(Some(from), Target::Type(*id)),
                &qualified(site.model, from, id.file, named(site, *id)),
            );
        }
    }
}

/// The type as text.
pub(super) fn plain(site: &Site<'_>, from: FileId, ty: &Type) -> String {
    match ty {
        Type::Base(base) => base.keyword().to_owned(),
        Type::List(element) => format!("list<{}>", plain(site, from, element)),
        Type::Set(element) => format!("set<{}>", plain(site, from, element)),
        Type::Map(key, value) => format!("map<{}, {}>", plain(site, from, key), plain(site, from, value)),
        Type::Named(id) => qualified(site.model, from, id.file, named(site, *id)),
    }
}

fn named<'m>(site: &Site<'m>, id: TypeId) -> &'m str {
    site.model.type_name(id)
}

/// A name of `file`, with that file's name before it where it is another than `from`.
pub(super) fn qualified(model: &Model, from: FileId, file: FileId, name: &str) -> String {
    if file == from { name.to_owned() } else { format!("{}.{name}", model.file(file).name) }
}

/// Why something should no longer be used; empty where no reason is given. From the annotation, or from the doc
/// comment's `@deprecated`.
pub(super) fn deprecated<'a>(annotations: &'a Annotations, doc: Option<&'a str>) -> Option<&'a str> {
    annotations.get("deprecated").or_else(|| {
        let tag = doc?.lines().find_map(|line| line.trim().strip_prefix("@deprecated"))?;
        Some(tag.trim())
    })
}

/// A link to something by its name, crossed out when it is `old`.
pub(super) fn name_link(h: &mut Html, href: &str, name: &str, old: bool) {
    h.element("a", &[("href", href)], |h| if old { h.leaf("s", &[], name) } else { h.text(name) });
}

/// The badge of what is deprecated, with the reason where there is one.
pub(super) fn deprecation(h: &mut Html, annotations: &Annotations, doc: Option<&str>) {
    let Some(reason) = deprecated(annotations, doc) else { return };
    h.element("p", &[("class", "deprecated")], |h| {
        h.leaf("strong", &[], "Deprecated");
        // The doc comment shows its own reason.
        if annotations.has("deprecated") && !reason.is_empty() {
            h.text(": ");
            h.text(reason);
        }
    });
}

/// The annotations that have no other place on the page.
pub(super) fn annotations(h: &mut Html, annotations: &Annotations) {
    let mut shown = annotations.0.iter().filter(|of| !matches!(&*of.name, "deprecated" | "example")).peekable();
    if shown.peek().is_none() {
        return;
    }
    h.element("p", &[("class", "annotations")], |h| {
        h.leaf("span", &[("class", "label")], "Annotations");
        for annotation in shown {
            h.text(" ");
            h.element("code", &[], |h| {
                h.text(&annotation.name);
                if !annotation.value.is_empty() {
                    h.text(&format!(" = {:?}", annotation.value));
                }
            });
        }
    });
}

/// More uses than this are folded away.
const SHOWN_USES: usize = 12;

/// Links to the places that refer to a definition; nothing where there is none.
pub(super) fn uses(h: &mut Html, site: &Site<'_>, from: FileId, what: &str, uses: &[Use]) {
    if uses.is_empty() {
        return;
    }
    let links = |h: &mut Html, uses: &[Use]| {
        for (number, of) in uses.iter().enumerate() {
            h.text(if number == 0 { " " } else { ", " });
            let name = qualified(site.model, from, of.target.file(), &of.name);
            h.element("code", &[], |h| h.link(&site.places.href(Some(from), of.target), &name));
        }
    };
    if uses.len() <= SHOWN_USES {
        h.element("p", &[("class", "uses")], |h| {
            h.leaf("span", &[("class", "label")], what);
            links(h, uses);
        });
    } else {
        h.element("details", &[("class", "uses")], |h| {
            h.leaf("summary", &[], &format!("{what} {} places", uses.len()));
            h.element("p", &[], |h| links(h, uses));
        });
    }
}
