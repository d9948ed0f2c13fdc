//! Where everything is found: the page of each file and the anchor of each definition.
//!
//! Anchors are Frugal's (`struct_Album`, `fn_Store_buyAlbum`) where Frugal has one, so that links into its pages lead to the
//! same definition here. Two names that would share an anchor do not: the later one has a number after it.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

use thriftwood_idl::model::{ConstId, DefKind, File, FileId, Model, ServiceId, TypeId};

/// The pages and anchors of a site.
pub(super) struct Places {
    files: Vec<FilePlaces>,
}

struct FilePlaces {
    page: String,
    label: String,
    consts: Vec<String>,
    typedefs: Vec<String>,
    enums: Vec<Group>,
    structs: Vec<Group>,
    services: Vec<Group>,
    scopes: Vec<Group>,
    /// The anchors by what people write for them: `Album`, `Album.asin`.
    names: HashMap<String, String>,
}

/// The anchor of a definition and those of what it holds.
struct Group {
    own: String,
    members: Vec<String>,
}

/// Something that has an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Const(ConstId),
    Type(TypeId),
    Service(ServiceId),
    Scope(FileId, usize),
    /// A value of an enum or a field of a struct.
    Member(TypeId, usize),
    Function(ServiceId, usize),
    Operation(FileId, usize, usize),
}

impl Target {
    /// The file whose page it is on.
    pub(super) fn file(self) -> FileId {
        match self {
            Target::Const(id) => id.file,
            Target::Type(id) | Target::Member(id, _) => id.file,
            Target::Service(id) | Target::Function(id, _) => id.file,
            Target::Scope(file, _) | Target::Operation(file, _, _) => file,
        }
    }
}

impl Places {
    pub(super) fn new(model: &Model) -> Self {
        let names = page_names(model);
        let files = model.files.iter().zip(names).map(|(file, (page, label))| FilePlaces::new(file, page, label));
        Self { files: files.collect() }
    }

    /// The name of a file's page.
    pub(super) fn page(&self, file: FileId) -> &str {
        &self.of(file).page
    }

    /// What a file is called: its name, with as many folders before it as it takes to tell it from the others.
    pub(super) fn label(&self, file: FileId) -> &str {
        &self.of(file).label
    }

    /// The anchor of something on its page.
    pub(super) fn anchor(&self, target: Target) -> &str {
        let file = self.of(target.file());
        match target {
            Target::Const(id) => &file.consts[id.index as usize],
            Target::Type(id) if id.kind == DefKind::Typedef => &file.typedefs[id.index as usize],
            Target::Type(id) => &file.group(id).own,
            Target::Member(id, member) => &file.group(id).members[member],
            Target::Service(id) => &file.services[id.index as usize].own,
            Target::Function(id, function) => &file.services[id.index as usize].members[function],
            Target::Scope(_, scope) => &file.scopes[scope].own,
            Target::Operation(_, scope, operation) => &file.scopes[scope].members[operation],
        }
    }

    /// The address of something, seen from the page of `from`; from the index when that is `None`.
    pub(super) fn href(&self, from: Option<FileId>, target: Target) -> String {
        let anchor = self.anchor(target);
        if from == Some(target.file()) {
            format!("#{anchor}")
        } else {
            format!("{}#{anchor}", self.page(target.file()))
        }
    }

    /// What somebody means who writes this name in a doc comment of the file: `Album`, `Album.asin`, `common.Price`.
    pub(super) fn lookup(&self, model: &Model, from: FileId, name: &str) -> Option<String> {
        let name = name.trim_end_matches("()");
        if let Some(anchor) = self.of(from).names.get(name) {
            return Some(format!("#{anchor}"));
        }
        let included = model.file(from).includes.iter().find_map(|include| {
            let rest = name.strip_prefix(model.file(include.file).name.as_str())?.strip_prefix('.')?;
            Some((include.file, rest))
        });
        let (file, name) = included?;
        self.of(file).names.get(name).map(|anchor| format!("{}#{anchor}", self.page(file)))
    }

    fn of(&self, file: FileId) -> &FilePlaces {
        &self.files[file.0 as usize]
    }
}

impl FilePlaces {
    fn new(file: &File, page: String, label: String) -> Self {
        let mut anchors = Anchors::default();
        let mut all = |prefix: &str, names: Vec<&str>| -> Vec<String> {
            names.into_iter().map(|name| anchors.give(&format!("{prefix}_{name}"), name)).collect()
        };
        let consts = all("const", file.consts.iter().map(|def| def.name.as_str()).collect());
        let typedefs = all("typedef", file.typedefs.iter().map(|def| def.name.as_str()).collect());
        let enums = all("enum", file.enums.iter().map(|def| def.name.as_str()).collect());
        let structs = all("struct", file.structs.iter().map(|def| def.name.as_str()).collect());
        let services = all("svc", file.services.iter().map(|def| def.name.as_str()).collect());
        let scopes = all("scp", file.scopes.iter().map(|def| def.name.as_str()).collect());
        // Members come after all definitions, which so have the plain anchors.
        let mut members = |prefix: &str, joint: char, owner: &str, names: Vec<&str>| -> Vec<String> {
            let member =
                |name: &str| anchors.give(&format!("{prefix}_{owner}{joint}{name}"), &format!("{owner}.{name}"));
            names.into_iter().map(member).collect()
        };
        let group = |(own, members)| Group { own, members };
        let services = services.into_iter().zip(&file.services).map(|(own, def)| {
            (own, members("fn", '_', &def.name, def.functions.iter().map(|of| of.name.as_str()).collect()))
        });
        let services = services.map(group).collect();
        let scopes = scopes.into_iter().zip(&file.scopes).map(|(own, def)| {
            (own, members("fn", '_', &def.name, def.operations.iter().map(|of| of.name.as_str()).collect()))
        });
        let scopes = scopes.map(group).collect();
        let enums = enums.into_iter().zip(&file.enums).map(|(own, def)| {
            (own, members("enum", '.', &def.name, def.values.iter().map(|of| of.name.as_str()).collect()))
        });
        let enums = enums.map(group).collect();
        let structs = structs.into_iter().zip(&file.structs).map(|(own, def)| {
            (own, members("struct", '.', &def.name, def.fields.iter().map(|of| of.name.as_str()).collect()))
        });
        let structs = structs.map(group).collect();
        Self { page, label, consts, typedefs, enums, structs, services, scopes, names: anchors.names }
    }

    fn group(&self, id: TypeId) -> &Group {
        let groups = if id.kind == DefKind::Enum { &self.enums } else { &self.structs };
        &groups[id.index as usize]
    }
}

/// The anchors given out on one page.
#[derive(Default)]
struct Anchors {
    taken: HashSet<String>,
    names: HashMap<String, String>,
}

impl Anchors {
    fn give(&mut self, wanted: &str, name: &str) -> String {
        let anchor = unique(plain(wanted), |anchor| self.taken.insert(anchor.to_owned()));
        self.names.entry(name.to_owned()).or_insert_with(|| anchor.clone());
        anchor
    }
}

/// The text with whatever is not plain in a URL and in a file name replaced.
fn plain(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' };
    text.chars().map(keep).collect()
}

/// The name, or the first of `name-2`, `name-3`, .. that is taken.
fn unique(name: String, mut take: impl FnMut(&str) -> bool) -> String {
    if take(&name) {
        return name;
    }
    let mut number = 2_u32;
    loop {
        let numbered = format!("{name}-{number}");
        if take(&numbered) {
            return numbered;
        }
        number += 1;
    }
}

/// The name of each file's page, and what the file is called.
fn page_names(model: &Model) -> Vec<(String, String)> {
    let paths: Vec<Vec<String>> = model.files.iter().map(|file| parts(&file.path)).collect();
    let stem = |parts: &[String], folders: usize| -> String {
        let start = parts.len().saturating_sub(folders + 1);
        let name = parts[start..].join(".");
        let name = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        // Some file systems do not tell `A` from `a`.
        plain(name).to_ascii_lowercase()
    };
    let deepest = paths.iter().map(Vec::len).max().unwrap_or(0);
    let mut counts: Vec<HashMap<String, usize>> = Vec::new();
    for folders in 0..deepest {
        let mut count = HashMap::new();
        for parts in &paths {
            *count.entry(stem(parts, folders)).or_default() += 1;
        }
        counts.push(count);
    }
    let mut taken = HashSet::from(["index".to_owned()]);
    let name = |parts: &Vec<String>| {
        let alone = (0..parts.len()).find(|folders| counts[*folders].get(&stem(parts, *folders)) == Some(&1));
        let folders = alone.unwrap_or(parts.len().saturating_sub(1));
        let label = parts[parts.len().saturating_sub(folders + 1)..].join("/");
        let whole = plain(&label.replace('/', "."));
        let stem = whole.rsplit_once('.').map_or(whole.as_str(), |(stem, _)| stem);
        // A name that starts with a dot would be a hidden file.
        let stem = if alone.is_some() { stem } else { &whole }.trim_start_matches('.');
        let stem = if stem.is_empty() { "_" } else { stem };
        (unique(stem.to_owned(), |name| taken.insert(name.to_ascii_lowercase())) + ".html", label)
    };
    paths.iter().map(name).collect()
}

/// The folders and the name of a path.
fn parts(path: &Path) -> Vec<String> {
    let part = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    };
    path.components().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(paths: &[&str]) -> Vec<(String, String)> {
        let file = |path: &&str| File { path: path.into(), ..File::default() };
        page_names(&Model { files: paths.iter().map(file).collect(), roots: Vec::new() })
    }

    fn pages(paths: &[&str]) -> Vec<String> {
        named(paths).into_iter().map(|(page, _)| page).collect()
    }

    #[test]
    fn a_page_is_named_after_its_file() {
        assert_eq!(named(&["idl/music.frugal"]), [("music.html".to_owned(), "music.frugal".to_owned())]);
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_folders() {
        let [first, second] = &named(&["idl/a/types.frugal", "idl/b/types.frugal"])[..] else { panic!("two pages") };
        assert_eq!((first.0.as_str(), first.1.as_str()), ("a.types.html", "a/types.frugal"));
        assert_eq!((second.0.as_str(), second.1.as_str()), ("b.types.html", "b/types.frugal"));
    }

    #[test]
    fn no_two_pages_share_a_name_whatever_the_file_system() {
        assert_eq!(pages(&["a.frugal", "a.thrift"]), ["a.frugal.html", "a.thrift.html"]);
        assert_eq!(pages(&["index.frugal"]), ["index-2.html"]);
        assert_eq!(pages(&["a/B.frugal", "c/b.frugal"]), ["a.B.html", "c.b.html"]);
        assert_eq!(pages(&["a/b.frugal", "a.b.frugal", "c/b.frugal"]), ["a.b.frugal.html", "a.b.html", "c.b.html"]);
        assert_eq!(pages(&["../x/<i>.frugal", ".frugal", "-"]), ["_i_.html", "_.html", "-.html"]);
    }

    #[test]
    fn anchors_that_would_be_the_same_are_told_apart() {
        let mut anchors = Anchors::default();
        assert_eq!(anchors.give("fn_a_b_c", "a_b.c"), "fn_a_b_c");
        assert_eq!(anchors.give("fn_a_b_c", "a.b_c"), "fn_a_b_c-2");
        assert_eq!(anchors.names["a.b_c"], "fn_a_b_c-2");
    }
}
