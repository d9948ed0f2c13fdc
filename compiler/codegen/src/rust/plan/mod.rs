//! What is decided about a model before a line is written: modules, names, and facts about types.

mod boxing;
mod facts;
mod names;
mod tree;

use std::collections::HashMap;

use thriftwood_idl::model::{FileId, Model};

pub(crate) use facts::{Facts, Lacking, is_copy};
pub(crate) use names::{Names, ScopeNames, ServiceNames};
pub(crate) use tree::{Namespace, Tree};

use super::RustOptions;
use super::schema::Schema;

/// Every decision about one model.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tree: Tree,
    pub(crate) names: Names,
    pub(crate) facts: Facts<'a>,
    pub(crate) options: RustOptions,
    /// The files whose Rust is in another crate, with the path of the module that holds their namespaces.
    pub(crate) elsewhere: HashMap<FileId, String>,
    /// The descriptions of types, unless nobody wants them.
    pub(crate) schema: Option<Schema>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(model: &'a Model, options: RustOptions) -> Self {
        let elsewhere = elsewhere(model);
        let tree = Tree::new(model, &elsewhere);
        let names = Names::new(model, &tree);
        let facts = Facts::new(model, &options.types);
        let wanted = !options.types_only && !options.no_schema;
        let schema = wanted.then(|| Schema::new(model, &tree, |file| !elsewhere.contains_key(&file)));
        Self { model, tree, names, facts, options, elsewhere, schema }
    }
}

/// A file is elsewhere when an include says so, by `rust.crate` or by Frugal's `vendor`, and so is what it includes itself, unless
/// somebody asked for that file by name.
fn elsewhere(model: &Model) -> HashMap<FileId, String> {
    let mut elsewhere: HashMap<FileId, String> = HashMap::new();
    // Includes stand before the files that include them, so each file is decided before what it includes.
    for (id, file) in model.files().collect::<Vec<_>>().into_iter().rev() {
        for include in &file.includes {
            let vendored = || {
                let namespace = model.file(include.file).namespaces.iter().find(|n| n.scope == "rs");
                let path = namespace.and_then(|n| n.annotations.get("vendor"));
                path.filter(|path| include.annotations.has("vendor") && !path.is_empty())
            };
            let said = include.annotations.get("rust.crate").or_else(vendored);
            let path = said.map(str::to_owned).or_else(|| elsewhere.get(&id).cloned());
            if let Some(path) = path.filter(|_| !model.roots.contains(&include.file)) {
                elsewhere.entry(include.file).or_insert(path);
            }
        }
    }
    elsewhere
}
