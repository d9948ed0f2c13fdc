//! Records with keys, a list of what should be left of them, and logs to compare it with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{
    Batch, Codec, Compacted, Compaction, Durability, Entry, From, Log, LogOptions, SimClock, StoreError,
};
use tokio::runtime::Runtime;

use crate::support::{Random, dir, with};

pub(crate) const SEGMENT: u64 = 2_000;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was appended: key, value (empty for a deletion), and when, in days.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) key: Option<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) day: u64,
}

/// All that was appended, and from where on it is known to be kept by whoever compacts.
#[derive(Clone, Default)]
pub(crate) struct Oracle {
    pub(crate) records: Vec<Stored>,
    /// Gone, by offset.
    pub(crate) gone: HashMap<u64, ()>,
}

/// In few words: a log has many.
impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}={}b", self.key, self.value.len())
    }
}

impl Oracle {
    pub(crate) fn compact(&mut self, today: u64) {
        for (offset, record) in (0..).zip(&self.records) {
            let later = |other: &Stored| other.key == record.key;
            let superseded = self.records[offset as usize + 1..].iter().any(later);
            let forgotten = record.value.is_empty() && record.day + 1 < today;
            if record.key.is_some() && (superseded || forgotten) {
                self.gone.insert(offset, ());
            }
        }
    }

    pub(crate) fn kept(&self, from: u64) -> Vec<(u64, Stored)> {
        let all = (0..).zip(self.records.iter().cloned());
        all.filter(|(offset, _)| *offset >= from && !self.gone.contains_key(offset)).collect()
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

pub(crate) fn open(disk: &SimDisk, clock: &SimClock) -> Result<Log, StoreError> {
    Log::open(dir(), options(disk, clock))
}

pub(crate) fn options(disk: &SimDisk, clock: &SimClock) -> LogOptions {
    with(disk, |options| {
        options.segment_bytes = SEGMENT;
        options.clock = Arc::new(clock.clone());
    })
}

pub(crate) fn compact(log: &Log) -> Result<Compacted, StoreError> {
    runtime().block_on(log.compact(Compaction::default()))
}

/// Compressed or not, durable or not.
pub(crate) fn append(log: &Log, records: &[Stored], random: &mut Random) {
    let mut batch = batch(records);
    if random.below(3) == 0 {
        batch = batch.compressed(Codec::Lz4);
    }
    let durability = if random.below(2) == 0 { Durability::Durable } else { Durability::Buffered };
    log.append_blocking(batch, durability).unwrap();
}

/// The header tells the day, so that a record that came back under another offset would be seen.
pub(crate) fn batch(records: &[Stored]) -> Batch {
    let texts: Vec<(Option<[u8; 1]>, String)> =
        records.iter().map(|record| (record.key.map(|key| [key]), record.day.to_string())).collect();
    let headers: Vec<[(&str, &[u8]); 1]> = texts.iter().map(|(_, day)| [("day", day.as_bytes())]).collect();
    let entries: Vec<Entry<'_>> = records
        .iter()
        .zip(texts.iter().zip(&headers))
        .map(|(record, ((key, _), headers))| Entry {
            key: key.as_ref().map(|key| &key[..]),
            headers,
            value: &record.value,
        })
        .collect();
    Batch::of(&entries).unwrap()
}

pub(crate) fn some_records(random: &mut Random, day: u64) -> Vec<Stored> {
    (0..=random.below(4))
        .map(|_| {
            let key = (random.below(8) > 0).then(|| random.below(9) as u8);
            let value = if random.below(5) == 0 {
                Vec::new()
            } else {
                vec![random.next() as u8; random.below(300) as usize + 1]
            };
            Stored { key, value, day }
        })
        .collect()
}

pub(crate) fn read(log: &Log, from: From) -> Result<Vec<(u64, Stored)>, StoreError> {
    let mut reader = log.reader(from)?;
    let mut found = Vec::new();
    while let Some(record) = reader.next_ready()? {
        let day = String::from_utf8(record.header("day").unwrap().to_vec()).unwrap().parse().unwrap();
        let key = record.key().map(|key| key[0]);
        found.push((record.offset(), Stored { key, value: record.value().to_vec(), day }));
    }
    Ok(found)
}

pub(crate) fn assert_is(log: &Log, oracle: &Oracle, what: &str) {
    let end = oracle.records.len() as u64;
    assert_eq!((log.next_offset(), log.damage()), (end, &[][..]), "{what}");
    assert_eq!(read(log, From::First).unwrap(), oracle.kept(0), "{what}");
    for from in (0..=end).step_by(7) {
        assert_eq!(read(log, From::Offset(from)).unwrap(), oracle.kept(from), "{what}, from {from}");
    }
    let mut back = log.backwards(From::Next).unwrap();
    let found: Vec<u64> = std::iter::from_fn(|| back.next_ready().unwrap()).map(|record| record.offset()).collect();
    assert!(found.into_iter().eq(oracle.kept(0).into_iter().map(|(offset, _)| offset).rev()), "{what}, backwards");
}

/// A log with many segments in which most records were superseded, and what was appended.
pub(crate) fn filled(disk: &SimDisk, clock: &SimClock, seed: u64) -> (Log, Oracle) {
    let mut random = Random(seed);
    let log = open(disk, clock).unwrap();
    let mut oracle = Oracle::default();
    for step in 0..30 {
        let mut records = some_records(&mut random, 1_000 + step / 10);
        // So that something of the first segment is kept.
        records[0].key = records[0].key.filter(|_| step > 0);
        append(&log, &records, &mut random);
        oracle.records.extend(records);
        if step % 10 == 9 {
            clock.advance(DAY);
        }
    }
    (log, oracle)
}

/// Of what is there everything is as it was appended; what is gone may be; and nothing that was deleted comes back.
pub(crate) fn assert_is_between(log: &Log, before: &Oracle, after: &Oracle, what: &str) {
    assert_eq!(log.damage(), &[][..], "{what}");
    let found: HashMap<u64, Stored> =
        read(log, From::First).unwrap_or_else(|error| panic!("{what}: {error}")).into_iter().collect();
    for (offset, record) in &found {
        assert_eq!(*record, before.records[*offset as usize], "{what}: offset {offset}");
    }
    for (offset, _) in after.kept(0) {
        assert!(found.contains_key(&offset), "{what}: {offset} is to be kept");
    }
    for (offset, deletion) in (0..).zip(&before.records).filter(|(_, record)| record.value.is_empty()) {
        let is_older = |(other, record): (&u64, &Stored)| *other < offset && record.key == deletion.key;
        let back_to_life = deletion.key.is_some()
            && !found.iter().any(|(other, record)| *other >= offset && record.key == deletion.key)
            && found.iter().any(is_older);
        assert!(!back_to_life, "{what}: what {offset} deleted is back");
    }
}
