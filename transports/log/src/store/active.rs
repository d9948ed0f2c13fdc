//! The segment that is being written: gathers stamped batches and writes them in page-aligned pieces.

use std::io;
use std::sync::Arc;

use super::StoreError;
use super::disk::{DiskFile, DiskFolder};
use super::format::{HEADER, Header};
use super::gathered::Gathered;
use super::home::Home;
use super::index::Index;
use super::recovery::Recovered;
use super::segment::{Segment, file_name};

/// Writes go out in pieces that end at a multiple of this, as long as more follows: each partial page that is left behind
/// has to be entered again by the next write, which cost a third of the throughput with 64 KiB batches.
const PIECE: u64 = 256 * 1024;
/// Space is set aside in steps between these two, as the segment grows. Setting it aside shows a full disk before anything
/// was written, and saves the file system from growing the file with every write.
const MIN_STEP: u64 = 64 * 1024;
const MAX_STEP: u64 = 16 * 1024 * 1024;
/// Zeros are written ahead of durable appends up to the next multiple of this. Space that was set aside and never written is marked
/// so in the file system's map of blocks, and each sync of the first bytes in it has to put a changed map on the disk as well. Measured with
/// 1 KiB, or 16 KiB, to an fdatasync: 136 us and 228 us without, 102 us and 154 us with it, the zeros included.
const CLEARED: u64 = 256 * 1024;
/// Where more than this is synced at once, the zeros would cost as much as they save.
const MAX_AHEAD: usize = 64 * 1024;
static ZEROS: [u8; CLEARED as usize] = [0; CLEARED as usize];

/// The segment being written.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next batch goes: behind everything that was gathered.
    pub(crate) position: u64,
    /// The directory, as long as the segment's name in it is not on the disk. Held open, so that it can be synced when no more
    /// files can be opened.
    pub(crate) unnamed: Option<Arc<dyn DiskFolder>>,
    /// The time of its first batch.
    pub(crate) begun: Option<i64>,
    /// Up to where the file has space set aside.
    allocated: u64,
    /// Up to where every byte of the file was written, if only with zeros.
    cleared: u64,
    /// Not yet written; it ends at `position`.
    gathered: Gathered,
    /// The index of what is not yet visible.
    index: Index,
}

/// A state of the segment that can be gone back to, taken when nothing is gathered.
#[derive(Debug, Default)]
pub(crate) struct Bookmark {
    position: u64,
    begun: Option<i64>,
    index: Index,
}

impl Active {
    /// The segment that an opening found, if it may be written on.
    pub(crate) fn recovered(home: &Home, recovered: &Recovered) -> Result<Option<Self>, StoreError> {
        let (Some(position), Some(segment), Some(file)) =
            (recovered.position, recovered.segments.last(), &recovered.active)
        else {
            return Ok(None);
        };
        let start = file.read_at(HEADER, 0).map_err(|source| StoreError::io("read", &segment.path, source))?;
        Ok(Some(Self {
            segment: Arc::clone(segment),
            file: Arc::clone(file),
            position,
            unnamed: None,
            begun: Header::decode(&start, home.seed).map(|header| header.time),
            allocated: position,
            cleared: position,
            gathered: Gathered::default(),
            index: Index::behind(recovered.next, position, recovered.time),
        }))
    }

    /// A new segment. Its name is not on the disk yet.
    pub(crate) fn create(home: &Home, base: u64, time: i64) -> Result<Self, StoreError> {
        let folder = home.disk.open_dir(&home.dir).map_err(|source| StoreError::io("open", &home.dir, source))?;
        let path = home.dir.join(file_name(base));
        let file = home.disk.create(&path).map_err(|source| StoreError::io("create", &path, source))?;
        if let Err(source) = file.allocate(MIN_STEP) {
            // Were it left, the next attempt could not make it again. When even this fails, that attempt will say so.
            let _ = home.disk.remove(&path);
            return Err(StoreError::io("make room for", &path, source));
        }
        Ok(Self {
            segment: Arc::new(Segment::active(&home.dir, base, 0, Index::starting(base))),
            file,
            position: 0,
            unnamed: Some(folder),
            begun: None,
            allocated: MIN_STEP,
            cleared: 0,
            gathered: Gathered::default(),
            index: Index::behind(base, 0, time),
        })
    }

    /// Makes sure that so many more bytes fit on the disk, before any of them is gathered.
    pub(crate) fn reserve(&mut self, size: u64) -> Result<(), StoreError> {
        if self.has_room(size) {
            return Ok(());
        }
        let end = self.position + size;
        let step = self.allocated.clamp(MIN_STEP, MAX_STEP);
        let generous = end.next_multiple_of(step);
        let reserved = self.file.allocate(generous).map(|()| generous);
        // Perhaps only the generosity was too much.
        let reserved = reserved.or_else(|_| self.file.allocate(end).map(|()| end));
        self.allocated = reserved.map_err(|source| self.error("make room in", source))?;
        Ok(())
    }

    /// Whether so many bytes fit into the space that was set aside.
    pub(crate) fn has_room(&self, size: u64) -> bool {
        self.position + size <= self.allocated
    }

    /// Gathers a stamped batch, and writes whole pieces.
    pub(crate) fn push(&mut self, batch: Vec<u8>, header: &Header) -> Result<(), StoreError> {
        self.begun.get_or_insert(header.time);
        self.index.add(header.base, self.position, header.time, header.end(), header.size());
        self.position += batch.len() as u64;
        self.gathered.push(batch);
        if self.gathered.len() as u64 >= 2 * PIECE {
            let start = self.position - self.gathered.len() as u64;
            let whole = (self.position / PIECE * PIECE - start) as usize;
            self.write(whole)?;
        }
        Ok(())
    }

    /// Writes what is gathered.
    pub(crate) fn write_all(&mut self) -> Result<(), StoreError> {
        self.write(self.gathered.len())
    }

    /// Writes what is gathered and is to be synced next, and zeros ahead of what is synced after it.
    pub(crate) fn write_all_to_sync(&mut self) -> Result<(), StoreError> {
        let is_small = self.gathered.len() <= MAX_AHEAD;
        self.write_all()?;
        let to = self.position.next_multiple_of(CLEARED).min(self.allocated);
        if is_small && self.position > self.cleared && to > self.position {
            // Whether or not they are there, zeros behind the end mean nothing.
            let _ = self.file.write_at(&ZEROS[..(to - self.position) as usize], self.position);
            self.cleared = to;
        }
        Ok(())
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| self.error("sync", source))
    }

    /// Lets readers find what was gathered.
    pub(crate) fn publish_index(&mut self) {
        self.segment.extend_index(&self.index);
        self.index = self.index.continued();
    }

    /// Where it is now.
    pub(crate) fn bookmark(&self) -> Bookmark {
        Bookmark { position: self.position, begun: self.begun, index: self.index.clone() }
    }

    /// Forgets what was gathered since, and cuts off what was written of it. A power cut brings it back before a sync.
    pub(crate) fn undo(&mut self, to: Bookmark) -> Result<(), StoreError> {
        self.gathered.clear();
        (self.position, self.begun, self.index) = (to.position, to.begun, to.index);
        self.allocated = self.position;
        self.cleared = self.cleared.min(self.position);
        self.file.set_len(self.position).map_err(|source| self.error("cut", source))
    }

    /// Gives back the space that was set aside and not used. That is a courtesy: zeros at the end mean nothing.
    pub(crate) fn trim(&mut self) {
        if self.allocated > self.position && self.file.set_len(self.position).is_ok() {
            self.allocated = self.position;
            self.cleared = self.cleared.min(self.position);
        }
    }

    fn write(&mut self, length: usize) -> Result<(), StoreError> {
        if length == 0 {
            return Ok(());
        }
        let start = self.position - self.gathered.len() as u64;
        let written = self.file.write_pieces_at(&self.gathered.front(length), start);
        written.map_err(|source| self.error("write", source))?;
        self.gathered.advance(length);
        Ok(())
    }

    fn error(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::io(action, &self.segment.path, source)
    }
}
