//! Recursion: which fields need a `Box` so that their struct has a size.

use std::collections::HashSet;

use thriftwood_idl::model::{DefKind, Model, Requiredness, StructKind, Type, TypeId};

/// How much a field would lose by a `Box`: an optional one nothing, since it can be absent; a required one could never be
/// filled in if it were part of a cycle of required fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Optional,
    Default,
    Required,
}

/// A field that holds a struct by value, not in a container.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: TypeId,
    field: usize,
    to: TypeId,
    strength: Strength,
}

/// The fields to box, by struct and position. Every cycle is broken at its optional fields, those left at its default ones, and so on.
pub(super) fn boxed_fields(model: &Model) -> HashSet<(TypeId, usize)> {
    let mut open = edges(model);
    let mut boxed = HashSet::new();
    for strength in [Strength::Optional, Strength::Default, Strength::Required] {
        let (cut, rest): (Vec<Edge>, Vec<Edge>) =
            open.iter().partition(|edge| edge.strength == strength && reaches(&open, edge.to, edge.from));
        boxed.extend(cut.iter().map(|edge| (edge.from, edge.field)));
        open = rest;
    }
    boxed
}

fn edges(model: &Model) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (file, def) in model.files() {
        for (index, structure) in (0..).zip(&def.structs) {
            let from = TypeId { file, kind: DefKind::Struct, index };
            for (field, def) in structure.fields.iter().enumerate() {
                let strength = match def.requiredness {
                    _ if structure.kind == StructKind::Union => Strength::Optional,
                    Requiredness::Optional => Strength::Optional,
                    Requiredness::Default => Strength::Default,
                    Requiredness::Required => Strength::Required,
                };
                match model.resolve(&def.ty) {
                    Type::Named(to) if to.kind == DefKind::Struct => {
                        edges.push(Edge { from, field, to: *to, strength });
                    }
                    _ => {}
                }
            }
        }
    }
    edges.sort_by_key(|edge| edge.from);
    edges
}

fn reaches(edges: &[Edge], from: TypeId, to: TypeId) -> bool {
    let mut seen: HashSet<TypeId> = HashSet::new();
    let mut todo = vec![from];
    while let Some(here) = todo.pop() {
        if here == to {
            return true;
        }
        if seen.insert(here) {
            let first = edges.partition_point(|edge| edge.from < here);
            let out = edges[first..].iter().take_while(|edge| edge.from == here);
            todo.extend(out.map(|edge| edge.to));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use Strength::{Default, Optional, Required};
    use thriftwood_idl::model::FileId;

    fn id(index: u32) -> TypeId {
        TypeId { file: FileId(0), kind: DefKind::Struct, index }
    }

    #[test]
    fn reaching_follows_edges_over_several_steps() {
        let edge = |from, to, strength| Edge { from: id(from), field: 0, to: id(to), strength };
        let edges = [edge(0, 1, Default), edge(1, 2, Optional), edge(3, 3, Required)];
        assert!(reaches(&edges, id(0), id(2)));
        assert!(!reaches(&edges, id(2), id(0)));
        assert!(reaches(&edges, id(3), id(3)));
    }
}
