//! The owner's second half: syncs, new segments, the checkpoint, and what is removed.

use std::sync::Arc;

use tracing::warn;

use super::StoreError;
use super::active::Active;
use super::background::{Background, Done};
use super::checkpoint::{Mark, Place};
use super::options::{Durability, MIN_SEGMENT};
use super::queue::Command;
use super::segment;
use super::writer::{MAX_UNSYNCED, Writer};
use crate::sync::Instant;

/// The largest batch that a task writes by itself; copying it takes some 10 us.
const MAX_QUICK: u64 = 64 * 1024;
/// After so many rounds of the thread with one command each, tasks write by themselves again. Of 256 tasks that append, hardly so many
/// in a row come alone, and being gathered serves them twice as fast: 0.7 million records of 1 KiB a second against 0.3.
pub(super) const ENOUGH: u32 = 16;

impl Writer {
    /// Whether this is done with a copy into the memory of the system, and nobody else seems to append.
    pub(super) fn is_quick(&mut self, command: &Command) -> bool {
        let Command::Append { batch, durability: Durability::Buffered, .. } = command else { return false };
        let size = batch.bytes.len() as u64;
        let is_lone = self.lone >= ENOUGH && size <= MAX_QUICK;
        is_lone && self.fits(size) && self.active.as_ref().is_some_and(|active| active.has_room(size))
    }

    /// Whether a batch of this size goes into the active segment.
    pub(super) fn fits(&mut self, size: u64) -> bool {
        let Some(active) = self.active.as_ref().filter(|_| !self.retired) else { return false };
        let holds_its_share = self
            .options
            .roll_records()
            .is_some_and(|share| active.position >= MIN_SEGMENT && self.next - active.segment.base >= share);
        let is_full = holds_its_share || active.position + size > self.options.roll_bytes();
        active.position == 0 || !is_full && !self.is_too_old()
    }

    /// Whether the first batch of the active segment is so old that the next one goes to a new segment.
    fn is_too_old(&mut self) -> bool {
        let (Some(age), Some(active)) = (self.options.roll_age(), &self.active) else { return false };
        let Some(begun) = active.begun else { return false };
        self.believed.age(&*self.options.clock, active.segment.base, begun) >= age
    }

    /// Makes everything that was written durable. There is no second attempt: after a failed fsync the pages count as
    /// clean, whatever became of them, and the next fsync would succeed without having written anything.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.join_background()?;
        if self.unsynced.is_none() {
            return Ok(());
        }
        let synced = match &mut self.active {
            Some(active) => name(&self.shared.home, active).and_then(|()| active.sync()),
            None => Ok(()),
        };
        synced.map_err(|error| self.fail(&error))?;
        self.all_durable();
        Ok(())
    }

    /// Everything written is on the disk.
    pub(super) fn all_durable(&mut self) {
        self.unsynced = None;
        self.durable = self.next;
        let at = |active: &Active| Done { base: active.segment.base, next: self.next, position: active.position };
        self.durable_at = self.active.as_ref().map(at);
    }

    /// Has both slots of the checkpoint name the newest segment, so that no opening begins to read within an older one.
    pub(super) fn check_in(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        if let Some(active) = &mut self.active {
            name(&self.shared.home, active).map_err(|error| self.fail(&error))?;
        }
        self.all_durable();
        self.write_checkpoint().and_then(|()| self.write_checkpoint()).map_err(|error| self.fail(&error))
    }

    /// Waits for the sync beside, if there is one.
    fn join_background(&mut self) -> Result<(), StoreError> {
        let Some(background) = self.background.take() else { return Ok(()) };
        let done = background.wait().map_err(|error| self.fail(&error))?;
        (self.durable, self.durable_at) = (done.next, Some(done));
        self.checkpoint_due = true;
        if let Some(active) = self.active.as_mut().filter(|active| active.segment.base == done.base) {
            active.unnamed = None;
        }
        Ok(())
    }

    /// While appends never pause: syncs beside them what is buffered, and brings the checkpoint up to date once a second and with
    /// each segment, so that an opening never has more than that to read.
    pub(super) fn flush_beside(&mut self) {
        let ended = self.background.as_ref().is_some_and(Background::is_finished);
        let late = self.unsynced.is_some_and(|since| since.elapsed() > MAX_UNSYNCED);
        let mut result = match (&self.background, &self.active) {
            (Some(_), _) if ended => self.join_background(),
            (None, Some(active)) if late => {
                Background::start(&self.shared.home, active, self.next, true, false).map(|background| {
                    (self.background, self.unsynced) = (Some(background), None);
                })
            }
            _ => Ok(()),
        };
        let is_behind = self.checkpoint.mark().next < self.durable;
        if is_behind && (self.checkpoint_due || self.checkpointed.elapsed() > MAX_UNSYNCED) {
            result = result.and_then(|()| self.write_checkpoint());
            self.compact_beside();
        }
        if let Err(error) = result {
            self.fail(&error);
        }
    }

    /// Goes on in a new segment. The old one is synced beside: no append into the new one counts as durable before that.
    pub(super) fn roll(&mut self) -> Result<(), StoreError> {
        self.join_background()?;
        if self.retired
            && let Some(empty) = self.active.take_if(|active| active.segment.base == self.next)
        {
            // The new one has its name.
            let removed = self.shared.home.disk.remove(&empty.segment.path);
            removed.map_err(|source| self.fail(&StoreError::io("remove", &empty.segment.path, source)))?;
        }
        // Nothing is written or lost where there is no room, or no file to be had; it is tried again with the next append.
        let active = Active::create(&self.shared.home, self.next, self.time)?;
        self.shared.add_segment(Arc::clone(&active.segment));
        if self.options.retention.age.is_some() {
            // If the time of its last batch is still to come, its age counts from here.
            self.believed.age(&*self.options.clock, active.segment.base, self.time);
        }
        self.compactor.is_due = true;
        if let Some(mut old) = self.active.replace(active) {
            old.trim();
            let unsynced = self.unsynced.take().is_some();
            let started = Background::start(&self.shared.home, &old, self.next, unsynced, true);
            self.background = Some(started.map_err(|error| self.fail(&error))?);
        }
        self.retired = false;
        // Age as well: a log that is never idle for as long as it is watched has no other moment.
        if self.options.retention.is_limited() {
            self.remove_excess();
        }
        Ok(())
    }

    /// What cannot be removed now is tried again at the next segment.
    fn remove_excess(&mut self) {
        if let Err(error) = self.tidy() {
            warn!(%error, "what exceeds the limits of a log was not removed");
        }
    }

    pub(super) fn write_checkpoint(&mut self) -> Result<(), StoreError> {
        let place = self.durable_at.filter(|at| at.next == self.durable).and_then(|at| {
            Some(Place { position: at.position, records: u32::try_from(at.next.checked_sub(at.base)?).ok()? })
        });
        match self.remembered.save(&self.shared.home, self.durable, self.next) {
            Err(error) if error.is_out_of_files() => {
                // The checkpoint must not be ahead of them. Both are written when there are files again.
                (self.checkpoint_due, self.checkpointed) = (false, Instant::now());
                warn!(dir = %self.shared.home.dir.display(), %error, "a checkpoint has to wait");
                return Ok(());
            }
            saved => saved?,
        }
        (self.checkpoint_due, self.checkpointed) = (false, Instant::now());
        let mark = self.checkpoint.mark();
        self.checkpoint.write(Mark { epoch: self.epoch, next: self.durable, time: self.time, place, ..mark })
    }

    /// Removes what is older or more than the options allow, and begins a new segment where the newest one is too old.
    pub(super) fn tidy(&mut self) -> Result<(), StoreError> {
        if self.is_too_old() {
            self.roll()?;
        }
        let limits = self.options.retention;
        if !limits.is_limited() {
            return Ok(());
        }
        let segments = self.shared.segments();
        let (home, clock) = (&self.shared.home, &*self.options.clock);
        let active = self.active.as_ref().map_or(0, |active| active.position);
        let size = |at: usize| if at + 1 == segments.len() { active } else { segments[at].size(home).unwrap_or(0) };
        let mut bytes: u64 = if limits.bytes.is_some() { (0..segments.len()).map(size).sum() } else { 0 };
        let mut before = 0;
        for (at, pair) in segments.windows(2).enumerate() {
            let (oldest, following) = (&pair[0], &pair[1]);
            let too_many = limits.records.is_some_and(|limit| self.next - following.base >= limit);
            let too_large = limits.bytes.is_some_and(|limit| bytes > limit);
            let too_old = limits.age.is_some_and(|limit| match oldest.summary(home) {
                Ok(summary) => self.believed.age(clock, oldest.base, summary.time) > limit,
                // It cannot be read, and is removed when the disk lets us.
                Err(_) => false,
            });
            if !(too_many || too_large || too_old) {
                break;
            }
            bytes = bytes.saturating_sub(size(at));
            before = following.base;
        }
        self.believed.forget_before(before);
        self.remove_segments(before)
    }

    /// Oldest first, so that what is left is always the end of the log.
    pub(super) fn remove_segments(&mut self, before: u64) -> Result<(), StoreError> {
        let first_kept = self.shared.segments().iter().map(|segment| segment.base).rfind(|base| *base <= before);
        if self.checkpoint.mark().base().zip(first_kept).is_some_and(|(marked, kept)| marked < kept) {
            // An opening would miss the segment that the checkpoint names.
            self.settle().map_err(|error| self.fail(&error))?;
        }
        let (home, segments) = (Arc::clone(&self.shared.home), self.shared.drop_segments(before));
        for segment in &segments {
            // Not every segment has an index.
            let _ = home.disk.remove(&home.dir.join(segment::index_name(segment.base)));
            let removed = home.disk.remove(&segment.path);
            removed.map_err(|source| StoreError::io("remove", &segment.path, source))?;
            // One by one: a power cut might take the second away and leave the first.
            home.disk.sync_dir(&home.dir).map_err(|source| StoreError::io("sync", &home.dir, source))?;
        }
        Ok(())
    }
}

/// Makes the name of a new segment durable.
fn name(home: &super::home::Home, active: &mut Active) -> Result<(), StoreError> {
    if let Some(folder) = &active.unnamed {
        folder.sync().map_err(|source| StoreError::io("sync", &home.dir, source))?;
        active.unnamed = None;
    }
    Ok(())
}
