//! Makes correlation ids: 32 lower-case hexadecimal digits, the form that most Frugal peers write.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An id that no other process and no earlier call of this one has made.
///
/// The first half is random once per process; the second is a counter, stirred so that ids do not look alike. Asking the
/// operating system for 16 random bytes each time would cost a system call per context.
pub(super) fn fresh() -> String {
    static PROCESS: OnceLock<(u64, u64)> = OnceLock::new();
    let (process, offset) = *PROCESS.get_or_init(|| (random(), random()));
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{process:016x}{:016x}", stir(count.wrapping_add(offset)))
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
        let ids: HashSet<_> = (0..10_000).map(|_| super::fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
