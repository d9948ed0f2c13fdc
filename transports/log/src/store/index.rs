//! The sparse index of a segment, and the file beside the segment that it is kept in: `docs/log-format.md` has the layout.
//!
//! It is a cache. What the file says is believed as far as its checksum, and an entry only after the batch it names was
//! found there; when it is missing or wrong it is made again from the segment.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};

use super::format::{u32_at, u64_at};

/// Bytes of batches between two entries.
const STEP: u64 = 4096;

pub(crate) const MAGIC: [u8; 8] = *b"TWOODIDX";
/// Of the layout of this file.
pub(crate) const CURRENT: u16 = 1;
/// The bytes in front of the entries.
pub(crate) const HEADER: usize = CRC.end;
/// The bytes of an entry.
pub(crate) const ENTRY: usize = 16;

pub(crate) const NAME: Range<usize> = 0..8;
pub(crate) const VERSION: Range<usize> = NAME.end..NAME.end + 2;
pub(crate) const RESERVED: Range<usize> = VERSION.end..VERSION.end + 6;
pub(crate) const LOG_ID: Range<usize> = RESERVED.end..RESERVED.end + 8;
pub(crate) const BASE: Range<usize> = LOG_ID.end..LOG_ID.end + 8;
pub(crate) const NEXT: Range<usize> = BASE.end..BASE.end + 8;
pub(crate) const COVERED: Range<usize> = NEXT.end..NEXT.end + 8;
pub(crate) const TIME: Range<usize> = COVERED.end..COVERED.end + 8;
pub(crate) const COUNT: Range<usize> = TIME.end..TIME.end + 4;
pub(crate) const CRC: Range<usize> = COUNT.end..COUNT.end + 4;

/// One batch in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) time: i64,
}

/// Where some of a segment's batches are, one in each 4 KiB, and how far that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) entries: Vec<Entry>,
    /// The offset after the last batch that was looked at.
    pub(crate) next: u64,
    /// The position behind it.
    pub(crate) covered: u64,
    /// Its time, which is the latest.
    pub(crate) time: i64,
    /// The position of the last entry, here or in the index that this one continues.
    last: Option<u64>,
}

impl Index {
    /// Nothing looked at yet, in the segment with this base offset.
    pub(crate) fn starting(base: u64) -> Self {
        Self::behind(base, 0, i64::MIN)
    }

    /// Nothing looked at yet from this batch on.
    pub(crate) fn behind(next: u64, covered: u64, time: i64) -> Self {
        Self { entries: Vec::new(), next, covered, time, last: None }
    }

    /// The index of what comes next.
    pub(crate) fn continued(&self) -> Self {
        Self { entries: Vec::new(), ..*self }
    }

    /// Takes in the next batch.
    pub(crate) fn add(&mut self, offset: u64, position: u64, time: i64, end: u64, size: u64) {
        if self.last.is_none_or(|last| position >= last + STEP) {
            self.last = Some(position);
            self.entries.push(Entry { offset, position, time });
        }
        (self.next, self.covered, self.time) = (end, position + size, self.time.max(time));
    }

    /// Goes on with an index that was begun where this one ends.
    pub(crate) fn join(&mut self, later: &Index) {
        self.entries.extend_from_slice(&later.entries);
        (self.next, self.covered, self.time) = (later.next, later.covered, self.time.max(later.time));
        self.last = later.last.or(self.last);
    }

    /// The file's bytes, for a segment with this base offset.
    pub(crate) fn encode(&self, log_id: u64, base: u64) -> Vec<u8> {
        // Positions and distances that need more than 32 bits are left out; a lookup then starts at the last one before.
        let entries: Vec<(u32, u32, i64)> = self
            .entries
            .iter()
            .filter_map(|entry| {
                let relative = u32::try_from(entry.offset - base).ok()?;
                Some((relative, u32::try_from(entry.position).ok()?, entry.time))
            })
            .collect();
        let mut out = vec![0; HEADER];
        out.reserve(entries.len() * ENTRY);
        out[NAME].copy_from_slice(&MAGIC);
        out[VERSION].copy_from_slice(&CURRENT.to_le_bytes());
        out[LOG_ID].copy_from_slice(&log_id.to_le_bytes());
        out[BASE].copy_from_slice(&base.to_le_bytes());
        out[NEXT].copy_from_slice(&self.next.to_le_bytes());
        out[COVERED].copy_from_slice(&self.covered.to_le_bytes());
        out[TIME].copy_from_slice(&self.time.to_le_bytes());
        out[COUNT].copy_from_slice(&(entries.len() as u32).to_le_bytes());
        for (relative, position, time) in entries {
            out.extend_from_slice(&relative.to_le_bytes());
            out.extend_from_slice(&position.to_le_bytes());
            out.extend_from_slice(&time.to_le_bytes());
        }
        let crc = crc32c_append(crc32c(&out[..CRC.start]), &out[HEADER..]);
        out[CRC].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the file of the segment with this base offset. `None` when these are not its bytes.
    pub(crate) fn decode(bytes: &[u8], log_id: u64, base: u64) -> Option<Self> {
        let (header, entries) = bytes.split_at_checked(HEADER)?;
        let ours = header[NAME] == MAGIC && header[VERSION] == CURRENT.to_le_bytes();
        let count = u32_at(header, COUNT) as usize;
        if !ours || entries.len() != count.checked_mul(ENTRY)? || u64_at(header, LOG_ID) != log_id {
            return None;
        }
        if u32_at(header, CRC) != crc32c_append(crc32c(&header[..CRC.start]), entries) || u64_at(header, BASE) != base {
            return None;
        }
        let entry = |bytes: &[u8]| Entry {
            offset: base + u64::from(u32_at(bytes, 0..4)),
            position: u64::from(u32_at(bytes, 4..8)),
            time: u64_at(bytes, 8..16).cast_signed(),
        };
        let entries: Vec<Entry> = entries.chunks_exact(ENTRY).map(entry).collect();
        Some(Self {
            last: entries.last().map(|last| last.position),
            entries,
            next: u64_at(header, NEXT),
            covered: u64_at(header, COVERED),
            time: u64_at(header, TIME).cast_signed(),
        })
    }
}

/// The id of the log that a file's header names, unchecked.
pub(crate) fn id(header: &[u8]) -> Option<u64> {
    (header.len() == HEADER && header[NAME] == MAGIC).then(|| u64_at(header, LOG_ID))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let mut index = Index::starting(100);
        for n in 0..10 {
            index.add(100 + n, n * 3000, 5_000 + n.cast_signed(), 101 + n, 3000);
        }
        index
    }

    #[test]
    fn one_batch_in_every_step_is_kept_and_the_end_is_known() {
        let index = index();
        assert!(index.entries.iter().map(|entry| entry.position).eq([0, 6000, 12000, 18000, 24000]));
        assert_eq!((index.next, index.covered, index.time), (110, 30_000, 5_009));
    }

    #[test]
    fn a_file_with_any_byte_changed_or_missing_is_refused() {
        let (index, id) = (index(), 7);
        let bytes = index.encode(id, 100);
        assert_eq!(Index::decode(&bytes, id, 100), Some(index));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert_eq!(Index::decode(&changed, id, 100), None, "changed at {at}");
            assert_eq!(Index::decode(&bytes[..at], id, 100), None, "cut at {at}");
        }
        assert_eq!(Index::decode(&bytes, id + 1, 100), None, "another log's");
        assert_eq!(Index::decode(&bytes, id, 101), None, "another segment's");
    }
}
