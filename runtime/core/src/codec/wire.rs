//! The types that can be written and read, and the Rust type that stands for each of Thrift's own.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{DecodeError, DecodeErrorKind, Reader, TType, Writer};

/// A value with a Thrift form.
///
/// | IDL | Rust |
/// |---|---|
/// | `bool`, `byte`/`i8`, `i16`, `i32`, `i64`, `double` | `bool`, `i8`, `i16`, `i32`, `i64`, `f64` |
/// | `string`, `binary`, `uuid` | `String`, [`Bytes`], `[u8; 16]` |
/// | `list<T>`, `set<T>`, `map<K, V>` | `Vec<T>`, `BTreeSet<T>`, `BTreeMap<K, V>` |
/// | enum, struct, union, exception | the generated type |
///
/// Where `rust.type` asks for it, `Arc<str>` or [`ByteString`](bytestring::ByteString) is a `string`, `Vec<u8>` a `binary`, `HashSet<T>` a `set` and `HashMap<K, V>` a `map`.
///
/// ```
/// use thriftwood_core::codec::{Wire, binary};
///
/// let bytes = binary::to_bytes(&vec![1_i32, 2, 3]);
/// assert_eq!(binary::from_bytes::<Vec<i32>>(&bytes.into())?, [1, 2, 3]);
/// # Ok::<(), thriftwood_core::codec::DecodeError>(())
/// ```
pub trait Wire: Sized {
    /// The type that stands before the value when it is a field or an element.
    const TYPE: TType;

    /// Writes the value.
    fn encode<W: Writer>(&self, w: &mut W);

    /// Reads a value. Fails, and leaves the reader somewhere inside, when the bytes are not one.
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError>;
}

/// One row per scalar: the Rust type, its Thrift type, and the calls that write and read it.
macro_rules! scalar {
    ($($rust:ty, $ttype:ident, $write:ident, $read:ident;)*) => {$(
        impl Wire for $rust {
            const TYPE: TType = TType::$ttype;

            #[inline]
            fn encode<W: Writer>(&self, w: &mut W) {
                w.$write(*self);
            }

            #[inline]
            fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
                r.$read()
            }
        }
    )*};
}

scalar! {
    bool, Bool, write_bool, read_bool;
    i8, I8, write_i8, read_i8;
    i16, I16, write_i16, read_i16;
    i32, I32, write_i32, read_i32;
    i64, I64, write_i64, read_i64;
    f64, Double, write_double, read_double;
}

impl Wire for String {
    const TYPE: TType = TType::String;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_string(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_string()
    }
}

impl Wire for Bytes {
    const TYPE: TType = TType::String;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_binary(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_binary()
    }
}

impl Wire for [u8; 16] {
    const TYPE: TType = TType::Uuid;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_uuid(self);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_uuid()
    }
}

impl<T: Wire> Wire for Box<T> {
    const TYPE: TType = T::TYPE;

    #[inline]
    fn encode<W: Writer>(&self, w: &mut W) {
        (**self).encode(w);
    }

    #[inline]
    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.charge::<T>(1)?;
        T::decode(r).map(Box::new)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: TType = TType::List;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.list_begin(T::TYPE, self.len());
        for element in self {
            element.encode(w);
        }
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let (element, count) = r.list_begin()?;
        expect_elements(r, T::TYPE, element, count)?;
        r.charge::<T>(count)?;
        let mut list = Vec::with_capacity(r.capacity::<T>(count));
        for _ in 0..count {
            push(&mut list, T::decode(r)?);
        }
        r.container_end();
        Ok(list)
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
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
        let mut set = BTreeSet::new();
        for _ in 0..count {
            set.insert(T::decode(r)?);
        }
        r.container_end();
        Ok(set)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
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
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = K::decode(r)?;
            map.insert(key, V::decode(r)?);
        }
        r.container_end();
        Ok(map)
    }
}

/// Adds an element to a list that nearly always has room for it.
///
/// A list that may grow may fail to, and then has to drop the element, for which that must be in memory: it was put together there, in
/// pieces of eight bytes, and copied to its place sixteen at once, which waits until the pieces have arrived. Growing in a call of its
/// own, with its own copy, leaves it in registers. Of what reading an order took, 11 structs' waits were a tenth.
#[inline(always)]
fn push<T>(list: &mut Vec<T>, element: T) {
    if list.len() == list.capacity() {
        return push_growing(list, [element]);
    }
    list.push(element);
}

#[cold]
#[inline(never)]
fn push_growing<T>(list: &mut Vec<T>, element: [T; 1]) {
    list.extend(element);
}

/// Elements of another type than expected cannot be read; of none at all, the type does not matter (some peers write 0).
pub(super) fn expect_elements<R: Reader>(
    r: &R,
    expected: TType,
    found: TType,
    count: usize,
) -> Result<(), DecodeError> {
    if count == 0 || expected == found {
        return Ok(());
    }
    Err(r.error(DecodeErrorKind::ElementType { expected, found }))
}
