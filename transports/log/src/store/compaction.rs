//! Compaction: of all records with the same key the last one is kept.
//!
//! A pass reads the keys of what is new since the last one, as far as they fit into memory, and then goes through all full
//! segments, the oldest first. One in which a record was superseded is written anew beside the old one, synced, and put in
//! its place by one rename, which the writer of the log does between two rounds. Offsets stay what they were.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::StoreError;
use super::cleaned;
use super::queue::Command;
use super::reader::{From, Reader};
use super::record::Record;
use super::rewrite::Rewrite;
use super::segment::Segment;
use super::shared::Shared;
use crate::sync;

/// The most memory for keys, in bytes. With keys of 20 bytes that is 200,000 different ones; if there are more, a pass is
/// made for each so many.
const KEYS: usize = 16 * 1024 * 1024;
/// What a key takes beside its bytes: an entry of the map, and what the allocator adds.
const PER_KEY: usize = 64;
/// How often a pass looks whether the log is being closed, in records.
const LOOK: u64 = 256;

/// Of all records with the same key only the last one is kept; a record with a key and an empty value says that the key is gone.
/// Records without a key are all kept. The newest segment is never touched, so that whoever follows the log sees everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// A record with a key and an empty value is kept for so long after it was stored; a day. A reader that is not further behind
    /// sees every deletion.
    pub tombstones: Duration,
}

impl Default for Compaction {
    fn default() -> Self {
        Self { tombstones: Duration::from_secs(24 * 60 * 60) }
    }
}

impl Compaction {
    /// Keeps deletions for so long.
    #[must_use]
    pub fn tombstones(self, tombstones: Duration) -> Self {
        Self { tombstones }
    }
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// Segments that were written anew.
    pub segments: u64,
    /// Records that are gone.
    pub records: u64,
    /// Bytes that were freed.
    pub bytes: u64,
}

/// A compaction to be made.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    /// What lies before this offset may be touched.
    pub(super) limit: u64,
    /// Deletions stored before this, in microseconds since 1970, may go.
    pub(super) horizon: i64,
    pub(super) epoch: u16,
    /// Whether to do it whether or not it is worth it.
    pub(super) is_asked: bool,
    /// Set when the log is being closed.
    pub(super) cancel: Arc<AtomicBool>,
}

/// The offset of the last record of each key, as far as was looked.
#[derive(Default)]
struct Newest {
    offsets: HashMap<Box<[u8]>, u64>,
    bytes: usize,
    /// Nothing from here on was looked at.
    until: u64,
}

/// What a look at a segment found.
#[derive(Default)]
struct Look {
    kept: u64,
    removed: u64,
    /// When the last record was stored, kept or not.
    time: i64,
}

impl Job {
    pub(super) fn run(&self) -> Result<Compacted, StoreError> {
        let mut done = Compacted::default();
        let home = &self.shared.home;
        let mut from = cleaned::load(home).max(self.shared.first());
        if !self.is_asked && !self.is_worth_it(from)? {
            return Ok(done);
        }
        loop {
            let newest = self.newest(from)?;
            let empty = self.pass(&newest, &mut done)?;
            cleaned::save(home, newest.until);
            if empty > self.shared.first() {
                // Should it fail, the next pass asks again.
                let (done, wait) = oneshot::channel();
                let _ = self.shared.queue.offer(Command::Trim { before: empty, done });
                let _ = sync::wait(wait);
            }
            from = newest.until;
            if from >= self.limit {
                break;
            }
        }
        if done.segments > 0 {
            info!(dir = %home.dir.display(), segments = done.segments, records = done.records, bytes = done.bytes, "compacted a log");
        }
        Ok(done)
    }

    /// The full segments that may be touched, with the offset after the last one of each.
    fn segments(&self) -> Vec<(Arc<Segment>, u64)> {
        let segments = self.shared.segments();
        let pairs = segments.windows(2).map(|pair| (Arc::clone(&pair[0]), pair[1].base));
        pairs.take_while(|(_, end)| *end <= self.limit).collect()
    }

    /// Whether there is as much that was never looked at as there is beside it. So what is written in all is at most twice what was
    /// appended, and what is kept in vain at most as much as what is not.
    fn is_worth_it(&self, from: u64) -> Result<bool, StoreError> {
        let (mut new, mut old) = (0, 0);
        for (segment, _) in self.segments() {
            let size = segment.size(&self.shared.home);
            let size = size.map_err(|source| StoreError::io("read", &segment.path, source))?;
            *if segment.base >= from { &mut new } else { &mut old } += size;
        }
        Ok(new > 0 && new >= old)
    }

    /// Reads keys from this offset on.
    fn newest(&self, from: u64) -> Result<Newest, StoreError> {
        let mut newest = Newest { until: from, ..Newest::default() };
        let mut reader = self.reader(from)?;
        while reader.offset() < self.limit {
            match self.next(&mut reader) {
                Ok(Some(record)) if record.offset() < self.limit => {
                    if !newest.add(&record) {
                        return Ok(newest);
                    }
                }
                Ok(_) => break,
                // It stays as it is, and supersedes nothing.
                Err(StoreError::Corrupt { .. } | StoreError::Unsupported { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        newest.until = self.limit;
        Ok(newest)
    }

    /// Goes through the segments. Gives the offset before which there is no record.
    fn pass(&self, newest: &Newest, done: &mut Compacted) -> Result<u64, StoreError> {
        // What a damaged segment has of a key must not come back to life, so from there on deletions stay.
        let (mut may_forget, mut is_leading, mut empty) = (true, true, 0);
        for (segment, end) in self.segments() {
            if segment.base >= newest.until {
                break;
            }
            let goes = |record: &Record| newest.supersedes(record, may_forget.then_some(self.horizon));
            let Some(look) = self.walk(segment.base, end, &goes, |_, _| Ok(()))? else {
                warn!(path = %segment.path.display(), "a segment is damaged, and is left as it is by compaction");
                (may_forget, is_leading) = (false, false);
                continue;
            };
            if look.removed > 0 {
                match self.rewrite(&segment, end, &goes) {
                    Ok(freed) => {
                        done.segments += u64::from(freed.is_some());
                        done.records += freed.map_or(0, |_| look.removed);
                        done.bytes += freed.unwrap_or(0);
                    }
                    // A record as large as a batch can be has no room for what is said about the gap before it.
                    Err(StoreError::TooLarge { .. }) => may_forget = false,
                    Err(error) => return Err(error),
                }
            }
            is_leading &= look.kept == 0;
            if is_leading {
                empty = end;
            }
        }
        Ok(empty)
    }

    /// Writes a segment anew and has it put in place. Gives how many bytes that freed; `None` when it was removed meanwhile.
    fn rewrite(
        &self,
        segment: &Arc<Segment>,
        end: u64,
        goes: &impl Fn(&Record) -> bool,
    ) -> Result<Option<u64>, StoreError> {
        let home = &self.shared.home;
        let before = segment.size(home).map_err(|source| StoreError::io("read", &segment.path, source))?;
        let mut rewrite = Rewrite::create(home, segment.base, self.epoch)?;
        let look = self.walk(segment.base, end, goes, |record, codec| rewrite.push(record, codec))?;
        let Some(look) = look else { return Ok(None) };
        let after = rewrite.finish(end, look.time)?;
        let (done, wait) = oneshot::channel();
        // Refused when the log ends; an opening sweeps away the file that is left.
        let offered = self.shared.queue.offer(Command::Replace { base: segment.base, done });
        if offered.is_err() {
            return Err(self.closed());
        }
        let is_replaced = sync::wait(wait).unwrap_or_else(|_| Err(self.closed()))?;
        Ok(is_replaced.then(|| before.saturating_sub(after)))
    }

    /// Reads a segment. `None` when part of it cannot be read.
    fn walk(
        &self,
        base: u64,
        end: u64,
        goes: &impl Fn(&Record) -> bool,
        mut keep: impl FnMut(Record, u16) -> Result<(), StoreError>,
    ) -> Result<Option<Look>, StoreError> {
        let mut reader = self.reader(base)?;
        let mut look = Look::default();
        while reader.offset() < end {
            match self.next(&mut reader) {
                Ok(Some(record)) if record.offset() < end => {
                    look.time = record.time;
                    if goes(&record) {
                        look.removed += 1;
                    } else {
                        look.kept += 1;
                        keep(record, reader.codec())?;
                    }
                }
                Ok(_) => break,
                Err(StoreError::Corrupt { .. } | StoreError::Unsupported { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(look))
    }

    fn reader(&self, from: u64) -> Result<Reader, StoreError> {
        let mut reader = Reader::open(Arc::clone(&self.shared), From::Offset(from))?;
        reader.tell_all_damage();
        Ok(reader)
    }

    fn next(&self, reader: &mut Reader) -> Result<Option<Record>, StoreError> {
        if reader.offset().is_multiple_of(LOOK) && self.cancel.load(Ordering::Relaxed) {
            return Err(self.closed());
        }
        reader.next_ready()
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed { dir: self.shared.home.dir.clone() }
    }
}

impl Newest {
    /// Takes note of a record. `false` when there is no memory for it.
    fn add(&mut self, record: &Record) -> bool {
        if let Some(key) = record.key() {
            if let Some(offset) = self.offsets.get_mut(&key[..]) {
                *offset = record.offset();
            } else {
                let size = key.len() + PER_KEY;
                if self.bytes > 0 && self.bytes + size > KEYS {
                    return false;
                }
                self.bytes += size;
                self.offsets.insert(key[..].into(), record.offset());
            }
        }
        self.until = record.offset() + 1;
        true
    }

    /// Whether a record goes: a later one has its key, or it is a deletion from before the horizon, if there is one.
    fn supersedes(&self, record: &Record, horizon: Option<i64>) -> bool {
        let Some(key) = record.key().filter(|_| record.offset() < self.until) else { return false };
        match self.offsets.get(&key[..]) {
            Some(newest) if *newest > record.offset() => true,
            _ => record.value().is_empty() && horizon.is_some_and(|horizon| record.time < horizon),
        }
    }
}
