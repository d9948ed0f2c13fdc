//! The checkpoint file: who a log is, and how far it is known to be durable.
//!
//! Two slots a page apart are written in turn, each with its own checksum, so that a write cut off in the middle leaves the
//! other one. `docs/log-format.md` has the layout.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32c::crc32c;

use super::StoreError;
use super::disk::{Disk, DiskFile};
use super::format::{u32_at, u64_at};

/// The name of the file.
pub(crate) const FILE: &str = "checkpoint";
pub(crate) const MAGIC: [u8; 8] = *b"TWOODLOG";
/// The bytes of a slot.
pub(crate) const SLOT: usize = CRC.end;
/// Where the second slot starts: in another page, so that no torn write reaches both.
pub(crate) const SECOND: u64 = 4096;

pub(crate) const NAME: Range<usize> = 0..8;
pub(crate) const VERSION: Range<usize> = NAME.end..NAME.end + 2;
pub(crate) const EPOCH: Range<usize> = VERSION.end..VERSION.end + 2;
pub(crate) const RESERVED: Range<usize> = EPOCH.end..EPOCH.end + 4;
pub(crate) const LOG_ID: Range<usize> = RESERVED.end..RESERVED.end + 8;
pub(crate) const SEQUENCE: Range<usize> = LOG_ID.end..LOG_ID.end + 8;
pub(crate) const NEXT: Range<usize> = SEQUENCE.end..SEQUENCE.end + 8;
pub(crate) const TIME: Range<usize> = NEXT.end..NEXT.end + 8;
pub(crate) const POSITION: Range<usize> = TIME.end..TIME.end + 8;
pub(crate) const RECORDS: Range<usize> = POSITION.end..POSITION.end + 4;
pub(crate) const CRC: Range<usize> = RECORDS.end..RECORDS.end + 4;

/// Of the checkpoint, and so of the directory.
pub(crate) const CURRENT: u16 = 2;
/// Stands for no position in [`RECORDS`].
const NOWHERE: u32 = u32::MAX;

/// What a slot says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) log_id: u64,
    /// How often the log was opened; wraps.
    pub(crate) epoch: u16,
    /// Every offset below this one was durable.
    pub(crate) next: u64,
    /// The time of the last batch, in microseconds since 1970.
    pub(crate) time: i64,
    /// Where `next` is.
    pub(crate) place: Option<Place>,
    /// Which slot is newer.
    pub(crate) sequence: u64,
}

/// Where the batch after a mark goes: an opening starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In bytes, from the start of the segment.
    pub(crate) position: u64,
    /// Records in the segment before it, which tells what segment that is.
    pub(crate) records: u32,
}

impl Mark {
    /// Whether this is where everything that was known to be durable ends: the position in the segment with this base offset.
    pub(crate) fn is_end(&self, base: u64, position: u64, next: u64) -> bool {
        let end = self.place.map(|place| place.position);
        self.base() == Some(base) && end == Some(position) && self.next == next
    }

    /// The base offset of the segment that was written when this was.
    pub(crate) fn base(&self) -> Option<u64> {
        self.next.checked_sub(u64::from(self.place?.records))
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    mark: Mark,
    /// The lowest base offset of a segment that either slot names; 0 where one names none that is known.
    lowest_base: u64,
}

impl Checkpoint {
    /// Opens the checkpoint of a log, or makes that of a new one where the directory has no segments.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, has_segments: bool) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let file = match disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_segments => {
                disk.create(&path).map_err(|source| StoreError::io("create", &path, source))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Identity { path }),
            Err(error) => return Err(StoreError::io("open", &path, error)),
        };
        let newest = newest(&*file, &path)?;
        let Some(mark) = newest else {
            if has_segments {
                return Err(StoreError::Identity { path });
            }
            // Made but never finished, or new: nothing was ever stored under whatever id it may have had.
            let log_id = RandomState::new().hash_one(std::process::id());
            let mut checkpoint = Self { file, path, mark: Mark { log_id, ..Mark::default() }, lowest_base: 0 };
            checkpoint.write(checkpoint.mark)?;
            checkpoint.write(checkpoint.mark)?;
            disk.sync_dir(dir).map_err(|source| StoreError::io("sync", dir, source))?;
            return Ok(checkpoint);
        };
        Ok(Self { file, path, mark, lowest_base: 0 })
    }

    /// Makes the checkpoint of a log again that has lost it. Everything is looked at at the next opening.
    pub(crate) fn restore(disk: &dyn Disk, dir: &Path, log_id: u64) -> Result<(), StoreError> {
        let path = dir.join(FILE);
        let file = disk.open(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => disk.create(&path),
            _ => Err(error),
        });
        let file = file.map_err(|source| StoreError::io("open", &path, source))?;
        let mut checkpoint = Self { file, path, mark: Mark { log_id, ..Mark::default() }, lowest_base: 0 };
        checkpoint.write(checkpoint.mark)?;
        checkpoint.write(checkpoint.mark)?;
        disk.sync_dir(dir).map_err(|source| StoreError::io("sync", dir, source))
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Writes the older slot, and makes it durable.
    pub(crate) fn write(&mut self, mark: Mark) -> Result<(), StoreError> {
        let mark = Mark { sequence: self.mark.sequence + 1, ..mark };
        let at = if mark.sequence.is_multiple_of(2) { 0 } else { SECOND };
        let failed = |source| StoreError::io("write", &self.path, source);
        self.file.write_at(&encode(&mark), at).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        let base = |mark: &Mark| mark.base().unwrap_or(0);
        self.lowest_base = base(&self.mark).min(base(&mark));
        self.mark = mark;
        Ok(())
    }

    /// Whichever slot an opening will read, it reads no segment before the one with this base offset.
    pub(crate) fn lowest_base(&self) -> u64 {
        self.lowest_base
    }
}

/// Reads what the checkpoint of a log says, and changes nothing.
pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Mark, StoreError> {
    let path = dir.join(FILE);
    match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Identity { path }),
        Err(error) => Err(StoreError::io("open", &path, error)),
        Ok(file) => newest(&*file, &path)?.ok_or(StoreError::Identity { path }),
    }
}

/// The newer slot of those that are whole.
fn newest(file: &dyn DiskFile, path: &Path) -> Result<Option<Mark>, StoreError> {
    let mut newest: Option<Mark> = None;
    for at in [0, SECOND] {
        let slot = file.read_at(SLOT, at).map_err(|source| StoreError::io("read", path, source))?;
        match decode(&slot) {
            Slot::Good(mark) if newest.is_none_or(|other| mark.sequence > other.sequence) => newest = Some(mark),
            Slot::Newer(found) => return Err(StoreError::Version { path: path.to_owned(), found, known: CURRENT }),
            _ => {}
        }
    }
    Ok(newest)
}

enum Slot {
    Good(Mark),
    Newer(u16),
    Bad,
}

pub(crate) fn encode(mark: &Mark) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[NAME].copy_from_slice(&MAGIC);
    slot[VERSION].copy_from_slice(&CURRENT.to_le_bytes());
    slot[EPOCH].copy_from_slice(&mark.epoch.to_le_bytes());
    slot[LOG_ID].copy_from_slice(&mark.log_id.to_le_bytes());
    slot[SEQUENCE].copy_from_slice(&mark.sequence.to_le_bytes());
    slot[NEXT].copy_from_slice(&mark.next.to_le_bytes());
    slot[TIME].copy_from_slice(&mark.time.to_le_bytes());
    let place = mark.place.unwrap_or(Place { position: 0, records: NOWHERE });
    slot[POSITION].copy_from_slice(&place.position.to_le_bytes());
    slot[RECORDS].copy_from_slice(&place.records.to_le_bytes());
    let crc = crc32c(&slot[..CRC.start]);
    slot[CRC].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode(slot: &[u8]) -> Slot {
    if slot.len() != SLOT || slot[NAME] != MAGIC || u32_at(slot, CRC) != crc32c(&slot[..CRC.start]) {
        return Slot::Bad;
    }
    let version = u16::from_le_bytes([slot[VERSION.start], slot[VERSION.start + 1]]);
    if version > CURRENT {
        return Slot::Newer(version);
    }
    let place = Place { position: u64_at(slot, POSITION), records: u32_at(slot, RECORDS) };
    Slot::Good(Mark {
        log_id: u64_at(slot, LOG_ID),
        epoch: u16::from_le_bytes([slot[EPOCH.start], slot[EPOCH.start + 1]]),
        next: u64_at(slot, NEXT),
        time: u64_at(slot, TIME).cast_signed(),
        // Version 1 had none.
        place: (version > 1 && place.records != NOWHERE).then_some(place),
        sequence: u64_at(slot, SEQUENCE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::SimDisk;

    #[test]
    fn either_slot_is_enough_and_the_newer_one_wins() {
        let dir = Path::new("log");
        let disk = SimDisk::new();
        let mut checkpoint = Checkpoint::open(&disk, dir, false).unwrap();
        let id = checkpoint.mark().log_id;
        checkpoint.write(Mark { next: 7, ..checkpoint.mark() }).unwrap();
        assert_eq!(Checkpoint::open(&disk, dir, true).unwrap().mark().next, 7);
        for slot in [0, SECOND as usize] {
            let mut image = disk.image();
            image.file_mut(&dir.join(FILE)).unwrap()[slot + 20] ^= 1;
            let mark = Checkpoint::open(&SimDisk::from_image(image), dir, true).unwrap().mark();
            assert!(mark.log_id == id && (mark.next == 7 || mark.next == 0), "{mark:?}");
        }
    }

    #[test]
    fn a_newer_version_is_refused_and_both_slots_lost_is_said() {
        let dir = Path::new("log");
        let disk = SimDisk::new();
        Checkpoint::open(&disk, dir, false).unwrap();
        let mut image = disk.image();
        let mut newer = encode(&Mark::default());
        newer[VERSION].copy_from_slice(&9_u16.to_le_bytes());
        let crc = crc32c(&newer[..CRC.start]);
        newer[CRC].copy_from_slice(&crc.to_le_bytes());
        image.file_mut(&dir.join(FILE)).unwrap()[..SLOT].copy_from_slice(&newer);
        let error = Checkpoint::open(&SimDisk::from_image(image.clone()), dir, true).unwrap_err();
        assert!(matches!(error, StoreError::Version { found: 9, .. }), "{error}");
        image.file_mut(&dir.join(FILE)).unwrap().fill(0);
        let error = Checkpoint::open(&SimDisk::from_image(image), dir, true).unwrap_err();
        assert!(matches!(error, StoreError::Identity { .. }), "{error}");
    }
}
