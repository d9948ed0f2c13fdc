//! The page of one IDL file: its constants, enums, typedefs, structs, services and scopes.

use thriftwood_idl::model::{
    Annotations, Const, ConstId, DefKind, Enum, File, FileId, ServiceId, StructKind, TypeId, Typedef,
};

use super::markup::Html;
use super::places::Target;
use super::table::{name, row, table};
use super::{Site, page, scopes, services, structs, types, values};

/// The whole page.
pub(super) fn page(site: &Site<'_>, id: FileId) -> String {
    let def = site.model.file(id);
    let sections = sections(id, def);
    let contents = |h: &mut Html| {
        for section in &sections {
            page::contents(h, site, id, section.anchor, section.title, &section.entries);
        }
    };
    page::page(site, site.places.label(id), contents, |h| {
        h.leaf("h1", &[], site.places.label(id));
        facts(h, site, id, def);
        for section in sections.iter().filter(|section| !section.entries.is_empty()) {
            h.element("section", &[("aria-labelledby", section.anchor)], |h| {
                h.leaf("h2", &[("id", section.anchor)], section.title);
                match section.anchor {
                    "constants" => constants(h, site, id, &def.consts),
                    "typedefs" => typedefs(h, site, id, &def.typedefs),
                    _ => {
                        for (target, ..) in &section.entries {
                            h.element("div", &[("class", "definition")], |h| definition(h, site, def, *target));
                        }
                    }
                }
            });
        }
        if sections.iter().all(|section| section.entries.is_empty()) {
            h.leaf("p", &[("class", "quiet")], "This file defines nothing.");
        }
    })
}

/// The definitions of one kind.
pub(super) struct Section<'m> {
    anchor: &'static str,
    title: &'static str,
    pub(super) entries: Vec<(Target, &'m str, &'m Annotations, Option<&'m str>)>,
}

/// The definitions of a file by kind, in the order in which they are shown.
pub(super) fn sections(file: FileId, def: &File) -> [Section<'_>; 6] {
    let ty = |kind, index| Target::Type(TypeId { file, kind, index });
    /// The entries of one list of a file.
    macro_rules! entries {
        ($list:expr, $target:expr) => {
            (0..)
                .zip(&$list)
                .map(|(index, def)| ($target(index), &*def.name, &def.annotations, def.doc.as_deref()))
                .collect()
        };
    }
    let section = |anchor, title, entries| Section { anchor, title, entries };
    [
        section("constants", "Constants", entries!(def.consts, |index| Target::Const(ConstId { file, index }))),
        section("enums", "Enums", entries!(def.enums, |index| ty(DefKind::Enum, index))),
        section("typedefs", "Typedefs", entries!(def.typedefs, |index| ty(DefKind::Typedef, index))),
        section("structs", kinds(def), entries!(def.structs, |index| ty(DefKind::Struct, index))),
        section("services", "Services", entries!(def.services, |index| Target::Service(ServiceId { file, index }))),
        section("scopes", "Scopes", entries!(def.scopes, |index| Target::Scope(file, index))),
    ]
}

/// What to call the structs of a file.
fn kinds(def: &File) -> &'static str {
    let has = |kind| def.structs.iter().any(|def| def.kind == kind);
    match (has(StructKind::Struct), has(StructKind::Union), has(StructKind::Exception)) {
        (_, false, false) => "Structs",
        (true, true, false) => "Structs and unions",
        (true, false, true) => "Structs and exceptions",
        (false, true, false) => "Unions",
        (false, false, true) => "Exceptions",
        (false, true, true) => "Unions and exceptions",
        (true, true, true) => "Structs, unions and exceptions",
    }
}

/// Namespaces, includes, included by.
fn facts(h: &mut Html, site: &Site<'_>, id: FileId, def: &File) {
    let links = |h: &mut Html, files: &mut dyn Iterator<Item = FileId>| {
        for (number, file) in files.enumerate() {
            h.text(if number == 0 { "" } else { ", " });
            h.link(site.places.page(file), site.places.label(file));
        }
    };
    if def.namespaces.is_empty() && def.includes.is_empty() && site.uses.of_file(id).is_empty() {
        return;
    }
    h.element("dl", &[("class", "facts")], |h| {
        if !def.namespaces.is_empty() {
            page::fact(h, "Namespace", |h| {
                for (number, namespace) in def.namespaces.iter().enumerate() {
                    h.text(if number == 0 { "" } else { ", " });
                    h.leaf("code", &[], &namespace.name);
                    if namespace.scope != "*" {
                        h.text(&format!(" for {}", namespace.scope));
                    }
                }
            });
        }
        if !def.includes.is_empty() {
            page::fact(h, "Includes", |h| links(h, &mut def.includes.iter().map(|include| include.file)));
        }
        if !site.uses.of_file(id).is_empty() {
            page::fact(h, "Included by", |h| links(h, &mut site.uses.of_file(id).iter().copied()));
        }
    });
}

fn definition(h: &mut Html, site: &Site<'_>, def: &File, target: Target) {
    match target {
        Target::Type(id) if id.kind == DefKind::Enum => enumeration(h, site, id, &def.enums[id.index as usize]),
        Target::Type(id) if id.kind == DefKind::Struct => {
            structs::structure(h, site, id, &def.structs[id.index as usize]);
        }
        Target::Service(id) => services::service(h, site, id, &def.services[id.index as usize]),
        Target::Scope(file, index) => scopes::scope(h, site, file, index, &def.scopes[index]),
        // Constants and typedefs are in tables, the rest is shown with what it belongs to.
        _ => {}
    }
}

fn constants(h: &mut Html, site: &Site<'_>, file: FileId, defs: &[Const]) {
    let id = |index| ConstId { file, index };
    let used = (0..).zip(defs).any(|(index, _)| !site.uses.of_const(id(index)).is_empty());
    let about = used || defs.iter().any(|def| page::says_something(&def.annotations, def.doc.as_deref()));
    table(h, &["Name", "Type", "Value"], about, |h| {
        for (index, def) in (0..).zip(defs) {
            let anchor = Some(site.places.anchor(Target::Const(id(index))));
            row(h, anchor, |h| {
                name(h, anchor, &def.name, types::deprecated(&def.annotations, def.doc.as_deref()).is_some());
                h.element("td", &[("class", "type")], |h| {
                    h.element("code", &[], |h| types::ty(h, site, file, &def.ty));
                });
                h.element("td", &[("class", "type")], |h| {
                    h.element("code", &[], |h| values::value(h, site, file, &def.value));
                });
                if about {
                    h.element("td", &[("class", "about")], |h| {
                        page::about(h, site, file, &def.annotations, def.doc.as_deref());
                        types::uses(h, site, file, "Used by", site.uses.of_const(id(index)));
                    });
                }
            });
        }
    });
}

fn typedefs(h: &mut Html, site: &Site<'_>, file: FileId, defs: &[Typedef]) {
    let id = |index| TypeId { file, kind: DefKind::Typedef, index };
    let used = (0..).zip(defs).any(|(index, _)| !site.uses.of_type(id(index)).is_empty());
    let about = used || defs.iter().any(|def| page::says_something(&def.annotations, def.doc.as_deref()));
    table(h, &["Name", "Type"], about, |h| {
        for (index, def) in (0..).zip(defs) {
            let anchor = Some(site.places.anchor(Target::Type(id(index))));
            row(h, anchor, |h| {
                name(h, anchor, &def.name, types::deprecated(&def.annotations, def.doc.as_deref()).is_some());
                h.element("td", &[("class", "type")], |h| {
                    h.element("code", &[], |h| types::ty(h, site, file, &def.target));
                });
                if about {
                    h.element("td", &[("class", "about")], |h| {
                        page::about(h, site, file, &def.annotations, def.doc.as_deref());
                        types::uses(h, site, file, "Used by", site.uses.of_type(id(index)));
                    });
                }
            });
        }
    });
}

fn enumeration(h: &mut Html, site: &Site<'_>, id: TypeId, def: &Enum) {
    page::heading(h, site, "h3", Target::Type(id), "enum", &def.name, |_| {});
    page::about(h, site, id.file, &def.annotations, def.doc.as_deref());
    if def.values.is_empty() {
        h.leaf("p", &[("class", "quiet")], "It has no values.");
    } else {
        let about = def.values.iter().any(|value| page::says_something(&value.annotations, value.doc.as_deref()));
        table(h, &["Number", "Name"], about, |h| {
            for (index, value) in def.values.iter().enumerate() {
                let anchor = Some(site.places.anchor(Target::Member(id, index)));
                row(h, anchor, |h| {
                    h.leaf("td", &[("class", "id")], &value.number.to_string());
                    name(h, anchor, &value.name, types::deprecated(&value.annotations, value.doc.as_deref()).is_some());
                    if about {
                        h.element("td", &[("class", "about")], |h| {
                            page::about(h, site, id.file, &value.annotations, value.doc.as_deref());
                        });
                    }
                });
            }
        });
    }
    types::uses(h, site, id.file, "Used by", site.uses.of_type(id));
}
