//! A struct with every type, by hand.

#![allow(dead_code, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use thriftwood_core::codec::{DecodeError, Reader, TType, TotalF64, Wire, Writer};

/// A struct with every type, as the generator would write it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rich {
    pub b: bool,
    pub i8f: i8,
    pub i16f: i16,
    pub i32f: i32,
    pub i64f: i64,
    pub d: f64,
    pub s: String,
    pub bin: Bytes,
    pub id: [u8; 16],
    pub list: Vec<i32>,
    pub strings: Vec<String>,
    pub set: BTreeSet<String>,
    pub doubles: BTreeSet<TotalF64>,
    pub map: BTreeMap<String, i64>,
    pub nested: BTreeMap<i32, Vec<bool>>,
    pub child: Option<Box<Rich>>,
}

impl Wire for Rich {
    const TYPE: TType = TType::Struct;

    fn encode<W: Writer>(&self, w: &mut W) {
        fn field<T: Wire, W: Writer>(w: &mut W, id: i16, value: &T) {
            w.field_begin(id, T::TYPE);
            value.encode(w);
        }
        w.struct_begin();
        field(w, 1, &self.b);
        field(w, 2, &self.i8f);
        field(w, 3, &self.i16f);
        field(w, 4, &self.i32f);
        field(w, 5, &self.i64f);
        field(w, 6, &self.d);
        field(w, 7, &self.s);
        field(w, 8, &self.bin);
        field(w, 9, &self.id);
        field(w, 10, &self.list);
        field(w, 11, &self.strings);
        field(w, 12, &self.set);
        field(w, 13, &self.doubles);
        field(w, 14, &self.map);
        field(w, -15, &self.nested);
        if let Some(child) = &self.child {
            field(w, i16::MAX, child);
        }
        w.struct_end();
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let mut rich = Rich::default();
        r.struct_begin()?;
        while let Some(field) = r.field_begin()? {
            match (field.id, field.ty) {
                (1, TType::Bool) => rich.b = Wire::decode(r)?,
                (2, TType::I8) => rich.i8f = Wire::decode(r)?,
                (3, TType::I16) => rich.i16f = Wire::decode(r)?,
                (4, TType::I32) => rich.i32f = Wire::decode(r)?,
                (5, TType::I64) => rich.i64f = Wire::decode(r)?,
                (6, TType::Double) => rich.d = Wire::decode(r)?,
                (7, TType::String) => rich.s = Wire::decode(r)?,
                (8, TType::String) => rich.bin = Wire::decode(r)?,
                (9, TType::Uuid) => rich.id = Wire::decode(r)?,
                (10, TType::List) => rich.list = Wire::decode(r)?,
                (11, TType::List) => rich.strings = Wire::decode(r)?,
                (12, TType::Set) => rich.set = Wire::decode(r)?,
                (13, TType::Set) => rich.doubles = Wire::decode(r)?,
                (14, TType::Map) => rich.map = Wire::decode(r)?,
                (-15, TType::Map) => rich.nested = Wire::decode(r)?,
                (i16::MAX, TType::Struct) => rich.child = Some(Wire::decode(r)?),
                (_, other) => r.skip(other)?,
            }
        }
        r.struct_end();
        Ok(rich)
    }
}

pub fn rich() -> Rich {
    let inner = Rich { s: "inner".into(), bin: Bytes::from(vec![0xab; 200]), ..Rich::default() };
    Rich {
        b: true,
        i8f: i8::MIN,
        i16f: -300,
        i32f: i32::MAX,
        i64f: i64::MIN,
        d: -0.0,
        s: "h\u{e9}llo \u{1f980}\n\0".into(),
        bin: Bytes::from_static(&[0, 1, 2, 0xfe, 0xff]),
        id: *b"0123456789abcdef",
        list: vec![1, -1, 1 << 30],
        strings: vec![String::new(), "two".into()],
        set: ["a", "b"].map(String::from).into(),
        doubles: [f64::NAN, f64::NEG_INFINITY, 3.25].map(TotalF64).into(),
        map: [("k".to_owned(), 9), (String::new(), -9)].into(),
        nested: [(5, vec![true, false]), (6, vec![])].into(),
        child: Some(Box::new(inner)),
    }
}
