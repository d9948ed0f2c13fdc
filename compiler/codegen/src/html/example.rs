//! Example values in JSON, made from the model: defaults where there are any, one entry in each container, cut where a
//! type holds itself or nests on and on.
//!
//! A field is under its name, an enum by the name of its value, `binary` in base64, and a map whose keys are not plain is
//! a list of `key` and `value`. An author who knows better writes `(example = "B000002UAL")` after a field or a typedef.

use thriftwood_idl::model::{Annotations, BaseType, ConstValue, Field, Model, Requiredness, StructKind, Type, TypeId};

use super::json::Json;
use crate::json::{base64, uuid};

/// How many values an example has about, at most.
const BUDGET: usize = 160;

/// An example and whether anything was left out of it.
pub(super) struct Example {
    pub(super) json: Json,
    pub(super) cut: bool,
}

/// A value of a type; `None` where there is none that ends, as of a union that only holds itself.
pub(super) fn of_type(model: &Model, ty: &Type) -> Option<Example> {
    let mut sampler = Sampler { model, open: Vec::new(), cut: false };
    let json = sampler.value(ty, None, BUDGET)?;
    Some(Example { json, cut: sampler.cut })
}

/// A value for each of the fields, as of the arguments of a call.
pub(super) fn of_fields(model: &Model, fields: &[Field]) -> Example {
    let mut sampler = Sampler { model, open: Vec::new(), cut: false };
    let json = Json::Object(sampler.fields(fields, BUDGET));
    Example { json, cut: sampler.cut }
}

struct Sampler<'m> {
    model: &'m Model,
    /// The structs that the value at hand is inside of.
    open: Vec<TypeId>,
    cut: bool,
}

impl Sampler<'_> {
    /// A value, of about `budget` values at most; `None` where the type would start over or does not fit.
    fn value(&mut self, ty: &Type, wanted: Option<&str>, budget: usize) -> Option<Json> {
        match ty {
            Type::Base(base) => Some(wanted.and_then(|text| read(*base, text)).unwrap_or_else(|| sample(*base))),
            Type::List(element) | Type::Set(element) => {
                Some(Json::Array(self.value(element, None, budget).into_iter().collect()))
            }
            Type::Map(key, value) => {
                let key = self.value(key, None, budget / 2);
                let value = self.value(value, None, budget / 2);
                Some(map(key.into_iter().zip(value).collect()))
            }
            Type::Named(id) => self.named(*id, wanted, budget),
        }
    }

    fn named(&mut self, id: TypeId, wanted: Option<&str>, budget: usize) -> Option<Json> {
        if let Some(typedef) = self.model.typedef(id) {
            let wanted = wanted.or_else(|| example(&typedef.annotations));
            return self.value(&typedef.target, wanted, budget);
        }
        if let Some(def) = self.model.enumeration(id) {
            let named = def.values.iter().find(|value| Some(value.name.as_str()) == wanted).or(def.values.first());
            return Some(named.map_or_else(|| Json::Number("0".to_owned()), |value| Json::String(value.name.clone())));
        }
        let def = self.model.structure(id)?;
        if self.open.contains(&id) || (!self.open.is_empty() && def.fields.len() > budget) {
            self.cut = true;
            return None;
        }
        self.open.push(id);
        let json = match def.kind {
            StructKind::Union => self.union(&def.fields, budget),
            StructKind::Struct | StructKind::Exception => Some(Json::Object(self.fields(&def.fields, budget))),
        };
        self.open.pop();
        json
    }

    fn fields(&mut self, fields: &[Field], budget: usize) -> Vec<(String, Json)> {
        // Every field has the same share, so that the first of them does not use up what the last needs.
        let share = budget / fields.len().max(1);
        let field = |field: &Field| self.field(field, share).map(|value| (field.name.clone(), value));
        fields.iter().filter_map(field).collect()
    }

    fn field(&mut self, field: &Field, budget: usize) -> Option<Json> {
        let wanted = example(&field.annotations);
        match &field.default {
            Some(value) if wanted.is_none() => self.constant(value, budget.max(1)),
            // A struct holds itself only where it need not: those fields are left out.
            _ if field.requiredness == Requiredness::Required => {
                Some(self.value(&field.ty, wanted, budget).unwrap_or_else(|| Json::Object(Vec::new())))
            }
            _ => self.value(&field.ty, wanted, budget),
        }
    }

    /// The first of a union's fields that has a value.
    fn union(&mut self, fields: &[Field], budget: usize) -> Option<Json> {
        if fields.is_empty() {
            return Some(Json::Object(Vec::new()));
        }
        let cut = self.cut;
        let found = fields.iter().find_map(|field| Some((field, self.field(field, budget)?)));
        let (field, value) = found?;
        // What was tried before does not count.
        self.cut = cut;
        Some(Json::Object(vec![(field.name.clone(), value)]))
    }

    /// A constant written out. A value that names others many times over is cut to the budget.
    fn constant(&mut self, value: &ConstValue, budget: usize) -> Option<Json> {
        Some(match value {
            ConstValue::Bool(value) => Json::Bool(*value),
            ConstValue::Int(value) => Json::Number(value.to_string()),
            ConstValue::Double(value) => Json::Number(format!("{value:?}")),
            ConstValue::String(text) => Json::String(text.clone()),
            ConstValue::Binary(bytes) => Json::String(base64(bytes)),
            ConstValue::Uuid(bytes) => Json::String(uuid(bytes)),
            ConstValue::Enum(id, number) => {
                let values = self.model.enumeration(*id).map_or(&[][..], |def| &def.values);
                let named = values.iter().find(|value| value.number == *number);
                named.map_or_else(|| Json::Number(number.to_string()), |value| Json::String(value.name.clone()))
            }
            ConstValue::List(values) | ConstValue::Set(values) => {
                let (values, share) = self.within(values, budget);
                Json::Array(values.iter().filter_map(|value| self.constant(value, share)).collect())
            }
            ConstValue::Map(pairs) => {
                let (pairs, share) = self.within(pairs, budget);
                let pair = |(key, value): &(ConstValue, ConstValue)| {
                    Some((self.constant(key, share)?, self.constant(value, share)?))
                };
                map(pairs.iter().filter_map(pair).collect())
            }
            ConstValue::Struct(id, fields) => {
                let def = self.model.structure(*id)?;
                let (fields, share) = self.within(fields, budget);
                let field = |(index, value): &(usize, ConstValue)| {
                    Some((def.fields[*index].name.clone(), self.constant(value, share)?))
                };
                Json::Object(fields.iter().filter_map(field).collect())
            }
            ConstValue::Const(id) => self.constant(&self.model.constant(*id).value, budget)?,
        })
    }

    /// As many entries as the budget allows, and the share of each.
    fn within<'v, T>(&mut self, entries: &'v [T], budget: usize) -> (&'v [T], usize) {
        let shown = &entries[..entries.len().min(budget)];
        self.cut |= shown.len() < entries.len();
        (shown, (budget / shown.len().max(1)).max(1))
    }
}

/// What an author gives as an example.
fn example(annotations: &Annotations) -> Option<&str> {
    annotations.get("example")
}

/// The author's example as a value of its type, if it is one.
fn read(base: BaseType, text: &str) -> Option<Json> {
    let whole = |least: i64, most: i64| {
        let number: i64 = text.trim().parse().ok()?;
        (least..=most).contains(&number).then(|| Json::Number(number.to_string()))
    };
    match base {
        BaseType::Bool => text.trim().parse().ok().map(Json::Bool),
        BaseType::I8 => whole(i8::MIN.into(), i8::MAX.into()),
        BaseType::I16 => whole(i16::MIN.into(), i16::MAX.into()),
        BaseType::I32 => whole(i32::MIN.into(), i32::MAX.into()),
        BaseType::I64 => whole(i64::MIN, i64::MAX),
        BaseType::Double => {
            text.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(|n| Json::Number(format!("{n:?}")))
        }
        BaseType::String | BaseType::Binary | BaseType::Uuid => Some(Json::String(text.to_owned())),
    }
}

fn sample(base: BaseType) -> Json {
    match base {
        BaseType::Bool => Json::Bool(true),
        BaseType::I8 | BaseType::I16 | BaseType::I32 | BaseType::I64 => Json::Number("1".to_owned()),
        BaseType::Double => Json::Number("1.5".to_owned()),
        BaseType::String => Json::String("text".to_owned()),
        BaseType::Binary => Json::String(base64(b"bytes")),
        BaseType::Uuid => Json::String("f81d4fae-7dec-41d0-a765-00a0c91e6bf6".to_owned()),
    }
}

/// A map: an object where every key is plain, else a list of keys and values.
fn map(pairs: Vec<(Json, Json)>) -> Json {
    let plain = |key: &Json| match key {
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(text) | Json::String(text) => Some(text.clone()),
        Json::Array(_) | Json::Object(_) => None,
    };
    let keys: Option<Vec<String>> = pairs.iter().map(|(key, _)| plain(key)).collect();
    match keys {
        Some(keys) => Json::Object(keys.into_iter().zip(pairs.into_iter().map(|(_, value)| value)).collect()),
        None => {
            let pair = |(key, value)| Json::Object(vec![("key".to_owned(), key), ("value".to_owned(), value)]);
            Json::Array(pairs.into_iter().map(pair).collect())
        }
    }
}
