//! Types and values at random, from a seed.

use thriftwood_core::schema::{Enum, Field, Struct, StructKind, Type, Value};

/// SplitMix64: Steele, Lea and Flood, 2014.
pub(crate) struct Random(pub(crate) u64);

static ENUM: Enum = Enum { name: "E", values: &[("ZERO", 0), ("ONE", 1), ("MANY", 99)] };

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn ty(&mut self, depth: usize) -> Type {
        let leak = |ty| -> &'static Type { Box::leak(Box::new(ty)) };
        match self.below(if depth == 0 { 10 } else { 14 }) {
            0 => Type::Bool,
            1 => Type::I8,
            2 => Type::I16,
            3 => Type::I32,
            4 => Type::I64,
            5 => Type::Double,
            6 => Type::String,
            7 => Type::Binary,
            8 => Type::Uuid,
            9 => Type::Enum(&ENUM),
            10 => Type::List(leak(self.ty(depth - 1))),
            11 => Type::Set(leak(self.ty(depth - 1))),
            12 => Type::Map(leak(self.ty(depth - 1)), leak(self.ty(depth - 1))),
            _ => Type::Struct(self.structure(depth - 1)),
        }
    }

    fn structure(&mut self, depth: usize) -> &'static Struct {
        let union = self.below(4) == 0;
        let count = self.below(6) + usize::from(union);
        let fields: Vec<Field> = (0..count)
            .map(|n| {
                let (id, name) = (n as i16 * 7 - 9, ["a", "b", "key", "value", "é\"", "f"][n]);
                let ty = self.ty(depth);
                match self.below(3) {
                    _ if union => Field::optional(id, name, ty),
                    0 => Field::required(id, name, ty),
                    1 => Field::new(id, name, ty),
                    _ => Field::optional(id, name, ty),
                }
            })
            .collect();
        let kind = if union { StructKind::Union } else { StructKind::Struct };
        Box::leak(Box::new(Struct::new("S", kind, fields.leak())))
    }

    fn text(&mut self) -> String {
        let letters = ['a', '"', '\\', '\n', '\u{0}', '\u{9f}', '\u{2028}', 'é', '\u{1f980}', '1'];
        (0..self.below(5)).map(|_| letters[self.below(letters.len())]).collect()
    }

    pub(crate) fn value(&mut self, ty: Type) -> Value {
        let bits = self.next();
        match ty {
            Type::Bool => Value::Bool(bits & 1 == 1),
            Type::I8 => Value::I8(bits as i8),
            Type::I16 => Value::I16(bits as i16),
            Type::I32 => Value::I32(bits as i32),
            Type::I64 => Value::I64(bits as i64),
            Type::Double => Value::Double(match self.below(8) {
                0 => f64::NAN,
                1 => f64::NEG_INFINITY,
                2 => -0.0,
                3 => f64::MIN_POSITIVE / 8.0,
                4 => bits as f64,
                _ => Some(f64::from_bits(bits)).filter(|number| number.is_finite()).unwrap_or(0.1),
            }),
            Type::String => Value::String(self.text()),
            Type::Binary => Value::Binary((0..self.below(6)).map(|_| self.next() as u8).collect()),
            Type::Uuid => Value::Uuid((u128::from(bits) << 64 | u128::from(self.next())).to_be_bytes()),
            Type::Enum(_) => Value::I32([0, 1, 99, -5][self.below(4)]),
            Type::List(element) => Value::List(element.ttype(), self.values(*element)),
            Type::Set(element) => Value::Set(element.ttype(), self.values(*element)),
            Type::Map(key, value) => {
                let pairs = (0..self.below(4)).map(|_| (self.value(*key), self.value(*value))).collect();
                Value::Map(key.ttype(), value.ttype(), pairs)
            }
            Type::Struct(def) if def.kind == StructKind::Union => {
                let field = &def.fields()[self.below(def.fields().len())];
                Value::Struct(vec![(field.id, self.value(field.ty))])
            }
            Type::Struct(def) => {
                let required = |field: &&Field| field.presence == thriftwood_core::schema::Presence::Required;
                let set = def.fields().iter().filter(|field| required(field) || self.below(2) == 0);
                let set: Vec<&Field> = set.collect();
                Value::Struct(set.into_iter().map(|field| (field.id, self.value(field.ty))).collect())
            }
        }
    }

    fn values(&mut self, element: Type) -> Vec<Value> {
        (0..self.below(4)).map(|_| self.value(element)).collect()
    }
}
