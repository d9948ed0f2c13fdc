//! What came of the calls: how many of each kind, and how long the answers took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use thriftwood::RpcErrorKind;

/// The significant digits of a latency.
const DIGITS: u8 = 3;
/// No latency is longer.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Callers share histograms, since each takes up to 200 KB, and there may be a hundred thousand callers.
const SHARDS: u32 = 16;

/// What came of one call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Result,
    /// A declared exception, by the name of its entry of `throws`.
    Exception(&'static str),
    Error(RpcErrorKind),
}

/// What came of all of them.
#[derive(Debug)]
pub(super) struct Tally {
    shards: Vec<Mutex<Shard>>,
    answers: AtomicU64,
    errors: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    /// Of answers, in nanoseconds.
    latencies: Histogram<u64>,
    results: u64,
    exceptions: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn new(callers: u32) -> Self {
        let shard = |_| {
            let (results, exceptions, errors) = Default::default();
            Mutex::new(Shard { latencies: histogram(), results, exceptions, errors })
        };
        let shards = (0..callers.clamp(1, SHARDS)).map(shard).collect();
        Self { shards, answers: AtomicU64::new(0), errors: AtomicU64::new(0) }
    }

    pub(super) fn count(&self, caller: usize, outcome: Outcome, took: Duration) {
        let mut shard = lock(&self.shards[caller % self.shards.len()]);
        match outcome {
            Outcome::Result => shard.results += 1,
            Outcome::Exception(name) => *shard.exceptions.entry(name).or_default() += 1,
            Outcome::Error(kind) => {
                *shard.errors.entry(kind.to_string()).or_default() += 1;
                self.errors.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
        // It grows with what is recorded, and a day is more than any time limit; `saturating_record` would not grow it.
        let _ = shard.latencies.record(u64::try_from(took.min(DAY).as_nanos()).unwrap_or(u64::MAX));
    }

    /// Results and declared exceptions, so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Calls without an answer, so far.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(super) fn results(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).results).sum()
    }

    pub(super) fn exceptions_by_name(&self) -> BTreeMap<&'static str, u64> {
        sum(self.shards.iter().map(|shard| lock(shard).exceptions.clone()))
    }

    pub(super) fn errors_by_kind(&self) -> BTreeMap<String, u64> {
        sum(self.shards.iter().map(|shard| lock(shard).errors.clone()))
    }

    /// The latencies of all answers, in nanoseconds.
    pub(super) fn latencies(&self) -> Histogram<u64> {
        let mut all = histogram();
        for shard in &self.shards {
            // It resizes itself, so that each fits.
            let _ = all.add(&lock(shard).latencies);
        }
        all
    }
}

#[allow(clippy::expect_used, reason = "it fails for more than 5 digits, and there are three")]
fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are few enough")
}

fn sum<K: Ord>(maps: impl Iterator<Item = BTreeMap<K, u64>>) -> BTreeMap<K, u64> {
    let mut all = BTreeMap::new();
    for (key, count) in maps.flatten() {
        *all.entry(key).or_default() += count;
    }
    all
}

/// The counts are plain numbers; a panic while one was counted cannot have left them half-changed.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
