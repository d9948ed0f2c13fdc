//! Writes what is left of a segment into the file that is to take its place.
//!
//! The batches of that file cover the same offsets without a hole between them; within them, each record says how many offsets
//! before it have none. So whatever walks a segment by its headers need not know that anything was removed.

use std::path::PathBuf;
use std::sync::Arc;

use crc32c::crc32c;

use super::StoreError;
use super::batch;
use super::codec;
use super::disk::DiskFile;
use super::format::{HAS_GAPS, HAS_HEADERS, HAS_KEYS, HEADER, Header, MAX_BODY};
use super::home::Home;
use super::record::Record;
use super::segment;
use super::varint;

/// A batch is ended when its records have so many bytes.
const BATCH: u64 = 64 * 1024;
/// What was written is synced in steps of this, so that appends that are to be durable need not wait for all of it at once.
const SYNC: u64 = 4 * 1024 * 1024;

/// The file of a segment that is being written anew.
#[derive(Debug)]
pub(super) struct Rewrite {
    home: Arc<Home>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    epoch: u16,
    position: u64,
    synced: u64,
    /// The batch under way covers offsets from here on.
    base: u64,
    pending: Vec<Record>,
    bytes: u64,
    codec: u16,
    is_done: bool,
}

impl Rewrite {
    pub(super) fn create(home: &Arc<Home>, base: u64, epoch: u16) -> Result<Self, StoreError> {
        let path = home.dir.join(segment::compacting_name(base));
        // Left by an attempt that failed, if there is one.
        let _ = home.disk.remove(&path);
        let file = home.disk.create(&path).map_err(|source| StoreError::io("create", &path, source))?;
        let home = Arc::clone(home);
        let pending = Vec::new();
        Ok(Self { home, path, file, epoch, position: 0, synced: 0, base, pending, bytes: 0, codec: 0, is_done: false })
    }

    /// Keeps a record, of a batch that was compressed like this.
    pub(super) fn push(&mut self, record: Record, codec: u16) -> Result<(), StoreError> {
        if let Some(last) = self.pending.last()
            && (self.bytes >= BATCH || codec != self.codec)
        {
            self.flush(record.offset, last.time)?;
        }
        self.codec = codec;
        self.bytes += record.size();
        self.pending.push(record);
        Ok(())
    }

    /// Everything before `end` was kept or not; the last record before it, kept or not, was stored at `time`. Makes it durable, and
    /// gives the size of the file.
    pub(super) fn finish(mut self, end: u64, time: i64) -> Result<u64, StoreError> {
        if self.base < end {
            self.flush(end, time)?;
        }
        self.sync()?;
        self.is_done = true;
        Ok(self.position)
    }

    /// Writes the batch that covers everything before `end`.
    fn flush(&mut self, end: u64, time: i64) -> Result<(), StoreError> {
        let mut bytes = vec![0; HEADER];
        let mut next = self.base;
        for record in self.pending.drain(..) {
            put(&mut bytes, &record, record.offset - next, record.time.saturating_sub(time));
            next = record.offset + 1;
        }
        let mut flags = HAS_GAPS | HAS_KEYS | HAS_HEADERS;
        if let Some(block) = codec::by_flag(self.codec).and_then(|codec| codec.compress(&bytes[HEADER..])) {
            bytes.truncate(HEADER);
            bytes.extend_from_slice(&block);
            flags |= self.codec;
        }
        let size = bytes.len() - HEADER;
        let count = u32::try_from(end - self.base).ok().filter(|_| size <= MAX_BODY);
        let count = count.ok_or(StoreError::TooLarge { size, limit: MAX_BODY })?;
        let header = Header {
            length: size as u32,
            base: self.base,
            time,
            count,
            flags,
            epoch: self.epoch,
            body_crc: crc32c(&bytes[HEADER..]),
            // Only what is durable is written anew.
            distance: 0,
        };
        header.encode(&mut bytes, self.home.seed);
        let written = self.file.write_at(&bytes, self.position);
        written.map_err(|source| StoreError::io("write", &self.path, source))?;
        self.position += bytes.len() as u64;
        (self.base, self.bytes) = (end, 0);
        if self.position - self.synced >= SYNC { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.synced = self.position;
        self.file.sync_data().map_err(|source| StoreError::io("sync", &self.path, source))
    }
}

impl Drop for Rewrite {
    fn drop(&mut self) {
        if !self.is_done {
            // An opening sweeps away what cannot be removed now.
            let _ = self.home.disk.remove(&self.path);
        }
    }
}

fn put(out: &mut Vec<u8>, record: &Record, gap: u64, delta: i64) {
    let delta = varint::zigzag(delta);
    let key = record.key.as_ref();
    let key_field = key.map_or(0, |key| key.len() as u64 + 1);
    let mut rest = record.headers.clone();
    let pairs = std::iter::from_fn(|| batch::split_header(&mut rest)).count() as u64;
    let numbers = [delta, gap, key_field, pairs].map(varint::size).iter().sum::<usize>();
    varint::put(out, numbers as u64 + record.size());
    varint::put(out, delta);
    varint::put(out, gap);
    varint::put(out, key_field);
    out.extend_from_slice(key.map_or(&[][..], |key| key));
    varint::put(out, pairs);
    out.extend_from_slice(&record.headers);
    out.extend_from_slice(&record.value);
}
