//! The writer's part in compaction: it begins one on a thread of its own, and puts finished segments in place between two rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;

use super::StoreError;
use super::compaction::{Compacted, Compaction, Job};
use super::queue::{Command, Waiter};
use super::segment::{self, Segment};
use super::time;
use super::writer::Writer;
use crate::sync::{self, JoinHandle};

/// A compaction under way, and those that were asked for meanwhile.
#[derive(Debug, Default)]
pub(super) struct Compactor {
    thread: Option<JoinHandle<()>>,
    cancel: Arc<AtomicBool>,
    wanted: Vec<(Compaction, Waiter<Compacted>)>,
    /// Whether a segment was filled since the last one.
    pub(super) is_due: bool,
}

impl Compactor {
    /// Tells the one under way to stop.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Waits for its end, which comes soon after it was told to stop and the log takes no commands any more.
    pub(super) fn join(&mut self) {
        // A panic in it has been told to whoever waited, as an end without an answer.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Writer {
    /// Begins a compaction of everything that is there now; when another is under way, after that one.
    pub(super) fn compact(&mut self, compaction: Compaction, done: Waiter<Compacted>) {
        if self.compactor.thread.is_some() {
            return self.compactor.wanted.push((compaction, done));
        }
        let ready = match &self.active {
            Some(active) if active.position > 0 => self.roll(),
            _ => Ok(()),
        };
        match ready.and_then(|()| self.check_in()) {
            Ok(()) => self.begin_compaction(compaction, Some(done)),
            Err(error) => drop(done.send(Err(error))),
        }
    }

    /// Begins a compaction by itself where the options want one and a segment was filled.
    pub(super) fn compact_beside(&mut self) {
        if let Some(compaction) = self.options.compaction
            && self.compactor.thread.is_none()
            && std::mem::take(&mut self.compactor.is_due)
        {
            self.begin_compaction(compaction, None);
        }
    }

    /// One has ended.
    pub(super) fn compacted(&mut self) {
        self.compactor.join();
        if !self.compactor.wanted.is_empty() {
            let (compaction, done) = self.compactor.wanted.remove(0);
            self.compact(compaction, done);
        }
    }

    fn begin_compaction(&mut self, compaction: Compaction, done: Option<Waiter<Compacted>>) {
        let tombstones = i64::try_from(compaction.tombstones.as_micros()).unwrap_or(i64::MAX);
        let job = Job {
            shared: Arc::clone(&self.shared),
            limit: self.checkpoint.lowest_base().min(self.durable),
            horizon: time::from_system(self.options.clock.wall()).saturating_sub(tombstones),
            epoch: self.epoch,
            is_asked: done.is_some(),
            cancel: Arc::clone(&self.compactor.cancel),
        };
        let started = sync::spawn("thriftwood-compact", move || {
            let result = job.run();
            match (done, result) {
                // Whoever waited may have given up.
                (Some(done), result) => drop(done.send(result)),
                (None, Err(StoreError::Closed { .. }) | Ok(_)) => {}
                (None, Err(error)) => {
                    warn!(dir = %job.shared.home.dir.display(), %error, "a log was not compacted; it is tried again");
                }
            }
            // Refused when the log ends, which waits for this thread.
            let _ = job.shared.queue.offer(Command::Compacted);
        });
        match started {
            Ok(thread) => self.compactor.thread = Some(thread),
            Err(error) => {
                warn!(dir = %self.shared.home.dir.display(), %error, "no thread could be started to compact a log");
            }
        }
    }

    /// Puts the file that was written for a segment in its place. `false` when the segment was removed meanwhile.
    pub(super) fn replace(&mut self, base: u64) -> Result<bool, StoreError> {
        let home = Arc::clone(&self.shared.home);
        let written = home.dir.join(segment::compacting_name(base));
        let segment = Segment::sealed(&home.dir, base);
        if !self.shared.segments().iter().any(|segment| segment.base == base) {
            // Swept away at the next opening where it cannot be removed now.
            let _ = home.disk.remove(&written);
            return Ok(false);
        }
        // Gone first, so that none leads into a file that it was not made of. Not every segment has one.
        let _ = home.disk.remove(&home.dir.join(segment::index_name(base)));
        let renamed = home.disk.rename(&written, &segment.path);
        renamed.map_err(|source| StoreError::io("replace", &segment.path, source))?;
        self.shared.replace_segment(segment);
        // Before the next one, so that deletions do not go before what they delete.
        home.disk.sync_dir(&home.dir).map_err(|source| StoreError::io("sync", &home.dir, source))?;
        Ok(true)
    }
}
