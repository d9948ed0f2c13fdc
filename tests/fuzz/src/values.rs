//! Values in each protocol: what can be read is the same once it is written and read again; the rest is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use thriftwood_core::bytestring::ByteString;
use thriftwood_core::codec::{DecodeError, Reader, TType, TotalF64, UnknownField, Wire, binary, compact, json};

type Catalogue = Vec<BTreeMap<String, Vec<Bytes>>>;
/// The same with text that shares the message's memory.
type Shared = Vec<BTreeMap<ByteString, Vec<Bytes>>>;
type Ratings = BTreeMap<i64, BTreeSet<TotalF64>>;
type Parts = HashMap<Arc<str>, Vec<u8>>;
type Nested = Vec<Vec<Vec<BTreeMap<bool, [u8; 16]>>>>;

/// A target and the seeds of a protocol, by its module and its reader.
macro_rules! protocol {
    ($name:ident, $reader:ident, $seeds:ident) => {
        /// Reads bytes as values of several types, skips them, and keeps them as a field that nobody knows.
        pub fn $name(bytes: &[u8]) {
            let bytes = Bytes::copy_from_slice(bytes);
            there_and_back::<Catalogue>(&bytes, $name::from_bytes, $name::to_bytes);
            there_and_back::<Shared>(&bytes, $name::from_bytes, $name::to_bytes);
            let (owned, shared) = ($name::from_bytes::<Catalogue>(&bytes), $name::from_bytes::<Shared>(&bytes));
            assert_eq!(owned.map(|value| $name::to_bytes(&value)), shared.map(|value| $name::to_bytes(&value)));
            there_and_back::<Ratings>(&bytes, $name::from_bytes, $name::to_bytes);
            there_and_back::<Parts>(&bytes, $name::from_bytes, $name::to_bytes);
            there_and_back::<Nested>(&bytes, $name::from_bytes, $name::to_bytes);
            for ty in [TType::Struct, TType::Map, TType::List, TType::Set, TType::String] {
                let kept = UnknownField::decode(1, ty, &mut $name::$reader::new(&bytes));
                let skipped = $name::$reader::new(&bytes).skip(ty);
                // To keep something takes memory, of which there may be too little, and so is more than to skip it.
                assert!(kept.is_err() || skipped.is_ok(), "{ty:?} is kept and not skipped: {skipped:?}");
            }
            let _ = $name::$reader::new(&bytes).message();
        }

        pub(crate) fn $seeds() -> Vec<Vec<u8>> {
            let catalogue: Catalogue = vec![[("title".to_owned(), vec![Bytes::from_static(b"\0\xffx")])].into()];
            let ratings: Ratings =
                [(-7, [TotalF64(0.5), TotalF64(f64::NAN)].into()), (i64::MAX, BTreeSet::new())].into();
            let parts: Parts = [(Arc::from("\u{e9}\"\\"), b"raw".to_vec())].into();
            let nested: Nested = vec![vec![], vec![vec![[(true, [7; 16])].into()]]];
            vec![
                $name::to_bytes(&catalogue),
                $name::to_bytes(&ratings),
                $name::to_bytes(&parts),
                $name::to_bytes(&nested),
            ]
        }
    };
}

protocol!(binary, BinaryReader, binary_seeds);
protocol!(compact, CompactReader, compact_seeds);
protocol!(json, JsonReader, json_seeds);

fn there_and_back<T: Wire + PartialEq + Debug>(
    bytes: &Bytes,
    read: fn(&Bytes) -> Result<T, DecodeError>,
    write: fn(&T) -> Vec<u8>,
) {
    let Ok(value) = read(bytes) else { return };
    let again = read(&write(&value).into());
    assert_eq!(again.as_ref().ok(), Some(&value), "{again:?}");
}
