//! What the tests of the store share: a log on a simulated disk, and a generator of numbers that names its seed.

use std::path::Path;
use std::sync::Arc;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Durability, Entry, From, Log, LogOptions, StoreError};

/// Where the log is on a simulated disk.
pub(crate) fn dir() -> &'static Path {
    Path::new("log")
}

/// Opens the log on this disk, with small segments.
pub(crate) fn open(disk: &SimDisk, segment_bytes: u64) -> Result<Log, StoreError> {
    Log::open(dir(), with(disk, |options| options.segment_bytes = segment_bytes))
}

/// Options for a log on this disk.
pub(crate) fn with(disk: &SimDisk, change: impl FnOnce(&mut LogOptions)) -> LogOptions {
    let mut options = LogOptions::default();
    options.disk = Arc::new(disk.clone());
    change(&mut options);
    options
}

/// Appends one record, durably, and gives its offset.
pub(crate) fn append(log: &Log, value: &[u8]) -> Result<u64, StoreError> {
    append_with(log, value, Durability::Durable)
}

pub(crate) fn append_with(log: &Log, value: &[u8], durability: Durability) -> Result<u64, StoreError> {
    let batch = Batch::of(&[Entry::of(value).headers(&[("n", &value[..value.len().min(4)])])])?;
    Ok(log.append_blocking(batch, durability)?.first)
}

/// What a reader finds: records, and ranges that cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: Vec<(u64, Vec<u8>)>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

/// Reads everything there is from here on.
pub(crate) fn read_from(log: &Log, from: From) -> Contents {
    let mut reader = log.reader(from).unwrap_or_else(|error| panic!("{error}"));
    let mut contents = Contents::default();
    loop {
        match reader.next_ready() {
            Ok(Some(record)) => {
                let value = record.value().to_vec();
                assert_eq!(
                    record.header("n").as_deref(),
                    Some(&value[..value.len().min(4)]),
                    "the header goes with it"
                );
                contents.records.push((record.offset(), value));
            }
            Ok(None) => return contents,
            Err(StoreError::Corrupt { from, to, .. }) => contents.gaps.push((from, to)),
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn read(log: &Log) -> Contents {
    read_from(log, From::First)
}

/// A SplitMix64 generator (Steele, Lea, Flood 2014): small, and the same everywhere for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn bytes(&mut self, max: u64) -> Vec<u8> {
        let length = self.below(max + 1);
        (0..length).map(|_| self.next() as u8).collect()
    }
}
