//! The first page: every file with its namespace, every service and every scope.

use thriftwood_idl::model::{File, FileId, ServiceId};

use super::markup::Html;
use super::places::Target;
use super::table::{row, table};
use super::{Site, file, page, scopes, text, types};

/// The whole page.
pub(super) fn page(site: &Site<'_>) -> String {
    let files = sorted(site);
    let title = page::site_name(site);
    let contents = |h: &mut Html| {
        h.leaf("a", &[("class", "group"), ("href", "#files")], "Files");
        h.element("ul", &[], |h| {
            for (id, _) in &files {
                h.element("li", &[], |h| h.link(site.places.page(*id), site.places.label(*id)));
            }
        });
        for (anchor, title, any) in [
            ("services", "Services", files.iter().any(|(_, def)| !def.services.is_empty())),
            ("scopes", "Scopes", files.iter().any(|(_, def)| !def.scopes.is_empty())),
        ] {
            if any {
                h.leaf("a", &[("class", "group"), ("href", &format!("#{anchor}"))], title);
            }
        }
    };
    page::page(site, &title, contents, |h| {
        h.leaf("h1", &[], &title);
        h.leaf("p", &[("class", "lead")], &lead(site));
        file_table(h, site, &files);
        services(h, site, &files);
        scopes(h, site, &files);
    })
}

/// The files by name.
fn sorted<'m>(site: &Site<'m>) -> Vec<(FileId, &'m File)> {
    let mut files: Vec<_> = site.model.files().collect();
    files.sort_by(|(a, _), (b, _)| site.places.label(*a).cmp(site.places.label(*b)));
    files
}

/// How much there is of everything.
fn lead(site: &Site<'_>) -> String {
    let files = &site.model.files;
    let sum = |count: fn(&File) -> usize| files.iter().map(count).sum::<usize>();
    let counts = [
        (files.len(), "file"),
        (
            sum(|file| file.consts.len() + file.enums.len() + file.typedefs.len() + file.structs.len()),
            "type or constant",
        ),
        (sum(|file| file.services.len()), "service"),
        (sum(|file| file.scopes.len()), "scope"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| many(count, what));
    format!("{}.", counts.collect::<Vec<_>>().join(", "))
}

/// `1 file`, `2 files`
fn many(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "type or constant") => format!("{count} types and constants"),
        _ => format!("{count} {what}s"),
    }
}

fn file_table(h: &mut Html, site: &Site<'_>, files: &[(FileId, &File)]) {
    h.element("section", &[("aria-labelledby", "files")], |h| {
        h.leaf("h2", &[("id", "files")], "Files");
        table(h, &["File", "Namespace", "Defines"], false, |h| {
            for (id, def) in files {
                row(h, None, |h| {
                    h.element("td", &[("class", "name")], |h| h.link(site.places.page(*id), site.places.label(*id)));
                    h.element("td", &[("class", "type")], |h| namespaces(h, def));
                    h.element("td", &[("class", "about")], |h| h.text(&defines(*id, def)));
                });
            }
        });
    });
}

fn namespaces(h: &mut Html, def: &File) {
    // Most files give every language the same one.
    let mut names: Vec<&str> = Vec::new();
    for namespace in &def.namespaces {
        if !names.contains(&namespace.name.as_str()) {
            names.push(&namespace.name);
        }
    }
    for (number, name) in names.into_iter().enumerate() {
        h.text(if number == 0 { "" } else { ", " });
        h.leaf("code", &[], name);
    }
}

/// `1 enum, 3 structs`
fn defines(id: FileId, def: &File) -> String {
    let one = ["constant", "enum", "typedef", "struct", "service", "scope"];
    let counts = file::sections(id, def).into_iter().zip(one).map(|(section, what)| (section.entries.len(), what));
    let counts = counts.filter(|(count, _)| *count > 0).map(|(count, what)| many(count, what));
    counts.collect::<Vec<_>>().join(", ")
}

fn services(h: &mut Html, site: &Site<'_>, files: &[(FileId, &File)]) {
    if files.iter().all(|(_, def)| def.services.is_empty()) {
        return;
    }
    h.element("section", &[("aria-labelledby", "services")], |h| {
        h.leaf("h2", &[("id", "services")], "Services");
        for (file, def) in files {
            for (index, def) in (0..).zip(&def.services) {
                let id = ServiceId { file: *file, index };
                h.element("div", &[("class", "card")], |h| {
                    title(h, site, Target::Service(id), &def.name, def.doc.as_deref());
                    h.element("p", &[("class", "links")], |h| {
                        for (number, function) in def.functions.iter().enumerate() {
                            h.text(if number == 0 { "" } else { " " });
                            let href = site.places.href(None, Target::Function(id, number));
                            let old = types::deprecated(&function.annotations, function.doc.as_deref()).is_some();
                            h.element("code", &[], |h| types::name_link(h, &href, &function.name, old));
                        }
                    });
                });
            }
        }
    });
}

fn scopes(h: &mut Html, site: &Site<'_>, files: &[(FileId, &File)]) {
    if files.iter().all(|(_, def)| def.scopes.is_empty()) {
        return;
    }
    h.element("section", &[("aria-labelledby", "scopes")], |h| {
        h.leaf("h2", &[("id", "scopes")], "Scopes");
        for (file, def) in files {
            for (index, def) in def.scopes.iter().enumerate() {
                h.element("div", &[("class", "card")], |h| {
                    title(h, site, Target::Scope(*file, index), &def.name, def.doc.as_deref());
                    h.element("p", &[("class", "links")], |h| {
                        for (number, operation) in def.operations.iter().enumerate() {
                            h.text(if number == 0 { "" } else { " " });
                            let href = site.places.href(None, Target::Operation(*file, index, number));
                            let old = types::deprecated(&operation.annotations, operation.doc.as_deref()).is_some();
                            let topic = scopes::topic(def, &operation.name);
                            h.element("code", &[], |h| types::name_link(h, &href, &topic, old));
                        }
                    });
                });
            }
        }
    });
}

/// The name of a service or scope, its file, and what it is for.
fn title(h: &mut Html, site: &Site<'_>, target: Target, name: &str, doc: Option<&str>) {
    h.element("h3", &[], |h| {
        h.link(&site.places.href(None, target), name);
        h.text(" ");
        h.leaf("small", &[], site.places.label(target.file()));
    });
    let summary = text::summary(doc);
    if !summary.is_empty() {
        h.leaf("p", &[("dir", "auto")], &summary);
    }
}
