//! The tree of namespaces: which file's definitions go into which module, and the way from one module to another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use thriftwood_idl::model::{File, FileId, Model};

use super::super::names::{self, Taken, snake};

/// A namespace with definitions, which is one module.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    /// The name in the IDL: `v1.music`.
    pub(crate) name: String,
    /// The module path: `v1`, `music`.
    pub(crate) path: Vec<String>,
    /// The files that declare it, in the order of the model.
    pub(crate) files: Vec<FileId>,
}

/// Every namespace of a model, in the order of their paths.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) namespaces: Vec<Namespace>,
    of_file: Vec<usize>,
}

impl Tree {
    /// The modules of a model. What `elsewhere` has in other crates is kept apart, as it is there.
    pub(crate) fn new(model: &Model, elsewhere: &HashMap<FileId, String>) -> Self {
        let mut by_path: BTreeMap<(Vec<String>, Option<&String>), Namespace> = BTreeMap::new();
        for (id, file) in model.files() {
            let name = namespace_name(file);
            let path = module_path(&name);
            let namespace = Namespace { name, path: path.clone(), files: Vec::new() };
            by_path.entry((path, elsewhere.get(&id))).or_insert(namespace).files.push(id);
        }
        let mut namespaces: Vec<Namespace> = by_path.into_values().collect();
        part_clashing(model, &mut namespaces);
        namespaces.sort_by(|a, b| a.path.cmp(&b.path));
        let mut of_file = vec![0; model.files.len()];
        for (index, namespace) in namespaces.iter().enumerate() {
            for file in &namespace.files {
                of_file[file.0 as usize] = index;
            }
        }
        Self { namespaces, of_file }
    }

    /// The namespace of a file, as an index into `namespaces`.
    pub(crate) fn of_file(&self, file: FileId) -> usize {
        self.of_file[file.0 as usize]
    }

    /// The module of `to`, as the module of `from` can name it in a `use`.
    pub(crate) fn way(&self, from: usize, to: usize) -> Vec<&str> {
        let from = &self.namespaces[from].path;
        let to = &self.namespaces[to].path;
        // The last part is always walked down, so that the path ends in a name that can be imported.
        let shared = from.iter().zip(&to[..to.len() - 1]).take_while(|(from, to)| from == to).count();
        let up = std::iter::repeat_n("super", from.len() - shared);
        up.chain(to[shared..].iter().map(String::as_str)).collect()
    }
}

/// Gives the files of a namespace that define a name twice a module each, inside of the namespace's and called like the file: that is
/// how the IDL keeps the two apart.
fn part_clashing(model: &Model, namespaces: &mut Vec<Namespace>) {
    let mut parted = Vec::new();
    let paths: Vec<Vec<String>> = namespaces.iter().map(|namespace| namespace.path.clone()).collect();
    for namespace in namespaces.iter_mut() {
        let depth = namespace.path.len();
        let inside = paths.iter().filter(|path| path.len() > depth && path.starts_with(&namespace.path));
        let mut taken = Taken::with(&inside.map(|path| path[depth].as_str()).collect::<Vec<_>>());
        let clashing = clashing(model, &namespace.files);
        for file in &clashing {
            let own = taken.give(&snake(&model.file(*file).name));
            let name = format!("{}.{}", namespace.name, names::bare(&own));
            parted.push(Namespace { name, path: [namespace.path.clone(), vec![own]].concat(), files: vec![*file] });
        }
        namespace.files.retain(|file| !clashing.contains(file));
    }
    namespaces.retain(|namespace| !namespace.files.is_empty());
    namespaces.extend(parted);
}

/// The files that define a name which another of them defines as well.
fn clashing(model: &Model, files: &[FileId]) -> BTreeSet<FileId> {
    let mut first: HashMap<(&str, &str), FileId> = HashMap::new();
    let mut clashing = BTreeSet::new();
    for id in files {
        let file = model.file(*id);
        let typedefs = file.typedefs.iter().map(|typedef| ("type", &typedef.name));
        let enums = file.enums.iter().map(|enumeration| ("type", &enumeration.name));
        let structs = file.structs.iter().map(|structure| ("type", &structure.name));
        let consts = file.consts.iter().map(|constant| ("const", &constant.name));
        let services = file.services.iter().map(|service| ("service", &service.name));
        let scopes = file.scopes.iter().map(|scope| ("scope", &scope.name));
        for (kind, name) in typedefs.chain(enums).chain(structs).chain(consts).chain(services).chain(scopes) {
            let other = *first.entry((kind, name.as_str())).or_insert(*id);
            if other != *id {
                clashing.extend([other, *id]);
            }
        }
    }
    clashing
}

fn namespace_name(file: &File) -> String {
    let name = file.namespace("rs").unwrap_or(&file.name);
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

fn module_path(name: &str) -> Vec<String> {
    let parts = name.split('.').filter(|part| !part.is_empty());
    let path: Vec<String> = parts.map(|part| names::ident(&names::snake(part))).collect();
    if path.is_empty() { vec!["unnamed".to_owned()] } else { path }
}
