//! Whether two constant values, one of each contract, are the same: by what they are, not by how they are written.
//!
//! Every value gets a number, and equal values get the same one, so that comparing is cheap however often constants name
//! each other. The order of sets, maps and struct fields means nothing.

use std::collections::HashMap;

use crate::model::{ConstId, ConstValue, Model};

/// A value whose parts are the numbers of other values.
#[derive(PartialEq, Eq, Hash)]
enum Shape {
    Bool(bool),
    Int(i64),
    /// By bits.
    Double(u64),
    String(String),
    Binary(Vec<u8>),
    Uuid([u8; 16]),
    Enum(i32),
    List(Vec<usize>),
    Set(Vec<usize>),
    Map(Vec<(usize, usize)>),
    /// By field id.
    Struct(Vec<(i16, usize)>),
}

/// The numbers of the constants of one model.
type Known = HashMap<ConstId, usize>;

/// The constants of two models.
pub(super) struct Values<'m> {
    shapes: HashMap<Shape, usize>,
    old: (&'m Model, Known),
    new: (&'m Model, Known),
}

impl<'m> Values<'m> {
    pub(super) fn of(old: &'m Model, new: &'m Model) -> Self {
        let mut table = Table { base: &HashMap::new(), added: HashMap::new() };
        let (known_old, known_new) = (table.constants(old), table.constants(new));
        Self { shapes: table.added, old: (old, known_old), new: (new, known_new) }
    }

    /// Whether a value of the old model is another than one of the new.
    pub(super) fn differ(&self, old: &ConstValue, new: &ConstValue) -> bool {
        let mut table = Table { base: &self.shapes, added: HashMap::new() };
        table.number(self.old.0, &self.old.1, old) != table.number(self.new.0, &self.new.1, new)
    }
}

/// The numbers given out so far.
struct Table<'a> {
    base: &'a HashMap<Shape, usize>,
    added: HashMap<Shape, usize>,
}

impl Table<'_> {
    /// Numbers every constant, each after those it names. A list of what is open stands for recursion: a chain of
    /// constants may be as long as files allow. It ends, as no constant names itself by any chain.
    fn constants(&mut self, model: &Model) -> Known {
        let mut known = Known::new();
        let ids = model.files().flat_map(|(file, each)| (0..).zip(&each.consts).map(move |(index, _)| (file, index)));
        let mut open: Vec<ConstId> = ids.map(|(file, index)| ConstId { file, index }).collect();
        while let Some(id) = open.last().copied() {
            let value = &model.constant(id).value;
            let before = open.len();
            if !known.contains_key(&id) {
                named(value, &mut |other| {
                    if !known.contains_key(&other) {
                        open.push(other);
                    }
                });
            }
            if open.len() == before {
                open.pop();
                let number = self.number(model, &known, value);
                known.insert(id, number);
            }
        }
        known
    }

    /// The recursion ends: the reader limits how deep brackets may nest.
    fn number(&mut self, model: &Model, known: &Known, value: &ConstValue) -> usize {
        let shape = match value {
            ConstValue::Bool(value) => Shape::Bool(*value),
            ConstValue::Int(value) => Shape::Int(*value),
            ConstValue::Double(value) => Shape::Double(value.to_bits()),
            ConstValue::String(value) => Shape::String(value.clone()),
            ConstValue::Binary(value) => Shape::Binary(value.clone()),
            ConstValue::Uuid(value) => Shape::Uuid(*value),
            ConstValue::Enum(_, number) => Shape::Enum(*number),
            ConstValue::List(items) => Shape::List(self.numbers(model, known, items)),
            ConstValue::Set(items) => Shape::Set(sorted(self.numbers(model, known, items))),
            ConstValue::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (self.number(model, known, key), self.number(model, known, value)));
                Shape::Map(sorted(entries.collect()))
            }
            ConstValue::Struct(id, values) => {
                let fields = model.structure(*id).map_or(&[][..], |structure| &structure.fields);
                let values = values.iter().filter_map(|(index, value)| Some((fields.get(*index)?.id, value)));
                let values = values.map(|(id, value)| (id, self.number(model, known, value)));
                Shape::Struct(sorted(values.collect()))
            }
            ConstValue::Const(id) => return known.get(id).copied().unwrap_or(usize::MAX),
        };
        if let Some(number) = self.base.get(&shape) {
            return *number;
        }
        let next = self.base.len() + self.added.len();
        *self.added.entry(shape).or_insert(next)
    }

    fn numbers(&mut self, model: &Model, known: &Known, items: &[ConstValue]) -> Vec<usize> {
        items.iter().map(|item| self.number(model, known, item)).collect()
    }
}

/// Every constant a value names.
fn named(value: &ConstValue, each: &mut dyn FnMut(ConstId)) {
    match value {
        ConstValue::Const(id) => each(*id),
        ConstValue::List(items) | ConstValue::Set(items) => items.iter().for_each(|item| named(item, each)),
        ConstValue::Map(entries) => entries.iter().for_each(|(key, value)| {
            named(key, each);
            named(value, each);
        }),
        ConstValue::Struct(_, values) => values.iter().for_each(|(_, value)| named(value, each)),
        _ => {}
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}
