//! Which definition of the old contract is which of the new one.
//!
//! Files are paired first: by path, else by path below the folder of the file that was asked for, else by name. Definitions are
//! paired by name within paired files. What is left over has perhaps moved: it is paired with a left-over definition of the same
//! kind and name in any other file.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Component, Path, PathBuf};

use crate::model::{DefKind, FileId, Model, ServiceId, StructKind, TypeId};
use crate::source::plain;

/// What kind of definition: each has a list of its own in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Const,
    Enum,
    Struct,
    Service,
    Scope,
}

type Slot = (FileId, usize);

/// What became of what.
#[derive(Default)]
pub(super) struct Pairs {
    files: HashMap<FileId, FileId>,
    definitions: HashMap<(Kind, Slot), Slot>,
}

/// One definition, with all it is recognised by. A struct that has become a union is not the same.
struct Definition<'m> {
    class: (Kind, Option<StructKind>),
    name: &'m str,
    slot: Slot,
}

impl Pairs {
    pub(super) fn of(old: &Model, new: &Model) -> Self {
        let files = pair_files(old, new);
        let mut pairs = Self { files, definitions: HashMap::new() };
        let news = definitions(new);
        let places: HashMap<_, Slot> = news.iter().map(|new| ((new.slot.0, new.class, new.name), new.slot)).collect();
        let mut taken: HashSet<(Kind, Slot)> = HashSet::new();
        let mut left = Vec::new();
        for old in definitions(old) {
            let same_place = pairs.file(old.slot.0).and_then(|file| places.get(&(file, old.class, old.name)));
            match same_place {
                Some(new) => pairs.add(&mut taken, &old, *new),
                None => left.push(old),
            }
        }
        let mut free: HashMap<_, VecDeque<Slot>> = HashMap::new();
        for new in news.iter().filter(|new| !taken.contains(&(new.class.0, new.slot))) {
            free.entry((new.class, new.name)).or_default().push_back(new.slot);
        }
        for old in left {
            if let Some(new) = free.get_mut(&(old.class, old.name)).and_then(VecDeque::pop_front) {
                pairs.add(&mut taken, &old, new);
            }
        }
        pairs
    }

    fn add(&mut self, taken: &mut HashSet<(Kind, Slot)>, old: &Definition<'_>, new: Slot) {
        taken.insert((old.class.0, new));
        self.definitions.insert((old.class.0, old.slot), new);
    }

    /// The new file that is this old one.
    pub(super) fn file(&self, old: FileId) -> Option<FileId> {
        self.files.get(&old).copied()
    }

    /// Where a definition is now: its file, and its index in the list of its kind.
    pub(super) fn get(&self, kind: Kind, file: FileId, index: usize) -> Option<(FileId, usize)> {
        self.definitions.get(&(kind, (file, index))).copied()
    }

    /// The new type that is this old struct or enum.
    pub(super) fn ty(&self, old: TypeId) -> Option<TypeId> {
        let kind = match old.kind {
            DefKind::Struct => Kind::Struct,
            DefKind::Enum => Kind::Enum,
            DefKind::Typedef => return None,
        };
        let (file, index) = self.get(kind, old.file, old.index as usize)?;
        Some(TypeId { file, kind: old.kind, index: u32::try_from(index).ok()? })
    }

    /// The new service that is this old one.
    pub(super) fn service(&self, old: ServiceId) -> Option<ServiceId> {
        let (file, index) = self.get(Kind::Service, old.file, old.index as usize)?;
        Some(ServiceId { file, index: u32::try_from(index).ok()? })
    }

    /// Whether some definition of an old file is nowhere any more.
    pub(super) fn has_left_something(&self, old: &Model, file: FileId) -> bool {
        let all = of_file(old, file);
        all.iter().any(|each| !self.definitions.contains_key(&(each.class.0, each.slot)))
    }
}

fn definitions(model: &Model) -> Vec<Definition<'_>> {
    model.files().flat_map(|(id, _)| of_file(model, id)).collect()
}

fn of_file(model: &Model, id: FileId) -> Vec<Definition<'_>> {
    let file = model.file(id);
    let mut found = Vec::new();
    let mut add = |kind, of, index, name| found.push(Definition { class: (kind, of), name, slot: (id, index) });
    file.consts.iter().enumerate().for_each(|(index, each)| add(Kind::Const, None, index, &each.name));
    file.enums.iter().enumerate().for_each(|(index, each)| add(Kind::Enum, None, index, &each.name));
    file.structs.iter().enumerate().for_each(|(index, each)| add(Kind::Struct, Some(each.kind), index, &each.name));
    file.services.iter().enumerate().for_each(|(index, each)| add(Kind::Service, None, index, &each.name));
    file.scopes.iter().enumerate().for_each(|(index, each)| add(Kind::Scope, None, index, &each.name));
    found
}

fn pair_files(old: &Model, new: &Model) -> HashMap<FileId, FileId> {
    let mut pairs: HashMap<FileId, FileId> = HashMap::new();
    // Whoever names one file on each side means them, whatever they are called.
    if let ([old], [new]) = (&old.roots[..], &new.roots[..]) {
        pairs.insert(*old, *new);
    }
    let below = |model: &Model, path: &Path| {
        let root = model.roots.first().and_then(|root| model.file(*root).path.parent());
        relative(path, root.unwrap_or_else(|| Path::new("")))
    };
    match_by(&mut pairs, old, new, |_, path| plain(path));
    match_by(&mut pairs, old, new, below);
    match_by(&mut pairs, old, new, |_, path| PathBuf::from(path.file_stem().unwrap_or_default()));
    pairs
}

/// Pairs the files whose key no other unpaired file of their side has.
fn match_by(pairs: &mut HashMap<FileId, FileId>, old: &Model, new: &Model, key: impl Fn(&Model, &Path) -> PathBuf) {
    let taken: HashSet<FileId> = pairs.values().copied().collect();
    let olds = by_key(old, &key, |id| pairs.contains_key(&id));
    let news = by_key(new, &key, |id| taken.contains(&id));
    for (key, ids) in olds {
        if let ([old], Some([new])) = (&ids[..], news.get(&key).map(Vec::as_slice)) {
            pairs.insert(*old, *new);
        }
    }
}

fn by_key(
    model: &Model,
    key: impl Fn(&Model, &Path) -> PathBuf,
    paired: impl Fn(FileId) -> bool,
) -> HashMap<PathBuf, Vec<FileId>> {
    let mut found: HashMap<PathBuf, Vec<FileId>> = HashMap::new();
    for (id, file) in model.files().filter(|(id, _)| !paired(*id)) {
        found.entry(key(model, &file.path)).or_default().push(id);
    }
    found
}

/// A path as seen from a folder.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (path, folder) = (plain(path), plain(folder));
    let common = path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_folder() {
        let seen = |path: &str, folder: &str| relative(Path::new(path), Path::new(folder)).display().to_string();
        assert_eq!(seen("old/idl/common.frugal", "old/idl"), "common.frugal");
        assert_eq!(seen("old/idl/../shared/common.frugal", "old/idl"), "../shared/common.frugal");
        assert_eq!(seen("./common.frugal", ""), "common.frugal");
        assert_eq!(seen("/a/b/c.frugal", "/a/d"), "../b/c.frugal");
    }
}
