//! From JSON to a value, led by its type: one pass over the text, without a tree of JSON in between.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::path::{Path, Segment};
use super::scalar::{expected, from_integer, from_key, from_string, is_key, nearest};
use super::{JsonError, JsonErrorKind};
use crate::codec::{MAX_DEPTH, MEMORY_FREE, MEMORY_PER_BYTE};
use crate::schema::{Field, Presence, Struct, StructKind, Type, Value};

pub(in crate::schema) fn parse(ty: Type, text: &str) -> Result<Value, JsonError> {
    let memory = text.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_FREE);
    let mut state = State { path: Path::default(), depth: 0, memory, failed: None };
    state.document(ty, text).map_err(|error| {
        let kind = if error.is_data() { JsonErrorKind::Type } else { JsonErrorKind::Syntax };
        JsonError::new(state.failed.unwrap_or(kind), state.path.to_string(), &error)
    })
}

/// Where the parser is, and what it may still take.
struct State {
    /// Left as it is where something fails.
    path: Path,
    depth: u32,
    /// In bytes.
    memory: usize,
    /// What failed, where it is not for serde to tell.
    failed: Option<JsonErrorKind>,
}

impl State {
    /// A whole text, and nothing behind it.
    fn document(&mut self, ty: Type, text: &str) -> Result<Value, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = self.seed(ty).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    fn seed(&mut self, ty: Type) -> Seed<'_> {
        Seed { ty, state: self }
    }

    fn fail<E: Error>(&mut self, kind: JsonErrorKind, text: impl fmt::Display) -> E {
        self.failed = Some(kind);
        E::custom(text)
    }

    /// Accounts for a value that takes this much besides its own place.
    fn charge<E: Error>(&mut self, content: usize) -> Result<(), E> {
        match self.memory.checked_sub(content.saturating_add(size_of::<Value>())) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => {
                Err(self.fail(JsonErrorKind::Memory, "the values would take far more memory than the text is worth"))
            }
        }
    }

    /// Something with parts, one level further in.
    fn nested<T, E: Error>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.charge(0)?;
        if self.depth == MAX_DEPTH {
            return Err(self.fail(JsonErrorKind::Depth, format_args!("values are nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn elements<'de, A: SeqAccess<'de>>(&mut self, element: Type, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut values = Vec::new();
        self.path.0.push(Segment::Index(0));
        while let Some(value) = seq.next_element_seed(self.seed(element))? {
            values.push(value);
            self.path.0.pop();
            self.path.0.push(Segment::Index(values.len()));
        }
        self.path.0.pop();
        Ok(values)
    }

    /// A map as an object.
    fn entries<'de, A: MapAccess<'de>>(&mut self, types: (Type, Type), mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(text) = map.next_key::<String>()? {
            self.charge(text.len())?;
            let key = from_key(types.0, &text);
            self.path.0.push(Segment::Key(text));
            let value = map.next_value_seed(self.seed(types.1))?;
            pairs.push((key.map_err(|text| A::Error::custom(format_args!("as a key, {text}")))?, value));
            self.path.0.pop();
        }
        Ok(pairs)
    }

    /// A map as an array of objects with `key` and `value`.
    fn pairs<'de, A: SeqAccess<'de>>(&mut self, types: (Type, Type), mut seq: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        self.path.0.push(Segment::Index(0));
        while let Some(pair) = seq.next_element_seed(Pair { types, state: self })? {
            pairs.push(pair);
            self.path.0.pop();
            self.path.0.push(Segment::Index(pairs.len()));
        }
        self.path.0.pop();
        Ok(pairs)
    }

    /// The values of an object, in the order of the fields.
    fn members<'de, A: MapAccess<'de>>(
        &mut self,
        owner: &str,
        fields: &[Field],
        mut map: A,
    ) -> Result<Vec<Option<Value>>, A::Error> {
        let mut values = vec![None; fields.len()];
        while let Some(name) = map.next_key_seed(Name(fields))? {
            let place = match name {
                Ok(place) => place,
                Err(name) => return Err(self.unknown(owner, fields, name)),
            };
            let field = &fields[place];
            self.path.0.push(Segment::Field(field.name));
            if values[place].is_some() {
                return Err(self.fail(JsonErrorKind::Duplicate, "the field is given twice"));
            }
            values[place] = map.next_value_seed(Nullable(self.seed(field.ty)))?;
            self.path.0.pop();
        }
        Ok(values)
    }

    fn unknown<E: Error>(&mut self, owner: &str, fields: &[Field], name: String) -> E {
        let hint = match nearest(&name, fields.iter().map(|field| field.name)) {
            Some(meant) => format!(", did you mean `{meant}`?"),
            None if fields.is_empty() => String::from("; it has none"),
            None if fields.len() > 8 => String::new(),
            None => {
                let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                format!("; it has {}", names.join(", "))
            }
        };
        self.path.0.push(Segment::Other(name));
        self.fail(JsonErrorKind::UnknownField, format_args!("`{owner}` has no such field{hint}"))
    }

    fn structure<'de, A: MapAccess<'de>>(&mut self, def: &'static Struct, map: A) -> Result<Value, A::Error> {
        let fields = def.fields();
        let given = self.members(def.name, fields, map)?;
        let mut set = Vec::new();
        for (field, value) in fields.iter().zip(given) {
            let value = match value {
                Some(value) => Some(value),
                None if def.kind == StructKind::Union => None,
                None => self.absent(def, field)?,
            };
            set.extend(value.map(|value| (field.id, value)));
        }
        if def.kind == StructKind::Union && set.len() != 1 {
            let text = format!("union `{}` must have exactly one field set, not {}", def.name, set.len());
            return Err(self.fail(JsonErrorKind::Union, text));
        }
        Ok(Value::Struct(set))
    }

    /// What a field is when nobody sets it.
    fn absent<E: Error>(&mut self, def: &Struct, field: &'static Field) -> Result<Option<Value>, E> {
        match (field.presence, field.default) {
            (Presence::Optional, _) | (Presence::Default, None) => Ok(None),
            (_, Some(default)) => {
                self.path.0.push(Segment::Field(field.name));
                let value = self.document(field.ty, default).map_err(E::custom)?;
                self.path.0.pop();
                Ok(Some(value))
            }
            (Presence::Required, None) => {
                let text = format!("required field `{}` of `{}` is absent", field.name, def.name);
                Err(self.fail(JsonErrorKind::MissingField, text))
            }
        }
    }
}

type Pairs = Vec<(Value, Value)>;

/// A value of a type that is about to be read.
struct Seed<'s> {
    ty: Type,
    state: &'s mut State,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&expected(self.ty))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        if self.ty != Type::Bool {
            return Err(E::invalid_type(Unexpected::Bool(value), &self));
        }
        self.state.charge(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.state.charge(0)?;
        from_integer(self.ty, value.into()).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.state.charge(0)?;
        from_integer(self.ty, value.into()).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if self.ty != Type::Double {
            return Err(E::custom(format_args!("the number {value:?} is not {}", expected(self.ty))));
        }
        self.state.charge(0)?;
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.state.charge(text.len())?;
        from_string(self.ty, text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::List(element) => {
                let values = self.state.nested(|state| state.elements(*element, seq))?;
                Ok(Value::List(element.ttype(), values))
            }
            Type::Set(element) => {
                let values = self.state.nested(|state| state.elements(*element, seq))?;
                Ok(Value::Set(element.ttype(), values))
            }
            Type::Map(key, value) if !is_key(*key) => {
                let pairs = self.state.nested(|state| state.pairs((*key, *value), seq))?;
                Ok(Value::Map(key.ttype(), value.ttype(), pairs))
            }
            _ => Err(A::Error::custom(format_args!("an array is not {}", expected(self.ty)))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::Struct(def) => self.state.nested(|state| state.structure(def, map)),
            Type::Map(key, value) if is_key(*key) => {
                let pairs = self.state.nested(|state| state.entries((*key, *value), map))?;
                Ok(Value::Map(key.ttype(), value.ttype(), pairs))
            }
            _ => Err(A::Error::custom(format_args!("an object is not {}", expected(self.ty)))),
        }
    }
}

/// The value of a field, or `null` for none.
struct Nullable<'s>(Seed<'s>);

impl<'de> DeserializeSeed<'de> for Nullable<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Nullable<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// The name of a field, as its place among the fields; a name that is none of them as it is.
struct Name<'f>(&'f [Field]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|field| field.name == name).ok_or_else(|| name.to_owned()))
    }
}

/// An entry of a map whose keys have parts.
struct Pair<'s> {
    types: (Type, Type),
    state: &'s mut State,
}

impl<'de> DeserializeSeed<'de> for Pair<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pair<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"key\" and \"value\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let fields = [Field::required(1, "key", self.types.0), Field::required(2, "value", self.types.1)];
        let mut values = self.state.members("an entry of a map", &fields, map)?.into_iter().flatten();
        match (values.next(), values.next()) {
            (Some(key), Some(value)) => Ok((key, value)),
            _ => {
                let text = "an entry of the map must have both \"key\" and \"value\"";
                Err(self.state.fail(JsonErrorKind::MissingField, text))
            }
        }
    }
}
