//! What is decided about a model before a line is written: modules, names, and facts about types.

mod boxing;
mod facts;
mod names;
mod tree;

use thriftwood_idl::model::Model;

pub(crate) use facts::{Facts, is_copy};
pub(crate) use names::{Names, ScopeNames, ServiceNames};
pub(crate) use tree::{Namespace, Tree};

use super::GenerateError;

/// Every decision about one model.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tree: Tree,
    pub(crate) names: Names,
    pub(crate) facts: Facts<'a>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(model: &'a Model) -> Result<Self, GenerateError> {
        let tree = Tree::new(model);
        let names = Names::new(model, &tree)?;
        let facts = Facts::new(model);
        Ok(Self { model, tree, names, facts })
    }
}
