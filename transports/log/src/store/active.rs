//! The segment that is being written: gathers stamped batches and writes them in page-aligned pieces.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::disk::{Disk, DiskFile};
use super::recovery::Recovered;
use super::segment::{Entry, IndexBuilder, Segment, file_name};

/// Writes go out in pieces that end at a multiple of this, as long as more follows: each partial page that is left behind
/// has to be entered again by the next write, which cost a third of the throughput with 64 KiB batches.
const PIECE: u64 = 256 * 1024;
/// Space is set aside in steps between these two, as the segment grows. Setting it aside shows a full disk before anything
/// was written, and saves the file system from growing the file with every write.
const MIN_STEP: u64 = 64 * 1024;
const MAX_STEP: u64 = 16 * 1024 * 1024;

/// The segment being written.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// Where the next batch goes: behind everything that was gathered.
    pub(crate) position: u64,
    /// Up to where the file has space set aside.
    allocated: u64,
    /// Gathered and not yet written; it ends at `position`.
    gathered: Vec<u8>,
    /// Index entries of what is not yet visible.
    index: IndexBuilder,
}

impl Active {
    /// The segment that an opening found, if it may be written on.
    pub(crate) fn recovered(recovered: &Recovered) -> Option<Self> {
        let position = recovered.position?;
        Some(Self {
            segment: Arc::clone(recovered.segments.last()?),
            file: Arc::clone(recovered.active.as_ref()?),
            position,
            allocated: position,
            gathered: Vec::new(),
            index: IndexBuilder::after(recovered.indexed),
        })
    }

    /// A new segment, durable as far as its name goes.
    pub(crate) fn create(disk: &dyn Disk, dir: &Path, base: u64) -> Result<Self, StoreError> {
        let path = dir.join(file_name(base));
        let file = disk.create(&path).map_err(|source| StoreError::io("create", &path, source))?;
        let named = file.allocate(MIN_STEP).and_then(|()| disk.sync_dir(dir));
        if let Err(source) = named {
            // Were it left, the next attempt could not make it again. When even this fails, that attempt will say so.
            let _ = disk.remove(&path);
            return Err(StoreError::io("make room for", &path, source));
        }
        Ok(Self {
            segment: Arc::new(Segment::active(dir, base, Vec::new())),
            file,
            position: 0,
            allocated: MIN_STEP,
            gathered: Vec::new(),
            index: IndexBuilder::default(),
        })
    }

    /// Makes sure that so many more bytes fit on the disk, before any of them is gathered.
    pub(crate) fn reserve(&mut self, size: u64) -> Result<(), StoreError> {
        let end = self.position + size;
        if end <= self.allocated {
            return Ok(());
        }
        let step = self.allocated.clamp(MIN_STEP, MAX_STEP);
        let generous = end.next_multiple_of(step);
        let reserved = self.file.allocate(generous).map(|()| generous);
        // Perhaps only the generosity was too much.
        let reserved = reserved.or_else(|_| self.file.allocate(end).map(|()| end));
        self.allocated = reserved.map_err(|source| self.error("make room in", source))?;
        Ok(())
    }

    /// Gathers a stamped batch, and writes whole pieces.
    pub(crate) fn push(&mut self, batch: &[u8], offset: u64, time: i64) -> Result<(), StoreError> {
        self.index.add(Entry { offset, position: self.position, time });
        self.gathered.extend_from_slice(batch);
        self.position += batch.len() as u64;
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

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| self.error("sync", source))
    }

    /// Lets readers find what was gathered.
    pub(crate) fn publish_index(&mut self) {
        self.segment.extend_index(&self.index.entries);
        self.index.entries.clear();
    }

    /// Forgets what was gathered since `position`, and cuts off what was written of it, for good: a power cut must not bring
    /// back what was refused.
    pub(crate) fn undo(&mut self, position: u64, indexed: Option<u64>) -> Result<(), StoreError> {
        self.gathered.clear();
        self.index = IndexBuilder::after(indexed);
        self.position = position;
        self.allocated = position;
        self.file.set_len(position).and_then(|()| self.file.sync_data()).map_err(|source| self.error("cut", source))
    }

    /// Where the last indexed batch is.
    pub(crate) fn indexed(&self) -> Option<u64> {
        self.index.last()
    }

    /// Gives back the space that was set aside and not used. That is a courtesy: zeros at the end mean nothing.
    pub(crate) fn trim(&mut self) {
        if self.allocated > self.position && self.file.set_len(self.position).is_ok() {
            self.allocated = self.position;
        }
    }

    fn write(&mut self, length: usize) -> Result<(), StoreError> {
        if length == 0 {
            return Ok(());
        }
        let start = self.position - self.gathered.len() as u64;
        self.file.write_at(&self.gathered[..length], start).map_err(|source| self.error("write", source))?;
        self.gathered.drain(..length);
        Ok(())
    }

    fn error(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::io(action, &self.segment.path, source)
    }
}
