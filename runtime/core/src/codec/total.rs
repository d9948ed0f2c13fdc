//! A `double` that can be a key: ordered, and equal to itself whatever it is.

use std::cmp::Ordering;
use std::fmt;

use super::{DecodeError, Reader, TType, Wire, Writer};

/// A `double` in IEEE 754's total order, for sets, for the keys of maps, and for the structs that are either.
///
/// ```
/// use thriftwood_core::codec::TotalF64;
///
/// assert_eq!(TotalF64(f64::NAN), TotalF64(f64::NAN));
/// assert!(TotalF64(-0.0) < TotalF64(0.0));
/// ```
#[derive(Clone, Copy, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TotalF64(pub f64);

impl Ord for TotalF64 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for TotalF64 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for TotalF64 {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for TotalF64 {}

impl std::hash::Hash for TotalF64 {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl fmt::Debug for TotalF64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<f64> for TotalF64 {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<TotalF64> for f64 {
    fn from(value: TotalF64) -> Self {
        value.0
    }
}

impl Wire for TotalF64 {
    const TYPE: TType = TType::Double;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_double(self.0);
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.read_double().map(TotalF64)
    }
}
