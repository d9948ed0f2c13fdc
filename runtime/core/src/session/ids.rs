//! Hashes operation ids: one multiplication instead of the standard hash's rounds, which took 12 ns of every look-up.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Starts a hash at a point that differs between connections, so that a proxy's peers, who choose their own ids, cannot choose
/// ones that collide.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

impl Default for Ids {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Ids {
    type Hasher = IdHash;

    fn build_hasher(&self) -> IdHash {
        IdHash(self.0)
    }
}

pub(crate) struct IdHash(u64);

impl Hasher for IdHash {
    fn finish(&self) -> u64 {
        self.0
    }

    /// Both halves of a product of 128 bits: every bit of the id reaches every bit of the hash.
    fn write_u64(&mut self, id: u64) {
        let product = u128::from(self.0 ^ id) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
}
