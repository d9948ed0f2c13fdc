//! Services: what they extend, and for each function its signature, its errors and an example of a call.

use thriftwood_idl::model::{Field, FileId, Function, Requiredness, Service, ServiceId, Type};

use super::markup::Html;
use super::places::Target;
use super::{Site, example, page, structs, text, types, values};

/// A service on its file's page.
pub(super) fn service(h: &mut Html, site: &Site<'_>, id: ServiceId, def: &Service) {
    let from = id.file;
    page::heading(h, site, "h3", Target::Service(id), "service", &def.name, |h| {
        if let Some(base) = def.extends {
            h.leaf("span", &[("class", "keyword")], " extends ");
            service_link(h, site, from, base);
        }
    });
    page::about(h, site, from, &def.annotations, def.doc.as_deref());
    types::uses(h, site, from, "Extended by", site.uses.of_service(id));
    inherited(h, site, from, def);
    for (index, function) in def.functions.iter().enumerate() {
        h.element("div", &[("class", "member")], |h| self::function(h, site, id, index, function));
    }
    if def.functions.is_empty() {
        h.leaf("p", &[("class", "quiet")], "It has no functions of its own.");
    }
}

fn service_link(h: &mut Html, site: &Site<'_>, from: FileId, id: ServiceId) {
    let name = types::qualified(site.model, from, id.file, &site.model.service(id).name);
    h.link(&site.places.href(Some(from), Target::Service(id)), &name);
}

/// The functions that a service has from those it extends, the nearest first.
fn inherited(h: &mut Html, site: &Site<'_>, from: FileId, def: &Service) {
    let mut next = def.extends;
    while let Some(id) = next {
        let base = site.model.service(id);
        if !base.functions.is_empty() {
            h.element("p", &[("class", "uses")], |h| {
                h.leaf("span", &[("class", "label")], "From");
                h.text(" ");
                h.element("code", &[], |h| service_link(h, site, from, id));
                for (number, function) in base.functions.iter().enumerate() {
                    h.text(if number == 0 { ": " } else { ", " });
                    let href = site.places.href(Some(from), Target::Function(id, number));
                    h.element("code", &[], |h| h.link(&href, &function.name));
                }
            });
        }
        next = base.extends;
    }
}

fn function(h: &mut Html, site: &Site<'_>, id: ServiceId, index: usize, def: &Function) {
    let from = id.file;
    page::heading(h, site, "h4", Target::Function(id, index), "", &def.name, |h| {
        if def.oneway {
            h.text(" ");
            h.leaf("span", &[("class", "badge")], "oneway");
        }
    });
    h.element("pre", &[("class", "signature"), ("tabindex", "0")], |h| {
        h.element("code", &[], |h| signature(h, site, from, def));
    });
    page::about(h, site, from, &def.annotations, def.doc.as_deref());
    // The signature says the rest.
    if def.args.iter().any(|arg| arg.doc.is_some() || !arg.annotations.0.is_empty()) {
        let presence = def.args.iter().any(|arg| arg.requiredness != Requiredness::Default);
        structs::fields(h, site, from, &def.args, presence, |_| None);
    }
    throws(h, site, from, def);
    h.element("p", &[("class", "uses")], |h| {
        h.leaf("span", &[("class", "label")], "On the wire");
        h.text(" ");
        h.leaf("code", &[], &def.wire_name());
        if def.oneway {
            h.text(", and nobody waits for an answer");
        }
    });
    page::folded(h, "Example call in JSON", false, |h| call(h, site, def));
}

/// The longest signature that stays on one line, in characters.
const WIDTH: usize = 84;

/// The function as the IDL declares it: on one line, or an argument a line.
fn signature(h: &mut Html, site: &Site<'_>, from: FileId, def: &Function) {
    if def.oneway {
        h.leaf("span", &[("class", "keyword")], "oneway ");
    }
    match &def.returns {
        Some(ty) => types::ty(h, site, from, ty),
        None => h.leaf("span", &[("class", "base")], "void"),
    }
    h.text(" ");
    h.leaf("strong", &[], &def.name);
    let (own, thrown) = (width(site, from, def, &def.args), width(site, from, def, &def.throws));
    arguments(h, site, from, &def.args, own <= WIDTH, false);
    if !def.throws.is_empty() {
        let on_its_own_line = own <= WIDTH && own + thrown > WIDTH;
        h.text(if on_its_own_line { "\n    " } else { " " });
        h.leaf("span", &[("class", "keyword")], "throws ");
        arguments(h, site, from, &def.throws, true, true);
    }
}

fn arguments(h: &mut Html, site: &Site<'_>, from: FileId, fields: &[Field], fits: bool, thrown: bool) {
    h.text("(");
    for (number, field) in fields.iter().enumerate() {
        match (fits, number) {
            (true, 0) => {}
            (true, _) => h.text(", "),
            (false, _) => h.text("\n    "),
        }
        h.text(&format!("{}: ", field.id));
        match field.requiredness {
            Requiredness::Required => h.leaf("span", &[("class", "keyword")], "required "),
            // Whatever is thrown is optional; the IDL does not say it.
            Requiredness::Optional if !thrown => h.leaf("span", &[("class", "keyword")], "optional "),
            _ => {}
        }
        types::ty(h, site, from, &field.ty);
        h.text(&format!(" {}", field.name));
        if let Some(default) = &field.default {
            h.text(" = ");
            values::value(h, site, from, default);
        }
        if !fits {
            h.text(",");
        }
    }
    if !fits && !fields.is_empty() {
        h.text("\n");
    }
    h.text(")");
}

/// About how wide the signature is on one line with these of its fields.
fn width(site: &Site<'_>, from: FileId, def: &Function, fields: &[Field]) -> usize {
    let field = |field: &Field| {
        let default = if field.default.is_some() { 8 } else { 0 };
        types::plain(site, from, &field.ty).len() + field.name.len() + 6 + default
    };
    let returns = def.returns.as_ref().map_or(4, |ty| types::plain(site, from, ty).len());
    returns + def.name.len() + 3 + fields.iter().map(field).sum::<usize>()
}

fn throws(h: &mut Html, site: &Site<'_>, from: FileId, def: &Function) {
    if def.throws.is_empty() {
        return;
    }
    h.leaf("p", &[("class", "label")], "Throws");
    h.element("ul", &[("class", "throws")], |h| {
        for (field, id) in def.thrown() {
            h.element("li", &[], |h| {
                h.element("code", &[], |h| types::ty(h, site, from, &field.ty));
                let of_exception = site.model.structure(id).and_then(|def| def.doc.as_deref());
                let summary = text::summary(field.doc.as_deref().or(of_exception));
                if !summary.is_empty() {
                    h.text(" ");
                    h.text(&summary);
                }
            });
        }
    });
}

fn call(h: &mut Html, site: &Site<'_>, def: &Function) {
    h.leaf("p", &[("class", "label")], "Arguments");
    page::json(h, &example::of_fields(site.model, &def.args));
    if let Some(ty) = &def.returns {
        h.leaf("p", &[("class", "label")], "Result");
        result(h, site, ty);
    }
    for field in &def.throws {
        h.leaf("p", &[("class", "label")], &format!("Or the error {}", field.name));
        result(h, site, &field.ty);
    }
}

fn result(h: &mut Html, site: &Site<'_>, ty: &Type) {
    match example::of_type(site.model, ty) {
        Some(example) => page::json(h, &example),
        None => h.leaf("p", &[("class", "quiet")], "There is no value of this type that ends."),
    }
}
