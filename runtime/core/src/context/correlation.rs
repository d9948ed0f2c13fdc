//! Correlation ids: as they came, as someone chose them, or made here: 32 lower-case hexadecimal digits, the form that most
//! Frugal peers write.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// A correlation id. Only one that someone chose takes memory of its own.
#[derive(Clone, Debug)]
pub(super) enum CorrelationId {
    Made([u8; 32]),
    Chosen(String),
    /// Part of a received frame, whose headers were checked to be text.
    Received(Bytes),
}

impl CorrelationId {
    pub(super) fn as_str(&self) -> &str {
        match self {
            CorrelationId::Chosen(id) => id,
            other => std::str::from_utf8(other.as_bytes()).unwrap_or_default(),
        }
    }

    /// The same, which need not be checked to be text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            CorrelationId::Made(digits) => digits,
            CorrelationId::Chosen(id) => id.as_bytes(),
            CorrelationId::Received(bytes) => bytes,
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An id that no other process and no earlier call of this one has made.
///
/// The first half is random once per process; the second is a counter, stirred so that ids do not look alike. Asking the
/// operating system for 16 random bytes each time would cost a system call per context.
pub(super) fn fresh() -> CorrelationId {
    static PROCESS: OnceLock<(u64, u64)> = OnceLock::new();
    let (process, offset) = *PROCESS.get_or_init(|| (random(), random()));
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = u128::from(process) << 64 | u128::from(stir(count.wrapping_add(offset)));
    CorrelationId::Made(std::array::from_fn(|place| b"0123456789abcdef"[(id >> (124 - 4 * place)) as usize & 15]))
}

/// The operating system's randomness, by way of the seed of a standard hash map.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// The finaliser of the SplitMix64 generator (Steele, Lea, Flood 2014): a bijection, so distinct counts stay distinct.
fn stir(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_hexadecimal_and_never_repeat() {
        let ids: HashSet<_> = (0..10_000).map(|_| super::fresh().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
