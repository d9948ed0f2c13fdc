//! Finds what is made of itself. All walks are loops, not recursion: the chains they follow are as long as files allow.

use std::collections::HashMap;

use super::UNKNOWN;
use super::values::Uses;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{DefKind, Model, Requiredness, ServiceId, Struct, StructKind, Type, TypeId};
use crate::source::Span;

/// How deep a type may nest through typedefs; whoever walks a type may then recurse.
const MAX_DEPTH: usize = 64;

/// Reports typedefs that stand for themselves or nest too deep, and cuts them, so that every chain of them ends.
pub(super) fn cut_typedefs(model: &mut Model, found: &mut Vec<Diagnostic>) {
    let ids: Vec<TypeId> = model
        .files()
        .flat_map(|(file, each)| (0..each.typedefs.len()).map(move |index| (file, index)))
        .map(|(file, index)| TypeId { file, kind: DefKind::Typedef, index: u32::try_from(index).unwrap_or(u32::MAX) })
        .collect();
    let index: HashMap<TypeId, usize> = ids.iter().copied().zip(0..).collect();
    let target = |id: TypeId| model.typedef(id).map_or(&UNKNOWN, |typedef| &typedef.target);
    let edges: Vec<Vec<usize>> = ids
        .iter()
        .map(|id| mentioned(target(*id)).into_iter().filter_map(|id| index.get(&id).copied()).collect())
        .collect();
    let walk = Walk::new(&edges);
    let mut cut = Vec::new();
    let name =
        |node: &usize| (model.type_name(ids[*node]), model.typedef(ids[*node]).map_or(Span::default(), |t| t.span));
    for cycle in &walk.cycles {
        found
            .push(report(cycle.iter().map(name), "stands for itself").help("end the chain at a base type or a struct"));
        cut.extend(cycle.iter().copied());
    }
    let mut depths = vec![0; ids.len()];
    for node in walk.finished {
        let inner = edges[node].iter().map(|inner| depths[*inner]).max().unwrap_or(0);
        depths[node] = nesting(target(ids[node])) + inner;
        if depths[node] > MAX_DEPTH {
            let (name, span) = name(&node);
            let message = format!("`{name}` nests more than {MAX_DEPTH} types deep");
            found.push(Diagnostic::new(Code::TooDeep, span, message).help("put a struct in between"));
            depths[node] = 0;
            cut.push(node);
        }
    }
    for id in cut.into_iter().map(|node| ids[node]) {
        model.files[id.file.0 as usize].typedefs[id.index as usize].target = UNKNOWN.into();
    }
}

/// Reports services that extend themselves.
pub(super) fn services(model: &Model, found: &mut Vec<Diagnostic>) {
    let all: Vec<_> =
        model.files().flat_map(|(file, each)| (0..).zip(&each.services).map(move |(i, s)| (file, i, s))).collect();
    let index: HashMap<ServiceId, usize> =
        all.iter().zip(0..).map(|((file, index, _), node)| (ServiceId { file: *file, index: *index }, node)).collect();
    let edges: Vec<Vec<usize>> = all
        .iter()
        .map(|(_, _, service)| service.extends.iter().filter_map(|parent| index.get(parent).copied()).collect())
        .collect();
    for cycle in Walk::new(&edges).cycles {
        let names = cycle.iter().map(|node| (all[*node].2.name.as_str(), all[*node].2.span));
        found.push(report(names, "extends itself").help("take one `extends` out of the circle"));
    }
}

/// Reports structs that require one of themselves: no value of them could be finite.
pub(super) fn structs(model: &Model, found: &mut Vec<Diagnostic>) {
    let all: Vec<(TypeId, &Struct)> = struct_ids(model).collect();
    let index: HashMap<TypeId, usize> = all.iter().map(|(id, _)| *id).zip(0..).collect();
    let node = |ty: &Type| match super::known(model, ty) {
        Some(Type::Named(id)) => index.get(id).copied(),
        _ => None,
    };
    // What a value of each needs: all of these, or for a union one of them (`None` is something always at hand).
    let needs: Vec<Vec<Option<usize>>> = all
        .iter()
        .map(|(_, structure)| match structure.kind {
            StructKind::Union => structure.fields.iter().map(|field| node(&field.ty)).collect(),
            _ => {
                let required = structure.fields.iter().filter(|field| field.requiredness == Requiredness::Required);
                required.map(|field| node(&field.ty)).collect()
            }
        })
        .collect();
    let endless = endless(&all, &needs);
    let edges: Vec<Vec<usize>> = needs
        .iter()
        .zip(&endless)
        .map(|(needs, is)| needs.iter().flatten().copied().filter(|need| *is && endless[*need]).collect())
        .collect();
    for cycle in Walk::new(&edges).cycles {
        // Unions of nothing but unions have no value either, but peers take them and nobody is made to need one.
        if cycle.iter().all(|node| all[*node].1.kind == StructKind::Union) {
            continue;
        }
        let names = cycle.iter().map(|node| (all[*node].1.name.as_str(), all[*node].1.span));
        let found_one = report(names, "requires a value of itself").note("so no value of it could ever be finished");
        found.push(found_one.help("make a field on the way `optional`, or a `list`"));
    }
}

/// Which structs have no finite value: those left when all that can be built from finished ones is taken away.
fn endless(all: &[(TypeId, &Struct)], needs: &[Vec<Option<usize>>]) -> Vec<bool> {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut missing: Vec<usize> = Vec::with_capacity(needs.len());
    let mut ready: Vec<usize> = Vec::new();
    for (node, needs) in needs.iter().enumerate() {
        for need in needs.iter().flatten() {
            users[*need].push(node);
        }
        let others = needs.iter().flatten().count();
        let one_is_enough = all[node].1.kind == StructKind::Union;
        missing.push(if one_is_enough && others < needs.len() {
            0
        } else if one_is_enough {
            others.min(1)
        } else {
            others
        });
        if missing[node] == 0 {
            ready.push(node);
        }
    }
    let mut endless = vec![true; needs.len()];
    while let Some(node) = ready.pop() {
        if !std::mem::replace(&mut endless[node], false) {
            continue;
        }
        for user in &users[node] {
            missing[*user] = missing[*user].saturating_sub(1);
            if missing[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    endless
}

/// Reports constants and default values that contain themselves.
pub(super) fn values(model: &Model, uses: &Uses, found: &mut Vec<Diagnostic>) {
    for cycle in Walk::new(uses.edges()).cycles {
        let names = cycle.iter().map(|node| uses.name(model, *node));
        found.push(report(names, "has a value that contains itself").help("write one of the values out"));
    }
}

/// The structs of a model.
pub(super) fn struct_ids(model: &Model) -> impl Iterator<Item = (TypeId, &Struct)> {
    let of_file = |(file, each): (_, &'_ crate::model::File)| (file, each.structs.len());
    model.files().map(of_file).flat_map(move |(file, count)| {
        (0..count).map(move |index| {
            let id = TypeId { file, kind: DefKind::Struct, index: u32::try_from(index).unwrap_or(u32::MAX) };
            (id, &model.file(file).structs[index])
        })
    })
}

/// A finding about a circle of definitions.
fn report<'a>(mut circle: impl Iterator<Item = (&'a str, Span)>, what: &str) -> Diagnostic {
    let (first, span) = circle.next().unwrap_or(("", Span::default()));
    let mut found = Diagnostic::new(Code::EndlessDefinition, span, format!("`{first}` {what}"));
    let mut chain = format!("`{first}`");
    let mut length = 1;
    for (name, span) in circle {
        length += 1;
        if length <= MAX_SHOWN {
            found = found.also(span, "by way of this");
            chain += &format!(" -> `{name}`");
        }
    }
    match length {
        1 => found,
        length if length > MAX_SHOWN => found.note(format!("the circle goes through {length} definitions")),
        _ => found.note(format!("the circle: {chain} -> `{first}`")),
    }
}

/// The longest circle that is spelled out.
const MAX_SHOWN: usize = 20;

/// The declared types a type mentions.
fn mentioned(ty: &Type) -> Vec<TypeId> {
    match ty {
        Type::Base(_) => Vec::new(),
        Type::Named(id) => vec![*id],
        Type::List(item) | Type::Set(item) => mentioned(item),
        Type::Map(key, value) => [mentioned(key), mentioned(value)].concat(),
    }
}

/// How deep a type nests as it is written, which the parser has bounded.
fn nesting(ty: &Type) -> usize {
    match ty {
        Type::Base(_) | Type::Named(_) => 0,
        Type::List(item) | Type::Set(item) => 1 + nesting(item),
        Type::Map(key, value) => 1 + nesting(key).max(nesting(value)),
    }
}

/// A walk over a graph, depth first.
struct Walk {
    /// Circles that share no node, each from where it was entered.
    cycles: Vec<Vec<usize>>,
    /// The nodes, each after those it leads to, circles apart.
    finished: Vec<usize>,
}

impl Walk {
    fn new(edges: &[Vec<usize>]) -> Self {
        let mut walk = Walk { cycles: Vec::new(), finished: Vec::with_capacity(edges.len()) };
        // For each node: not seen, at this place on the path, or done.
        let mut places: Vec<Option<usize>> = vec![None; edges.len()];
        let mut done = vec![false; edges.len()];
        let mut reported = vec![false; edges.len()];
        for root in 0..edges.len() {
            if done[root] {
                continue;
            }
            let mut path: Vec<(usize, usize)> = vec![(root, 0)];
            places[root] = Some(0);
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let Some(to) = edges[node].get(*next).copied() else {
                    done[node] = true;
                    walk.finished.push(node);
                    path.pop();
                    continue;
                };
                *next += 1;
                match places[to] {
                    // A circle through `to` and `node` would share them with one that was reported.
                    Some(_) if done[to] || reported[to] || reported[node] => {}
                    Some(place) => {
                        let cycle: Vec<usize> = path[place..].iter().map(|(node, _)| *node).collect();
                        if !cycle.iter().any(|node| reported[*node]) {
                            cycle.iter().for_each(|node| reported[*node] = true);
                            walk.cycles.push(cycle);
                        }
                    }
                    None => {
                        places[to] = Some(path.len());
                        path.push((to, 0));
                    }
                }
            }
        }
        walk
    }
}

#[cfg(test)]
mod tests {
    use super::Walk;

    #[test]
    fn circles_are_found_once_and_other_nodes_follow_what_they_lead_to() {
        let walk = Walk::new(&[vec![1], vec![2, 3], vec![0], vec![], vec![4]]);
        assert_eq!(walk.cycles, [vec![0, 1, 2], vec![4]]);
        let place = |node| walk.finished.iter().position(|each| *each == node).unwrap();
        assert!(place(3) < place(1) && walk.finished.len() == 5);
    }

    #[test]
    fn a_chain_of_a_million_is_walked_without_recursion() {
        let edges: Vec<Vec<usize>> = (1..=1_000_000).map(|next| vec![next % 1_000_000]).collect();
        assert_eq!(Walk::new(&edges).cycles[0].len(), 1_000_000);
    }
}
