//! The search's index: everything that has a name, as one script that a page loads from its own folder.

use thriftwood_idl::model::{ConstId, DefKind, File, FileId, ServiceId, TypeId};

use super::places::Target;
use super::{Site, scopes, structs, text};
use crate::json::quote;

/// The script: `window.idlIndex`, with the pages and one array for each name: kind, owner, name, page, anchor, summary.
pub(super) fn index(site: &Site<'_>) -> String {
    let mut script = String::from("window.idlIndex = {\n\"pages\": [");
    let pages: Vec<String> = site.model.files().map(|(id, _)| quote(site.places.page(id))).collect();
    script += &pages.join(", ");
    script += "],\n\"entries\": [\n";
    let mut entries = Entries { site, lines: Vec::new() };
    for (id, def) in site.model.files() {
        entries.file(id, def);
    }
    script += &entries.lines.join(",\n");
    script += "\n]};\n";
    script
}

struct Entries<'s, 'm> {
    site: &'s Site<'m>,
    lines: Vec<String>,
}

impl Entries<'_, '_> {
    fn file(&mut self, file: FileId, def: &File) {
        let label = self.site.places.label(file).to_owned();
        let namespaces: Vec<&str> = def.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
        self.line("file", "", &label, file, "", &namespaces.join(", "));
        for (index, def) in (0..).zip(&def.consts) {
            self.add("const", "", &def.name, Target::Const(ConstId { file, index }), def.doc.as_deref());
        }
        for (index, def) in (0..).zip(&def.enums) {
            let id = TypeId { file, kind: DefKind::Enum, index };
            self.add("enum", "", &def.name, Target::Type(id), def.doc.as_deref());
            for (number, value) in def.values.iter().enumerate() {
                self.add("value", &def.name, &value.name, Target::Member(id, number), value.doc.as_deref());
            }
        }
        for (index, def) in (0..).zip(&def.typedefs) {
            let id = TypeId { file, kind: DefKind::Typedef, index };
            self.add("typedef", "", &def.name, Target::Type(id), def.doc.as_deref());
        }
        for (index, def) in (0..).zip(&def.structs) {
            let id = TypeId { file, kind: DefKind::Struct, index };
            self.add(structs::keyword(def.kind), "", &def.name, Target::Type(id), def.doc.as_deref());
            for (number, field) in def.fields.iter().enumerate() {
                self.add("field", &def.name, &field.name, Target::Member(id, number), field.doc.as_deref());
            }
        }
        for (index, def) in (0..).zip(&def.services) {
            let id = ServiceId { file, index };
            self.add("service", "", &def.name, Target::Service(id), def.doc.as_deref());
            for (number, function) in def.functions.iter().enumerate() {
                let target = Target::Function(id, number);
                self.add("function", &def.name, &function.name, target, function.doc.as_deref());
            }
        }
        for (index, def) in def.scopes.iter().enumerate() {
            self.add("scope", "", &def.name, Target::Scope(file, index), def.doc.as_deref());
            for (number, operation) in def.operations.iter().enumerate() {
                let target = Target::Operation(file, index, number);
                let summary =
                    format!("{} {}", scopes::topic(def, &operation.name), text::summary(operation.doc.as_deref()));
                let anchor = self.site.places.anchor(target).to_owned();
                self.line("event", &def.name, &operation.name, file, &anchor, summary.trim());
            }
        }
    }

    fn add(&mut self, kind: &str, owner: &str, name: &str, target: Target, doc: Option<&str>) {
        let anchor = self.site.places.anchor(target).to_owned();
        self.line(kind, owner, name, target.file(), &anchor, &text::summary(doc));
    }

    fn line(&mut self, kind: &str, owner: &str, name: &str, file: FileId, anchor: &str, summary: &str) {
        let [kind, owner, name, anchor, summary] = [kind, owner, name, anchor, summary].map(quote);
        self.lines.push(format!("[{kind},{owner},{name},{},{anchor},{summary}]", file.0));
    }
}
