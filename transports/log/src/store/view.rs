//! Looking at a log without owning it: nothing is locked, cut or written, so this works beside the process that has it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::StoreError;
use super::backwards::Backwards;
use super::checkpoint;
use super::disk::Disk;
use super::group::{Lag, journal};
use super::home::Home;
use super::quarantine::Quarantine;
use super::queue::Queue;
use super::reader::{From, Reader};
use super::recovery;
use super::segment;
use super::shared::{Shared, View};
use super::time;

/// A log as it was found at one moment. What is appended later is seen by looking again.
#[derive(Debug)]
pub struct LogView {
    shared: Arc<Shared>,
}

/// One segment of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// The offset of its first record.
    pub base: u64,
    /// The offset after its last one, damage included.
    pub next: u64,
    /// Bytes of batches.
    pub bytes: u64,
    /// When its last record was stored; `None` where it has none.
    pub last: Option<SystemTime>,
    /// Whether there is an index beside it.
    pub is_indexed: bool,
}

/// How far a group has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupInfo {
    /// Every record before this offset was handled.
    pub position: u64,
    /// How far it is behind.
    pub lag: Lag,
    /// The offsets that were handed out and not acknowledged, with the number of their deliveries.
    pub outstanding: Vec<(u64, u32)>,
}

/// What a thorough look at every byte found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Records that can be read.
    pub records: u64,
    /// Bytes of their keys, headers and values.
    pub bytes: u64,
    /// Offsets that cannot be read.
    pub damage: Vec<Range<u64>>,
    /// Of these, what was given up by [`repair`](super::repair()).
    pub given_up: Vec<Range<u64>>,
}

impl LogView {
    /// Looks at the log in a directory.
    ///
    /// # Errors
    /// [`StoreError::Identity`] when there is none or its checkpoint is damaged, [`StoreError::Version`], and what the file system
    /// says.
    pub fn open(dir: impl AsRef<Path>, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let dir = dir.as_ref();
        let mark = checkpoint::load(&*disk, dir)?;
        let home = Home::new(dir, disk, mark.log_id).read_only();
        // The newest segment may be gone; what is there can be looked at.
        // After the checkpoint, which may name a segment that is made meanwhile.
        let names = home.disk.list(&home.dir).map_err(|source| StoreError::io("list", dir, source))?;
        let recovered = recovery::survey(&home, &names, &mark, true)?;
        let end = recovered.end()?;
        let view = View { segments: recovered.segments.clone(), end };
        let quarantine = Quarantine::load(&home)?;
        let (damage, next) = (recovered.damage.clone(), recovered.next);
        let shared = Shared::new(home, Queue::new(0), damage, quarantine, next, view);
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A reader that starts at this place, and ends where the log ended when it was looked at.
    ///
    /// # Errors
    /// As [`Log::reader`](super::Log::reader).
    pub fn reader(&self, from: From) -> Result<Reader, StoreError> {
        Reader::open(Arc::clone(&self.shared), from)
    }

    /// A reader that goes back from this place.
    ///
    /// # Errors
    /// As [`Log::backwards`](super::Log::backwards).
    pub fn backwards(&self, before: From) -> Result<Backwards, StoreError> {
        Ok(Backwards::new(self.reader(before)?))
    }

    /// The offset of the first record that is kept, or would be.
    pub fn first_offset(&self) -> u64 {
        self.shared.first()
    }

    /// The offset after the last record.
    pub fn next_offset(&self) -> u64 {
        self.shared.visible()
    }

    /// The number that tells this log from any other.
    pub fn id(&self) -> u64 {
        self.shared.home.log_id
    }

    /// Its segments, the oldest first.
    ///
    /// # Errors
    /// What the file system says.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, StoreError> {
        let home = &self.shared.home;
        let (segments, end) = self.shared.all();
        let mut found = Vec::with_capacity(segments.len());
        for (at, segment) in segments.iter().enumerate() {
            let failed = |source| StoreError::io("read", &segment.path, source);
            let following = segments.get(at + 1).map(|next| next.base);
            let bytes = if following.is_some() { segment.size(home).map_err(failed)? } else { end };
            let summary = segment.summary(home).map_err(failed)?;
            found.push(SegmentInfo {
                base: segment.base,
                next: following.unwrap_or_else(|| self.next_offset()),
                bytes,
                last: (summary.time > i64::MIN).then(|| time::to_system(summary.time)),
                is_indexed: home.disk.open(&home.dir.join(segment::index_name(segment.base))).is_ok(),
            });
        }
        Ok(found)
    }

    /// How far the group has come whose position is kept in this directory; `None` when it has none.
    ///
    /// # Errors
    /// As [`open`](LogView::open).
    pub fn group(&self, dir: impl AsRef<Path>) -> Result<Option<GroupInfo>, StoreError> {
        let dir = dir.as_ref();
        let journal = LogView::open(dir, Arc::clone(&self.shared.home.disk))?;
        let is_whole = journal.shared.damage.is_empty();
        let known = journal::replay_from(journal.reader(From::First)?, dir, is_whole, self.next_offset())?;
        Ok(known.map(|known| {
            let (read, outstanding) = (known.read(), known.outstanding());
            GroupInfo {
                position: outstanding.iter().map(|(offset, _)| *offset).min().unwrap_or(read),
                lag: Lag {
                    untaken: self.next_offset().saturating_sub(read.max(self.first_offset())),
                    outstanding: outstanding.len() as u64,
                },
                outstanding,
            }
        }))
    }

    /// Reads every byte of every record, telling each time how far it is: the next offset.
    ///
    /// # Errors
    /// What the file system says. Damage is no error here, but what was looked for.
    pub fn verify(&self, mut progress: impl FnMut(u64)) -> Result<Verification, StoreError> {
        let mut reader = self.reader(From::First)?;
        reader.tell_all_damage();
        let mut found = Verification::default();
        loop {
            match reader.next_ready() {
                Ok(Some(record)) => {
                    found.records += 1;
                    found.bytes += record.size();
                }
                Ok(None) => return Ok(found),
                Err(StoreError::Corrupt { from, to, .. } | StoreError::Unsupported { from, to, .. }) => {
                    found.damage.push(from..to);
                    if self.shared.quarantine.covers(&(from..to)) {
                        found.given_up.push(from..to);
                    }
                }
                Err(error) => return Err(error),
            }
            progress(reader.offset());
        }
    }
}
