//! The Rust types that stand for Thrift's own where `rust.type` asks for them: shared text, plain bytes, hashed sets and maps.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use bytestring::ByteString;

use super::wire::expect_elements;
use super::{DecodeError, Reader, TType, Wire, Writer};

impl Wire for Arc<str> {
    const TYPE: TType = TType::String;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_string(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_string().map(Arc::from)
    }
}

/// Read without a copy where it shares the message's memory: see [`Reader::read_shared_string`].
impl Wire for ByteString {
    const TYPE: TType = TType::String;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_string(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_shared_string()
    }
}

/// A `binary`: no other type of the IDL has `u8`.
impl Wire for Vec<u8> {
    const TYPE: TType = TType::String;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_binary(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_binary().map(Vec::from)
    }
}

/// Written in no order: two equal sets need not give the same bytes.
impl<T: Wire + Eq + Hash, S: BuildHasher + Default> Wire for HashSet<T, S> {
    const TYPE: TType = TType::Set;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.set_begin(T::TYPE, self.len());
        for element in self {
            element.encode(w);
        }
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let (element, count) = r.set_begin()?;
        expect_elements(r, T::TYPE, element, count)?;
        r.charge::<T>(count)?;
        let mut set = HashSet::with_capacity_and_hasher(r.capacity::<T>(count), S::default());
        for _ in 0..count {
            set.insert(T::decode(r)?);
        }
        r.container_end();
        Ok(set)
    }
}

/// Written in no order: two equal maps need not give the same bytes.
impl<K: Wire + Eq + Hash, V: Wire, S: BuildHasher + Default> Wire for HashMap<K, V, S> {
    const TYPE: TType = TType::Map;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.map_begin(K::TYPE, V::TYPE, self.len());
        for (key, value) in self {
            key.encode(w);
            value.encode(w);
        }
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let (key, value, count) = r.map_begin()?;
        expect_elements(r, K::TYPE, key, count)?;
        expect_elements(r, V::TYPE, value, count)?;
        r.charge::<(K, V)>(count)?;
        let mut map = HashMap::with_capacity_and_hasher(r.capacity::<(K, V)>(count), S::default());
        for _ in 0..count {
            let key = K::decode(r)?;
            map.insert(key, V::decode(r)?);
        }
        r.container_end();
        Ok(map)
    }
}
