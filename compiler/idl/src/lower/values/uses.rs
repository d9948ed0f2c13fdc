//! Which constants and default values are made of which others, so that circles can be found.

use std::collections::HashMap;

use crate::model::{ConstId, Model, TypeId};
use crate::source::Span;

/// What has a value: a constant, or a struct with default values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Const(ConstId),
    Struct(TypeId),
}

/// The graph of what uses what.
#[derive(Default)]
pub(crate) struct Uses {
    index: HashMap<Owner, usize>,
    owners: Vec<Owner>,
    edges: Vec<Vec<usize>>,
}

impl Uses {
    /// Notes that a value of `owner` is made of `used`.
    pub(super) fn add(&mut self, owner: Owner, used: Owner) {
        let (owner, used) = (self.node(owner), self.node(used));
        // One value may name another a thousand times over.
        if self.edges[owner].last() != Some(&used) {
            self.edges[owner].push(used);
        }
    }

    pub(in crate::lower) fn edges(&self) -> &[Vec<usize>] {
        &self.edges
    }

    /// The name of a node, and where it is declared.
    pub(in crate::lower) fn name<'m>(&self, model: &'m Model, node: usize) -> (&'m str, Span) {
        match self.owners[node] {
            Owner::Const(id) => (&model.constant(id).name, model.constant(id).span),
            Owner::Struct(id) => (model.type_name(id), model.structure(id).map_or(Span::default(), |s| s.span)),
        }
    }

    fn node(&mut self, owner: Owner) -> usize {
        *self.index.entry(owner).or_insert_with(|| {
            self.owners.push(owner);
            self.edges.push(Vec::new());
            self.owners.len() - 1
        })
    }
}
