//! How a log is opened, and what an append asks for.

use std::sync::Arc;
use std::time::Duration;

use super::clock::{Clock, SystemClock};
use super::compaction::Compaction;
use super::disk::{Disk, RealDisk, SimDisk};

/// Segments are no larger, so that a position in one fits 32 bits.
const MAX_SEGMENT: u64 = 2 * 1024 * 1024 * 1024;
/// Every limit is kept to an eighth of it: by so much the newest segment may exceed it.
const SEGMENTS_PER_LIMIT: u32 = 8;
/// A limit on the size or on the records makes segments no smaller than this.
pub(super) const MIN_SEGMENT: u64 = 64 * 1024;

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// A power cut: it is on the disk (one fdatasync, shared by all who wait).
    #[default]
    Durable,
    /// The death of the process: the operating system has it. It is on the disk after a pause of 50 ms, or after a second.
    /// Appends that are buffered while others wait to be durable wait with them.
    Buffered,
}

/// How long records are kept. Whole segments are removed, the oldest first, and never the newest; so up to an eighth more is
/// kept. Whoever has not read them by then has missed them. Without a limit everything is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Records older than this go.
    pub age: Option<Duration>,
    /// What exceeds so many bytes of segments goes.
    pub bytes: Option<u64>,
    /// What exceeds so many records goes.
    pub records: Option<u64>,
}

impl Retention {
    /// Keeps records for this long.
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Keeps so many bytes of segments.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Keeps so many records.
    #[must_use]
    pub fn records(mut self, records: u64) -> Self {
        self.records = Some(records);
        self
    }

    /// Whether anything is ever removed.
    pub fn is_limited(&self) -> bool {
        *self != Self::default()
    }
}

/// How a log is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogOptions {
    /// When a segment has reached this size, in bytes, the next one is begun; 64 MiB, and at most 2 GiB. A limit on the bytes
    /// or the records that are kept makes it smaller.
    pub segment_bytes: u64,
    /// When the first record of a segment is as old as this the next segment is begun. `None` for whenever it is full, or for
    /// an eighth of the age to which records are kept.
    pub segment_age: Option<Duration>,
    /// How long records are kept.
    pub retention: Retention,
    /// Whether, and how, only the last record of each key is kept. The log does so by itself when as much is new as is old.
    pub compaction: Option<Compaction>,
    /// The most bytes of appends that wait to be written; whoever would exceed it waits. 4 MiB: what waits
    /// longer has left the processor's cache by the time it is written.
    pub queue_bytes: usize,
    /// Opens a log whose newest segment is missing, with records that were durable, as one that has lost them.
    pub accept_loss: bool,
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            segment_age: None,
            retention: Retention::default(),
            compaction: None,
            queue_bytes: 4 * 1024 * 1024,
            accept_loss: false,
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl LogOptions {
    /// Options for logs in memory, for tests: all that are opened with these or a clone of them are on one [`SimDisk`], whatever their
    /// directories, and are gone with the last of them. Nothing else is different from the real thing.
    pub fn in_memory() -> Self {
        Self { disk: Arc::new(SimDisk::new()), ..Self::default() }
    }

    /// The size at which the next segment is begun.
    pub(crate) fn roll_bytes(&self) -> u64 {
        let share = self.retention.bytes.map(|bytes| (bytes / u64::from(SEGMENTS_PER_LIMIT)).max(MIN_SEGMENT));
        self.segment_bytes.min(share.unwrap_or(u64::MAX)).min(MAX_SEGMENT)
    }

    /// How many records a segment has when the next one is begun.
    pub(crate) fn roll_records(&self) -> Option<u64> {
        self.retention.records.map(|records| records / u64::from(SEGMENTS_PER_LIMIT))
    }

    /// The age at which the next segment is begun.
    pub(crate) fn roll_age(&self) -> Option<Duration> {
        self.segment_age.or(self.retention.age.map(|age| age / SEGMENTS_PER_LIMIT))
    }
}
