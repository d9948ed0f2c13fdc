//! Damaged ranges that somebody has looked at and given up: readers pass over them without an error. Their bytes stay where they
//! are. `docs/log-format.md` has the layout of the file.

use std::io;
use std::ops::Range;

use crc32c::crc32c;
use tracing::warn;

use super::StoreError;
use super::format::{u32_at, u64_at};
use super::home::Home;

const FILE: &str = "quarantine";
pub(crate) const MAGIC: [u8; 8] = *b"TWOODQRN";
pub(crate) const NAME: Range<usize> = 0..8;
pub(crate) const LOG_ID: Range<usize> = NAME.end..NAME.end + 8;
pub(crate) const COUNT: Range<usize> = LOG_ID.end..LOG_ID.end + 4;
pub(crate) const CRC: Range<usize> = COUNT.end..COUNT.end + 4;
const HEADER: usize = CRC.end;
/// The bytes of a range: its first offset, and the first one behind it.
const RANGE: usize = 16;

/// Ranges in order, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quarantine(Vec<Range<u64>>);

impl Quarantine {
    /// Reads the file. One that is damaged itself gives nothing up.
    pub(crate) fn load(home: &Home) -> Result<Self, StoreError> {
        let path = home.dir.join(FILE);
        let failed = |source| StoreError::io("read", &path, source);
        let file = match home.disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file.map_err(failed)?,
        };
        let size = usize::try_from(file.size().map_err(failed)?).unwrap_or(0);
        let found = Self::decode(&file.read_at(size, 0).map_err(failed)?, home.log_id);
        if found.is_none() {
            warn!(path = %path.display(), "the file of damage that was given up is damaged, and readers tell of all damage again");
        }
        Ok(found.unwrap_or_default())
    }

    /// Writes the file anew.
    pub(crate) fn save(&self, home: &Home) -> Result<(), StoreError> {
        let path = home.dir.join(FILE);
        let failed = |source| StoreError::io("write", &path, source);
        let removed = home.disk.remove(&path);
        removed
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .map_err(failed)?;
        if self.0.is_empty() {
            return home.disk.sync_dir(&home.dir).map_err(failed);
        }
        let file = home.disk.create(&path).map_err(failed)?;
        file.write_at(&self.encode(home.log_id), 0).and_then(|()| file.sync_data()).map_err(failed)?;
        home.disk.sync_dir(&home.dir).map_err(failed)
    }

    /// Whether a whole range was given up.
    pub(crate) fn covers(&self, range: &Range<u64>) -> bool {
        let at = self.0.partition_point(|given_up| given_up.end < range.end);
        self.0.get(at).is_some_and(|given_up| given_up.start <= range.start)
    }

    pub(crate) fn add(&mut self, mut range: Range<u64>) {
        let touches = |other: &Range<u64>| other.start <= range.end && range.start <= other.end;
        let touching: Vec<Range<u64>> = self.0.extract_if(.., |other| touches(other)).collect();
        for other in touching {
            range = range.start.min(other.start)..range.end.max(other.end);
        }
        let at = self.0.partition_point(|other| other.start < range.start);
        self.0.insert(at, range);
    }

    fn encode(&self, log_id: u64) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        for range in &self.0 {
            out.extend_from_slice(&range.start.to_le_bytes());
            out.extend_from_slice(&range.end.to_le_bytes());
        }
        out[NAME].copy_from_slice(&MAGIC);
        out[LOG_ID].copy_from_slice(&log_id.to_le_bytes());
        out[COUNT].copy_from_slice(&(self.0.len() as u32).to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c(&out[..CRC.start]), &out[HEADER..]);
        out[CRC].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8], log_id: u64) -> Option<Self> {
        let (header, ranges) = bytes.split_at_checked(HEADER)?;
        let crc = crc32c::crc32c_append(crc32c(&header[..CRC.start]), ranges);
        let is_ours = header[NAME] == MAGIC && u64_at(header, LOG_ID) == log_id && u32_at(header, CRC) == crc;
        if !is_ours || ranges.len() != (u32_at(header, COUNT) as usize).checked_mul(RANGE)? {
            return None;
        }
        Some(Self(ranges.chunks_exact(RANGE).map(|range| u64_at(range, 0..8)..u64_at(range, 8..16)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_together_and_cover_what_lies_within_one_of_them() {
        let mut quarantine = Quarantine::default();
        for range in [10..20, 40..50, 20..30, 5..8] {
            quarantine.add(range);
        }
        assert_eq!(quarantine.0, [5..8, 10..30, 40..50]);
        for (range, covered) in
            [(10..30, true), (12..13, true), (5..30, false), (29..31, false), (45..50, true), (60..61, false)]
        {
            assert_eq!(quarantine.covers(&range), covered, "{range:?}");
        }
    }

    #[test]
    fn the_file_comes_back_and_with_a_byte_changed_gives_nothing_up() {
        let mut quarantine = Quarantine::default();
        quarantine.add(10..20);
        let bytes = quarantine.encode(7);
        assert_eq!(Quarantine::decode(&bytes, 7), Some(quarantine));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 8;
            assert_eq!(Quarantine::decode(&changed, 7), None, "changed at {at}");
        }
    }
}
