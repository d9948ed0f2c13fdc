//! The owner of a log: one thread that stamps batches, writes them, and makes them durable for everybody who waits.
//!
//! It takes what has queued up, writes it, syncs once, and answers all of it. Where several appended last time, it waits a
//! moment for as many again; otherwise producers fall into two cohorts that take turns, and each fdatasync carries half of
//! them (measured with 16 producers: half of what the disk allows without the wait, 0.7 to 0.85 of it with the wait).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, error, warn};

use super::StoreError;
use super::active::Active;
use super::checkpoint::{Checkpoint, Mark};
use super::format::{Batch, HEADER, Header};
use super::log::{Appended, Durability, LogOptions};
use super::queue::{Command, Waiter};
use super::recovery::Recovered;
use super::shared::Shared;
use super::time;

/// After this long without an append, what is only buffered is synced and the checkpoint brought up to date.
const IDLE: Duration = Duration::from_millis(50);
/// What is only buffered is synced after this long, even if appends never pause.
const MAX_UNSYNCED: Duration = Duration::from_secs(1);
/// The longest wait for as many producers as last time; half of an fdatasync is usually far less.
const MAX_PATIENCE: Duration = Duration::from_millis(5);

/// The state of the owner's thread.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    checkpoint: Checkpoint,
    options: LogOptions,
    active: Option<Active>,
    /// The next offset to give out.
    next: u64,
    /// Everything below was synced.
    durable: u64,
    /// The time of the last batch, in microseconds since 1970.
    time: i64,
    epoch: u16,
    /// Since when something is written and not synced.
    unsynced: Option<Instant>,
    /// How many appends the last fdatasync was for, and how long it took.
    last_sync: (usize, Duration),
    failed: bool,
}

/// Appends that were stamped and not yet answered, all in one segment, and the state to go back to when they fail.
struct Run {
    next: u64,
    time: i64,
    position: u64,
    indexed: Option<u64>,
    appends: Vec<(Waiter<Appended>, Appended)>,
    syncs: Vec<Waiter<()>>,
    durable: bool,
    error: Option<StoreError>,
}

impl Writer {
    /// Takes over what an opening found. From here on the directory is written to.
    pub(crate) fn new(
        shared: Arc<Shared>,
        checkpoint: Checkpoint,
        options: LogOptions,
        recovered: &Recovered,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            epoch: checkpoint.mark().epoch.wrapping_add(1),
            shared,
            checkpoint,
            options,
            active: Active::recovered(recovered),
            next: recovered.next,
            durable: recovered.next,
            time: recovered.time,
            unsynced: None,
            last_sync: (0, Duration::ZERO),
            failed: false,
        };
        // What was found may never have been synced, and from now on counts as durable.
        if let Some(active) = &writer.active {
            active.sync()?;
        }
        writer.write_checkpoint()?;
        Ok(writer)
    }

    /// Works until the log is closed or has failed.
    pub(crate) fn run(mut self, lock: Box<dyn Send + Sync>) {
        let end = EndOnDrop(Arc::clone(&self.shared));
        let mut commands = Vec::new();
        let mut closing = None;
        while closing.is_none() && !self.failed {
            let (producers, sync) = self.last_sync;
            let settled = self.unsynced.is_none() && self.checkpoint.mark().next == self.next;
            let patience = (sync / 2).min(MAX_PATIENCE);
            self.shared.queue.take(&mut commands, producers, patience, (!settled).then_some(IDLE));
            if commands.is_empty() {
                self.settle();
            } else {
                closing = self.round(&mut commands);
            }
        }
        let result = self.close();
        drop(self);
        drop(lock);
        drop(end);
        if let Some(done) = closing {
            // Nobody waits when the last handle was dropped.
            let _ = done.send(result);
        }
    }

    /// Does everything that has queued up. Gives the waiter of a close.
    fn round(&mut self, commands: &mut Vec<Command>) -> Option<Waiter<()>> {
        let mut closing = None;
        let mut run = self.begin();
        for command in commands.drain(..) {
            match command {
                Command::Append { batch, durability, done } => run = self.append(run, batch, durability, done),
                Command::Sync { done } => {
                    run.durable = true;
                    run.syncs.push(done);
                }
                Command::Trim { before, done } => {
                    // Whoever waited may have given up, here and below.
                    let _ = done.send(self.remove_segments(before));
                }
                Command::Close { done } => closing = Some(done),
            }
        }
        self.commit(run);
        if self.unsynced.is_some_and(|since| since.elapsed() > MAX_UNSYNCED) {
            self.settle();
        }
        closing
    }

    fn begin(&self) -> Run {
        Run {
            next: self.next,
            time: self.time,
            position: self.active.as_ref().map_or(0, |active| active.position),
            indexed: self.active.as_ref().and_then(Active::indexed),
            appends: Vec::new(),
            syncs: Vec::new(),
            durable: false,
            error: None,
        }
    }

    /// Stamps a batch and gathers it. Where it needs a new segment, what came before is committed first.
    fn append(&mut self, mut run: Run, mut batch: Batch, durability: Durability, done: Waiter<Appended>) -> Run {
        let size = batch.bytes.len() as u64;
        let fits = |active: &Active| active.position == 0 || active.position + size <= self.options.segment_bytes;
        if run.error.is_none() && !self.active.as_ref().is_some_and(fits) {
            self.commit(run);
            let rolled = self.roll();
            run = self.begin();
            if let Err(error) = rolled {
                let _ = done.send(Err(error));
                return run;
            }
        }
        let Some(active) = &mut self.active else {
            let _ = done.send(Err(self.failure("there is no segment to write to")));
            return run;
        };
        if run.error.is_none() {
            // With nothing of it gathered, only this append fails.
            if let Err(error) = active.reserve(size) {
                let _ = done.send(Err(error));
                return run;
            }
            self.time = self.time.max(time::now());
            let header = Header {
                length: (batch.bytes.len() - HEADER) as u32,
                base: self.next,
                time: self.time,
                count: batch.count,
                flags: batch.flags,
                epoch: self.epoch,
                body_crc: batch.body_crc,
                distance: u32::try_from(self.next - self.durable).unwrap_or(u32::MAX),
            };
            header.encode(&mut batch.bytes, self.shared.seed);
            run.error = active.push(&batch.bytes, self.next, self.time).err();
            self.next = header.end();
        }
        let appended = Appended { first: self.next - u64::from(batch.count), count: batch.count, time: self.time };
        run.appends.push((done, appended));
        run.durable |= durability == Durability::Durable;
        run
    }

    /// Writes and, where somebody asked for it, syncs; then lets readers see it and answers everybody.
    fn commit(&mut self, run: Run) {
        let producers = run.appends.len();
        if producers == 0 && run.syncs.is_empty() {
            return;
        }
        let result = match (&run.error, &mut self.active) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(active)) => active.write_all(),
            (None, None) => Ok(()),
        };
        if let Err(error) = result {
            return self.undo(run, error);
        }
        if producers > 0 {
            self.unsynced.get_or_insert_with(Instant::now);
        }
        if run.durable {
            let begun = Instant::now();
            if let Err(error) = self.sync() {
                return fail(run, &error);
            }
            self.last_sync = (producers, begun.elapsed());
        } else {
            self.last_sync.0 = 0;
        }
        if let Some(active) = &mut self.active {
            active.publish_index();
            self.shared.publish(self.next, active.position);
        }
        for (done, appended) in run.appends {
            let _ = done.send(Ok(appended));
        }
        for done in run.syncs {
            let _ = done.send(Ok(()));
        }
    }

    /// Takes back what could not be written. A full disk leaves the log as it was; anything else ends it.
    fn undo(&mut self, run: Run, error: StoreError) {
        let undone = match &mut self.active {
            Some(active) => active.undo(run.position, run.indexed),
            None => Ok(()),
        };
        (self.next, self.time) = (run.next, run.time);
        let error = match (error, undone) {
            (full @ StoreError::Full { .. }, Ok(())) => full,
            (StoreError::Full { .. }, Err(error)) | (error, _) => self.fail(&error),
        };
        fail(run, &error);
    }

    /// Makes everything that was written durable. There is no second attempt: after a failed fsync the pages count as
    /// clean, whatever became of them, and the next fsync would succeed without having written anything.
    fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced.is_none() {
            return Ok(());
        }
        if let Some(active) = &self.active
            && let Err(error) = active.sync()
        {
            return Err(self.fail(&error));
        }
        self.unsynced = None;
        self.durable = self.next;
        Ok(())
    }

    /// In a pause: syncs what is only buffered, and brings the checkpoint up to date.
    fn settle(&mut self) {
        let settled = self.sync().and_then(|()| self.write_checkpoint());
        if let Err(error) = settled {
            self.fail(&error);
        }
    }

    /// Goes on in a new segment. What is in the old one is durable first, so that nothing durable ever follows a hole.
    fn roll(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        if let Some(active) = &mut self.active {
            active.trim();
        }
        let created = Active::create(&*self.shared.disk, &self.shared.dir, self.next);
        let active = match created {
            Ok(active) => active,
            Err(full @ StoreError::Full { .. }) => return Err(full),
            Err(error) => return Err(self.fail(&error)),
        };
        self.shared.add_segment(Arc::clone(&active.segment));
        self.active = Some(active);
        self.write_checkpoint().map_err(|error| self.fail(&error))
    }

    fn write_checkpoint(&mut self) -> Result<(), StoreError> {
        let mark = self.checkpoint.mark();
        self.checkpoint.write(Mark { epoch: self.epoch, next: self.durable, time: self.time, ..mark })
    }

    /// Oldest first, so that what is left is always the end of the log.
    fn remove_segments(&self, before: u64) -> Result<(), StoreError> {
        let segments = self.shared.drop_segments(before);
        for segment in &segments {
            let removed = self.shared.disk.remove(&segment.path);
            removed.map_err(|source| StoreError::io("remove", &segment.path, source))?;
        }
        if segments.is_empty() {
            return Ok(());
        }
        let dir = &self.shared.dir;
        self.shared.disk.sync_dir(dir).map_err(|source| StoreError::io("sync", dir, source))
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let reason = match self.shared.queue.ended() {
            Some(failed) => return Err(failed),
            None => StoreError::Closed { dir: self.shared.dir.clone() },
        };
        let closed = self.sync().and_then(|()| {
            if let Some(active) = &mut self.active {
                active.trim();
            }
            self.write_checkpoint()
        });
        if let Err(error) = &closed {
            warn!(dir = %self.shared.dir.display(), %error, "a log was not closed cleanly");
        }
        self.shared.queue.end(&reason);
        debug!(dir = %self.shared.dir.display(), next = self.next, "closed a log");
        closed
    }

    /// Ends the log for good, says so, and gives the error that everybody gets from now on.
    fn fail(&mut self, cause: &StoreError) -> StoreError {
        let failure = match cause {
            StoreError::Failed { .. } => cause.clone(),
            cause => self.failure(&cause.to_string()),
        };
        if !self.failed {
            error!(error = %failure, "a log has failed");
            self.failed = true;
            self.shared.queue.end(&failure);
            self.shared.wake();
        }
        failure
    }

    fn failure(&self, reason: &str) -> StoreError {
        StoreError::Failed { dir: self.shared.dir.clone(), reason: reason.into() }
    }
}

fn fail(run: Run, error: &StoreError) {
    for (done, _) in run.appends {
        let _ = done.send(Err(error.clone()));
    }
    for done in run.syncs {
        let _ = done.send(Err(error.clone()));
    }
}

/// Tells everybody when the owner's thread has ended, however it ended.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        // Only a panic gets here without a reason given before.
        let panicked = StoreError::Failed { dir: self.0.dir.clone(), reason: "its thread panicked".into() };
        self.0.queue.end(&panicked);
        self.0.wake();
    }
}
