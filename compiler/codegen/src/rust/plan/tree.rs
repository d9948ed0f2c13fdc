//! The tree of namespaces: which file's definitions go into which module, and the way from one module to another.

use std::collections::BTreeMap;

use thriftwood_idl::model::{File, FileId, Model};

use super::super::names;

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
    pub(crate) fn new(model: &Model) -> Self {
        let mut by_path: BTreeMap<Vec<String>, Namespace> = BTreeMap::new();
        for (id, file) in model.files() {
            let name = namespace_name(file);
            let path = module_path(&name);
            by_path.entry(path.clone()).or_insert(Namespace { name, path, files: Vec::new() }).files.push(id);
        }
        let namespaces: Vec<Namespace> = by_path.into_values().collect();
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

fn namespace_name(file: &File) -> String {
    let name = file.namespace("rs").unwrap_or(&file.name);
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

fn module_path(name: &str) -> Vec<String> {
    let parts = name.split('.').filter(|part| !part.is_empty());
    let path: Vec<String> = parts.map(|part| names::ident(&names::snake(part))).collect();
    if path.is_empty() { vec!["unnamed".to_owned()] } else { path }
}
