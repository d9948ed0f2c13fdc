//! Reading a log: from any offset or time, to the end, and on as it grows.
//!
//! A reader holds one chunk of bytes, or one batch where that is larger, and hands out records that share its memory. It
//! checks every byte before it gives it out.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;

use super::StoreError;
use super::batch::{self, RecordParts};
use super::codec::Unreadable;
use super::disk::DiskFile;
use super::format::{CODEC, HAS_GAPS, HEADER, Header};
use super::record::Record;
use super::scan::{CHUNK, Scan};
use super::segment::Segment;
use super::shared::{Place, Shared};
use super::sleepers::Wakeup;
use super::time;

/// Where a reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the first record that is kept.
    First,
    /// Behind the last record there is now.
    Next,
    /// At this offset: at the first record that is kept when it was removed, and when it is there when it is not there yet.
    Offset(u64),
    /// At the first record stored at this time or later.
    Time(SystemTime),
}

/// Reads records in order.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    /// The offset of the next record.
    offset: u64,
    /// The rest of the batch under way.
    batch: Option<OpenBatch>,
    file: Option<OpenFile>,
    wakeup: Wakeup,
    /// Whether it has told that the log failed.
    ended: bool,
    /// Whether it tells of damage that was given up as well.
    tells_all: bool,
}

#[derive(Debug)]
struct OpenBatch {
    records: Bytes,
    header: Header,
    /// The offset of the first one in `records`.
    next: u64,
}

#[derive(Debug)]
struct OpenFile {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// The batch at `position` starts with the offset `expected`.
    position: u64,
    expected: u64,
    /// Bytes of the file from `chunk_at` on.
    chunk: Bytes,
    chunk_at: u64,
}

impl Reader {
    pub(crate) fn open(shared: Arc<Shared>, from: From) -> Result<Self, StoreError> {
        let offset = match from {
            From::First => shared.first(),
            From::Next => shared.visible(),
            From::Offset(offset) => offset.max(shared.first()),
            From::Time(_) => 0,
        };
        let wakeup = Wakeup::among(&shared.sleepers);
        let mut reader = Self { shared, offset, batch: None, file: None, wakeup, ended: false, tells_all: false };
        if let From::Time(time) = from {
            reader.seek_time(time::from_system(time))?;
        }
        Ok(reader)
    }

    /// The offset of the next record, if there is one.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at this offset.
    pub fn seek(&mut self, offset: u64) {
        if offset != self.offset {
            (self.batch, self.file) = (None, None);
            self.offset = offset;
        }
    }

    /// The next record, or `None` when there is none yet. Reads from the disk, so it may block for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] once for each damaged range, after which reading goes on behind it; and what the file
    /// system says, after which the same is tried again.
    pub fn next_ready(&mut self) -> Result<Option<Record>, StoreError> {
        loop {
            if let Some(record) = self.next_in_batch()? {
                return Ok(Some(record));
            }
            if self.offset >= self.shared.visible() {
                return Ok(None);
            }
            match self.next_batch() {
                // Somebody has looked at it and given it up.
                Err(StoreError::Corrupt { from, to, .. })
                    if !self.tells_all && self.shared.quarantine.covers(&(from..to)) => {}
                found => found?,
            }
        }
    }

    /// Has it tell of damage that was given up as well.
    pub(super) fn tell_all_damage(&mut self) {
        self.tells_all = true;
    }

    /// How the batch was compressed whose record was given out last, by its number in the flags.
    pub(super) fn codec(&self) -> u16 {
        self.batch.as_ref().map_or(0, |batch| batch.header.flags & CODEC)
    }

    /// The next record, as soon as there is one; `None` when the log was closed.
    ///
    /// # Errors
    /// As [`next_ready`](Reader::next_ready), and [`StoreError::Failed`] when the log has failed and everything before
    /// that was read; after that the reader has ended.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Record, StoreError>>> {
        // Twice: what is stored between the first look and falling asleep wakes nobody.
        for sleeping in [false, true] {
            if sleeping {
                self.wakeup.arm(cx.waker());
            }
            let ended = self.shared.queue.ended();
            match (self.next_ready(), ended) {
                (Ok(Some(record)), _) => return Poll::Ready(Some(Ok(record))),
                (Err(error), _) => return Poll::Ready(Some(Err(error))),
                (Ok(None), Some(failed @ StoreError::Failed { .. })) if !self.ended => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(failed)));
                }
                (Ok(None), Some(_)) => return Poll::Ready(None),
                (Ok(None), None) => {}
            }
        }
        Poll::Pending
    }

    /// [`poll_next`](Reader::poll_next) as a future. Dropping it loses nothing.
    ///
    /// # Errors
    /// As [`poll_next`](Reader::poll_next).
    pub async fn next(&mut self) -> Option<Result<Record, StoreError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Where a batch begins that lies before this offset or holds it, and not far before; the start of its segment where
    /// nothing nearer is known.
    pub(super) fn near(&self, offset: u64) -> Result<u64, StoreError> {
        let Some(Place { segment, .. }) = self.shared.place(offset) else { return Ok(offset) };
        if offset <= segment.base {
            return Ok(offset);
        }
        let failed = |source| StoreError::io("read", &segment.path, source);
        let file = self.shared.home.disk.open(&segment.path).map_err(failed)?;
        Ok(segment.before_offset(&self.shared.home, &*file, offset).map_err(failed)?.offset)
    }

    /// The offset of the first record that is kept.
    pub(super) fn first(&self) -> u64 {
        self.shared.first()
    }

    /// What nothing more is read of than this error says.
    pub(super) fn damaged(&self, from: u64, to: u64) -> StoreError {
        StoreError::Corrupt { dir: self.shared.home.dir.clone(), from, to }
    }

    /// Takes records off the batch under way, up to the one that is wanted.
    fn next_in_batch(&mut self) -> Result<Option<Record>, StoreError> {
        while let Some(batch) = &mut self.batch {
            let (end, flags) = (batch.header.end(), batch.header.flags);
            if batch.next == end || flags & HAS_GAPS != 0 && batch.records.is_empty() {
                // What had the offsets up to there was removed.
                self.offset = self.offset.max(end);
                self.batch = None;
                break;
            }
            let parts = batch::split_record(&mut batch.records, flags).filter(|parts| parts.gap < end - batch.next);
            let Some(RecordParts { delta, gap, key, headers, value }) = parts else {
                // The checksum was right, so this was written like that.
                self.batch = None;
                return Err(self.corrupt(end));
            };
            let offset = batch.next + gap;
            batch.next = offset + 1;
            if offset >= self.offset {
                self.offset = offset + 1;
                let time = batch.header.time.saturating_add(delta);
                return Ok(Some(Record { offset, time, key, headers, value }));
            }
        }
        Ok(None)
    }

    /// Reads the batch that holds the next record. Finding none in this segment is no error: the next round looks in the
    /// one after it.
    fn next_batch(&mut self) -> Result<(), StoreError> {
        let Some(place) = self.shared.place(self.offset) else { return Err(self.corrupt(self.shared.visible())) };
        // Removed meanwhile, and on purpose.
        self.offset = self.offset.max(place.segment.base);
        let known = self.file.as_ref().is_some_and(|file| file.segment.base == place.segment.base);
        if !known {
            self.file = Some(self.open_file(place.segment.clone(), place.limit.is_none())?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let failed = |source| StoreError::io("read", &place.segment.path, source);
        let limit = match place.limit {
            Some(limit) => limit,
            None => file.file.size().map_err(failed)?,
        };
        let found = file.read(self.shared.home.seed, limit, place.next).map_err(failed)?;
        match found {
            Found::Batch(header, body) if header.end() > self.offset => match batch::records(body, &header) {
                Ok(records) => {
                    self.batch = Some(OpenBatch { records, next: header.base, header });
                    Ok(())
                }
                Err(Unreadable::Wrong) => Err(self.corrupt(header.end())),
                Err(Unreadable::Unknown) => {
                    let from = std::mem::replace(&mut self.offset, header.end());
                    let dir = self.shared.home.dir.clone();
                    Err(StoreError::Unsupported { dir, from, to: header.end() })
                }
            },
            Found::Batch(..) => Ok(()),
            // Not even the damaged range reaches the wanted offset.
            Found::Damage(to) if to <= self.offset => Ok(()),
            Found::Damage(to) => Err(self.corrupt(to)),
        }
    }

    fn open_file(&self, segment: Arc<Segment>, is_full: bool) -> Result<OpenFile, StoreError> {
        let failed = |source| StoreError::io("open", &segment.path, source);
        let home = &self.shared.home;
        let file = home.disk.open(&segment.path).map_err(failed)?;
        // Whoever comes from the segment before needs no index.
        let (position, expected) = if self.offset <= segment.base {
            (0, segment.base)
        } else {
            let near = segment.before_offset(home, &*file, self.offset).map_err(failed)?;
            (near.position, near.offset)
        };
        // A full segment is one chunk. Where it cannot be mapped, it is read.
        let chunk = if is_full { file.map().ok().flatten().unwrap_or_default() } else { Bytes::new() };
        Ok(OpenFile { segment, file, position, expected, chunk, chunk_at: 0 })
    }

    /// Goes to the first batch that is not older than `time`.
    fn seek_time(&mut self, time: i64) -> Result<(), StoreError> {
        let segments = self.shared.segments();
        // The last segment that starts with an older batch holds the place, or ends before it.
        let mut lowest = 0;
        let mut highest = segments.len();
        while lowest + 1 < highest {
            let middle = lowest.midpoint(highest);
            let first = self.first_time(&segments[middle])?;
            if first.is_some_and(|first| first < time) { lowest = middle } else { highest = middle }
        }
        let Some(segment) = segments.get(lowest) else { return Ok(()) };
        let failed = |source| StoreError::io("read", &segment.path, source);
        let home = &self.shared.home;
        let file = home.disk.open(&segment.path).map_err(failed)?;
        let near = segment.before_time(home, &*file, time).map_err(failed)?;
        self.seek(near.offset);
        // From the entry on record by record; damage on the way is reported when it is read.
        let mut ahead = Reader::open(Arc::clone(&self.shared), From::Offset(self.offset))?;
        let found = loop {
            match ahead.next_ready() {
                Ok(Some(record)) if record.time >= time => break record.offset,
                Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => {}
                Ok(None) => break ahead.offset,
                Err(error) => return Err(error),
            }
        };
        self.seek(found);
        Ok(())
    }

    fn first_time(&self, segment: &Segment) -> Result<Option<i64>, StoreError> {
        let failed = |source| StoreError::io("read", &segment.path, source);
        let file = self.shared.home.disk.open(&segment.path).map_err(failed)?;
        let start = file.read_at(HEADER, 0).map_err(failed)?;
        Ok(Header::decode(&start, self.shared.home.seed).map(|header| header.time))
    }

    /// Steps over a damaged range and names it.
    fn corrupt(&mut self, to: u64) -> StoreError {
        let from = std::mem::replace(&mut self.offset, to);
        self.damaged(from, to)
    }
}

enum Found {
    Batch(Header, Bytes),
    /// Up to this offset nothing can be read.
    Damage(u64),
}

impl OpenFile {
    /// Reads the batch at the position and moves behind it. Offsets of this segment end before `next`, its bytes at `limit`.
    fn read(&mut self, seed: u32, limit: u64, next: u64) -> io::Result<Found> {
        let expected = self.expected;
        let header = Header::decode(self.bytes(HEADER as u64, limit)?.as_ref(), seed);
        let whole = |header: &Header| {
            header.base == expected && header.end() <= next && header.size() <= limit.saturating_sub(self.position)
        };
        if let Some(header) = header.filter(whole) {
            let body = self.bytes(header.size(), limit)?.slice(HEADER..);
            self.position += header.size();
            self.expected = header.end();
            return Ok(if header.fits(&body) { Found::Batch(header, body) } else { Found::Damage(header.end()) });
        }
        // The header is damaged, or the rest of the segment is gone: on to the next batch that is whole.
        let mut scan = Scan::new(&*self.file, seed, limit);
        match scan.find(self.position + 1, expected.saturating_add(1))?.filter(|(_, header)| header.end() <= next) {
            Some((position, header)) => {
                (self.position, self.expected) = (position, header.base);
                Ok(Found::Damage(header.base))
            }
            None => Ok(Found::Damage(next)),
        }
    }

    /// `length` bytes at the position, fewer only at the limit.
    fn bytes(&mut self, length: u64, limit: u64) -> io::Result<Bytes> {
        let length = length.min(limit.saturating_sub(self.position));
        let held = self.chunk_at..self.chunk_at + self.chunk.len() as u64;
        if self.position < held.start || self.position + length > held.end {
            let wanted = length.max(CHUNK as u64).min(limit - self.position.min(limit));
            self.chunk = self.file.read_at(wanted as usize, self.position)?.into();
            self.chunk_at = self.position;
        }
        let from = ((self.position - self.chunk_at) as usize).min(self.chunk.len());
        let to = (from + length as usize).min(self.chunk.len());
        Ok(self.chunk.slice(from..to))
    }
}
