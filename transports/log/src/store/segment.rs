//! One segment: a file of batches named by the offset of its first record, and a sparse index of it in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile};
use super::scan::Scan;

/// Bytes of batches between two entries of the index.
const STEP: u64 = 4096;

/// A segment as readers and the writer share it.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The offset of its first record.
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    index: Mutex<Index>,
}

/// Where some of the batches are. A cache: what it says is checked against the batch found there.
#[derive(Debug, Default)]
struct Index {
    entries: Vec<Entry>,
    /// Whether it covers the file as far as it was written.
    built: bool,
}

/// One batch in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) time: i64,
}

impl Segment {
    /// A segment whose index is made when it is first needed.
    pub(crate) fn sealed(dir: &Path, base: u64) -> Self {
        Self { base, path: dir.join(file_name(base)), index: Mutex::default() }
    }

    /// A segment that is being written, with its index up to here.
    pub(crate) fn active(dir: &Path, base: u64, entries: Vec<Entry>) -> Self {
        Self { index: Mutex::new(Index { entries, built: true }), ..Self::sealed(dir, base) }
    }

    /// Adds what was written.
    pub(crate) fn extend_index(&self, entries: &[Entry]) {
        lock(&self.index).entries.extend_from_slice(entries);
    }

    /// The last batch known to start at or before `offset`; the start of the file when none is.
    pub(crate) fn before_offset(&self, file: &dyn DiskFile, seed: u32, offset: u64) -> io::Result<Entry> {
        self.last_where(file, seed, |entry| entry.offset <= offset)
    }

    /// The last batch known to be older than `time`; the start of the file when none is.
    pub(crate) fn before_time(&self, file: &dyn DiskFile, seed: u32, time: i64) -> io::Result<Entry> {
        self.last_where(file, seed, |entry| entry.time < time)
    }

    fn last_where(&self, file: &dyn DiskFile, seed: u32, before: impl Fn(&Entry) -> bool) -> io::Result<Entry> {
        let mut index = lock(&self.index);
        if !index.built {
            index.entries = self.scan(file, seed)?;
            index.built = true;
        }
        let found = index.entries.partition_point(before);
        let start = Entry { offset: self.base, position: 0, time: i64::MIN };
        Ok(found.checked_sub(1).map_or(start, |last| index.entries[last]))
    }

    /// Makes the index by walking the headers; damaged places are stepped over, to be reported by whoever reads there.
    fn scan(&self, file: &dyn DiskFile, seed: u32) -> io::Result<Vec<Entry>> {
        let mut scan = Scan::new(file, seed, file.size()?);
        let mut entries = IndexBuilder::default();
        let (mut position, mut next) = (0, self.base);
        loop {
            let header = match scan.header(position)?.filter(|header| header.base == next) {
                Some(header) => header,
                None => match scan.find(position, next)? {
                    Some((at, header)) => {
                        position = at;
                        header
                    }
                    None => return Ok(entries.entries),
                },
            };
            entries.add(Entry { offset: header.base, position, time: header.time });
            position += header.size();
            next = header.end();
        }
    }
}

/// Picks the batches that go into an index.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    pub(crate) entries: Vec<Entry>,
    last: Option<u64>,
}

impl IndexBuilder {
    /// Goes on behind these entries.
    pub(crate) fn after(last: Option<u64>) -> Self {
        Self { entries: Vec::new(), last }
    }

    /// Takes a batch in, if it is far enough from the last one.
    pub(crate) fn add(&mut self, entry: Entry) {
        if self.last.is_none_or(|last| entry.position >= last + STEP) {
            self.last = Some(entry.position);
            self.entries.push(entry);
        }
    }

    /// Where the last batch that was taken in is.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }
}

/// The name of the segment that starts at this offset.
pub(crate) fn file_name(base: u64) -> String {
    format!("{base:020}.log")
}

/// The offset a segment's name tells; `None` when it is not the name of a segment.
pub(crate) fn base_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The base offsets of the segments in a directory, lowest first.
pub(crate) fn bases(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<u64>> {
    let mut bases: Vec<u64> = disk.list(dir)?.iter().filter_map(|name| base_of(name)).collect();
    bases.sort_unstable();
    Ok(bases)
}

/// The index is a list that only grows; a panic while it was held leaves it usable.
fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}
