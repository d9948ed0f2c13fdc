//! What may be written at a place: types, services, values and keywords, as its context asks for.

use std::fs;
use std::path::Path;

use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, Documentation, MarkupContent, MarkupKind, Position,
    TextEdit, Uri,
};
use thriftwood_idl::index::{Declaration, DeclarationId, Kind};
use thriftwood_idl::model::StructKind;
use thriftwood_idl::source::Span;

use super::analysis::Analysis;
use super::context::{Context, Place, Wanted};
use super::hover;
use super::workspace::is_idl;

const BASE_TYPES: &[&str] =
    &["bool", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid", "list", "set", "map"];
const DEFINITIONS: &[&str] =
    &["namespace", "include", "const", "typedef", "enum", "struct", "union", "exception", "service", "scope"];
const LANGUAGES: &[&str] = &["*", "rs", "go", "java", "py", "dart", "cpp", "js", "netstd"];

/// What may be written at a place. The items replace what of a word stands there already.
pub(super) fn complete(
    analysis: &Analysis,
    uri: &Uri,
    position: Position,
    include_dirs: &[impl AsRef<Path>],
) -> Vec<CompletionItem> {
    let Some(source) = analysis.source(uri) else { return Vec::new() };
    let text = analysis.all(source);
    let offset = analysis.offset(source, position);
    let Context { start, place } = Context::at(text, offset);
    let span = Span { source, start: number(start), end: number(offset) };
    let mut items = Items { analysis, source, items: Vec::new() };
    match place {
        Place::Nothing => {}
        Place::Definition => items.words(DEFINITIONS),
        Place::Word(word) => items.words(&[word]),
        Place::Language => items.words(LANGUAGES),
        Place::Type => items.types(),
        Place::Field => {
            items.types();
            items.words(&["required", "optional"]);
        }
        Place::Function => {
            items.types();
            items.words(&["void", "oneway"]);
        }
        Place::Exception => items.named(|_, kind| *kind == Kind::Struct(StructKind::Exception)),
        Place::Service => items.named(|_, kind| *kind == Kind::Service),
        Place::Value(wanted) => items.values(&wanted, &text[start..offset]),
        Place::IncludePath => {
            let folders = analysis.path(source).and_then(Path::parent).into_iter();
            for folder in folders.chain(include_dirs.iter().map(AsRef::as_ref)) {
                items.files(folder, &text[start..offset]);
            }
        }
    }
    let range = analysis.range(span);
    let with_edit = |mut item: CompletionItem| {
        item.text_edit = Some(TextEdit { range, new_text: item.label.clone() }.into());
        item
    };
    items.items.into_iter().map(with_edit).collect()
}

struct Items<'a> {
    analysis: &'a Analysis,
    source: u32,
    items: Vec<CompletionItem>,
}

impl Items<'_> {
    fn words(&mut self, words: &[&str]) {
        for word in words {
            self.push(word, CompletionItemKind::Keyword, "2");
        }
    }

    fn types(&mut self) {
        self.named(|_, kind| kind.is_type());
        self.words(BASE_TYPES);
    }

    /// The visible declarations of a kind, with the name of their file where it has to be written.
    fn named(&mut self, wanted: impl Fn(DeclarationId, &Kind) -> bool) {
        let analysis = self.analysis;
        for (include, id, declaration) in analysis.index.visible(self.source) {
            if wanted(id, &declaration.kind) {
                self.declaration(&qualified(include, &declaration.name), id, declaration, "1");
            }
        }
    }

    /// The values that fit what is wanted first, then constants and the values of the enum whose name stands there.
    fn values(&mut self, wanted: &Wanted, typed: &str) {
        let analysis = self.analysis;
        let index = &analysis.index;
        let written = typed.rsplit_once('.').map(|(owner, _)| owner);
        for (include, id, declaration) in index.visible(self.source) {
            let name = qualified(include, &declaration.name);
            let resolved = index.resolved(id);
            if declaration.kind == Kind::Const {
                self.declaration(&name, id, declaration, "1");
            } else if wanted.names(&name) || written == Some(&name) {
                for (id, value) in index.members(resolved).filter(|(_, each)| matches!(each.kind, Kind::EnumValue(_))) {
                    self.declaration(&format!("{name}.{}", value.name), id, value, "0");
                }
            }
        }
        if wanted.names("bool") {
            for word in ["true", "false"] {
                self.push(word, CompletionItemKind::Value, "0");
            }
        }
    }

    /// The folders and IDL files that a path may go on with.
    fn files(&mut self, folder: &Path, typed: &str) {
        let within = typed.rsplit_once('/').map_or("", |(within, _)| within);
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.join(within)).into_iter().flatten().flatten().take(1000) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
            if entry.path().is_dir() && !name.starts_with('.') {
                names.push((format!("{path}/"), CompletionItemKind::Folder));
            } else if is_idl(Path::new(&name)) {
                names.push((path, CompletionItemKind::File));
            }
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in names {
            self.push(&name, kind, "1");
        }
    }

    fn declaration(&mut self, label: &str, id: DeclarationId, declaration: &Declaration, rank: &str) {
        let kind = match declaration.kind {
            Kind::Enum => CompletionItemKind::Enum,
            Kind::EnumValue(_) => CompletionItemKind::EnumMember,
            Kind::Const => CompletionItemKind::Constant,
            Kind::Service => CompletionItemKind::Interface,
            Kind::Typedef => CompletionItemKind::Class,
            _ => CompletionItemKind::Struct,
        };
        let item = self.push(label, kind, rank);
        item.tags = declaration.deprecated.as_ref().map(|_| vec![CompletionItemTag::Deprecated]);
        let (analysis, source) = (self.analysis, self.source);
        let line = hover::line(analysis, id, declaration);
        let value = hover::described(analysis, id, Some(source));
        if let Some(item) = self.items.last_mut() {
            item.detail = Some(line);
            item.documentation =
                value.map(|value| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value }));
        }
    }

    /// Adds an item; the lower its rank, the further up it is shown.
    fn push(&mut self, label: &str, kind: CompletionItemKind, rank: &str) -> &mut CompletionItem {
        self.items.push(CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            sort_text: Some(format!("{rank}{label}")),
            ..CompletionItem::default()
        });
        let last = self.items.len() - 1;
        &mut self.items[last]
    }
}

fn qualified(include: Option<&str>, name: &str) -> String {
    include.map_or_else(|| name.to_owned(), |include| format!("{include}.{name}"))
}

fn number(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
