//! Structs, unions and exceptions: their fields, an example, and who uses them. Arguments are fields too.

use thriftwood_idl::model::{Field, FileId, Requiredness, Struct, StructKind, Type, TypeId};

use super::markup::Html;
use super::places::Target;
use super::table::{name, row, table};
use super::{Site, example, page, types, values};

/// An example of at most so many lines is shown at once.
const SHORT: usize = 18;

/// A struct, union or exception on its file's page.
pub(super) fn structure(h: &mut Html, site: &Site<'_>, id: TypeId, def: &Struct) {
    let from = id.file;
    page::heading(h, site, "h3", Target::Type(id), keyword(def.kind), &def.name, |_| {});
    page::about(h, site, from, &def.annotations, def.doc.as_deref());
    if def.fields.is_empty() {
        h.leaf("p", &[("class", "quiet")], "It has no fields.");
    } else {
        if def.kind == StructKind::Union {
            h.leaf("p", &[("class", "quiet")], "Exactly one of these is set.");
        }
        let anchor = |index| Some(site.places.anchor(Target::Member(id, index)));
        fields(h, site, from, &def.fields, def.kind != StructKind::Union, anchor);
    }
    let what = if def.kind == StructKind::Exception { "Used or thrown by" } else { "Used by" };
    types::uses(h, site, from, what, site.uses.of_type(id));
    if let Some(example) = example::of_type(site.model, &Type::Named(id)) {
        let short = example.json.lines() <= SHORT;
        page::folded(h, "Example in JSON", short, |h| page::json(h, &example));
    }
}

/// The word of the IDL.
pub(super) fn keyword(kind: StructKind) -> &'static str {
    match kind {
        StructKind::Struct => "struct",
        StructKind::Union => "union",
        StructKind::Exception => "exception",
    }
}

/// A table of fields. `presence` says whether to show if they must be there.
pub(super) fn fields<'a>(
    h: &mut Html,
    site: &Site<'_>,
    from: FileId,
    fields: &[Field],
    presence: bool,
    anchor: impl Fn(usize) -> Option<&'a str>,
) {
    let titles = ["Id", "Name", "Type", "Presence"];
    let about = fields.iter().any(|field| page::says_something(&field.annotations, field.doc.as_deref()));
    table(h, if presence { &titles } else { &titles[..3] }, about, |h| {
        for (index, field) in fields.iter().enumerate() {
            let old = types::deprecated(&field.annotations, field.doc.as_deref()).is_some();
            row(h, anchor(index), |h| {
                h.leaf("td", &[("class", "id")], &field.id.to_string());
                name(h, anchor(index), &field.name, old);
                h.element("td", &[("class", "type")], |h| {
                    h.element("code", &[], |h| typed(h, site, from, field));
                });
                if presence {
                    let (word, meaning) = presence_of(field.requiredness);
                    h.element("td", &[("class", "presence")], |h| {
                        h.leaf("span", &[("class", word), ("title", meaning)], word);
                    });
                }
                if about {
                    h.element("td", &[("class", "about")], |h| {
                        page::about(h, site, from, &field.annotations, field.doc.as_deref());
                    });
                }
            });
        }
    });
}

/// `Format = Format.CD`
fn typed(h: &mut Html, site: &Site<'_>, from: FileId, field: &Field) {
    types::ty(h, site, from, &field.ty);
    if let Some(default) = &field.default {
        h.text(" = ");
        values::value(h, site, from, default);
    }
}

fn presence_of(requiredness: Requiredness) -> (&'static str, &'static str) {
    match requiredness {
        Requiredness::Required => ("required", "Always written; a struct without it cannot be read"),
        Requiredness::Optional => ("optional", "Written only when it is set"),
        Requiredness::Default => ("default", "Always written, tolerated when it is absent"),
    }
}
