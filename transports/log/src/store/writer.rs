//! What is done with what was appended: batches are stamped, written, and made durable for everybody who waits.
//!
//! A round takes what has queued up, writes it, syncs once, and answers all of it. Where several appended last time, it waits a
//! moment for as many again; otherwise producers fall into two cohorts that take turns, and each fdatasync carries half of
//! them (measured with 16 producers: half of what the disk allows without the wait, 0.7 to 0.85 of it with the wait).

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, warn};

use super::StoreError;
use super::active::Active;
use super::background::{Background, Done};
use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::clock::Believed;
use super::compactor::Compactor;
use super::durable::ENOUGH;
use super::format::{HEADER, Header};
use super::log::Appended;
use super::options::{Durability, LogOptions};
use super::queue::{Command, Rest, Waiter};
use super::recovery::Recovered;
use super::remembered::Remembered;
use super::run::{Run, admit, refuse};
use super::shared::Shared;
use super::time;
use crate::sync::Instant;

/// After this long without an append, what is only buffered is synced and the checkpoint brought up to date.
const IDLE: Duration = Duration::from_millis(50);
/// What is only buffered is synced after this long, even if appends never pause.
pub(super) const MAX_UNSYNCED: Duration = Duration::from_secs(1);
/// The longest wait for as many producers as last time; half of an fdatasync is usually far less.
const MAX_PATIENCE: Duration = Duration::from_millis(5);
/// How often an idle log looks whether something has become too old.
const WATCH: Duration = Duration::from_secs(60);

/// The state of whoever writes; see [`Role`](super::role::Role).
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) checkpoint: Checkpoint,
    pub(super) options: LogOptions,
    pub(super) active: Option<Active>,
    /// Whether the active segment is done with: a write to it failed.
    pub(super) retired: bool,
    /// The sync of what was written before, while further appends are taken.
    pub(super) background: Option<Background>,
    /// The next offset to give out.
    pub(super) next: u64,
    /// Everything below was synced.
    pub(super) durable: u64,
    /// Where that is.
    pub(super) durable_at: Option<Done>,
    /// The time of the last batch, in microseconds since 1970.
    pub(super) time: i64,
    pub(super) epoch: u16,
    /// Since when something is written and neither synced nor being synced.
    pub(super) unsynced: Option<Instant>,
    /// Who made batches, and which.
    pub(super) remembered: Remembered,
    /// What is believed of the time of day.
    pub(super) believed: Believed,
    /// When the checkpoint was written, and whether it is to be now.
    pub(super) checkpointed: Instant,
    pub(super) checkpoint_due: bool,
    pub(super) compactor: Compactor,
    /// In how many rounds of the thread in a row there was no more than one command.
    pub(super) lone: u32,
    /// How many rounds there were.
    pub(super) rounds: u64,
    /// How long the last fdatasync took.
    last_sync: Duration,
    /// How many appends may well come together next time.
    expected: usize,
    pub(super) failed: bool,
}

impl Writer {
    /// Takes over what an opening found. From here on the directory is written to.
    pub(crate) fn new(
        shared: Arc<Shared>,
        checkpoint: Checkpoint,
        options: LogOptions,
        recovered: Recovered,
    ) -> Result<Self, StoreError> {
        // What was found may never have been synced, and from now on counts as durable.
        for file in &recovered.unsynced {
            file.sync_data().map_err(|source| StoreError::io("sync a segment in", &shared.home.dir, source))?;
        }
        let mut writer = Self {
            epoch: checkpoint.mark().epoch.wrapping_add(1),
            active: Active::recovered(&shared.home, &recovered)?,
            retired: false,
            background: None,
            next: recovered.next,
            durable: recovered.next,
            durable_at: None,
            time: recovered.time,
            unsynced: None,
            remembered: recovered.remembered,
            believed: Believed::starting(&*options.clock),
            checkpointed: Instant::now(),
            checkpoint_due: false,
            compactor: Compactor::default(),
            lone: ENOUGH,
            rounds: 0,
            last_sync: Duration::ZERO,
            expected: 0,
            failed: false,
            shared,
            checkpoint,
            options,
        };
        writer.all_durable();
        writer.write_checkpoint()?;
        Ok(writer)
    }

    /// How many appends to wait for before the next round, and how long at most.
    pub(super) fn expected(&self) -> (usize, Duration) {
        (self.expected, (self.last_sync / 2).min(MAX_PATIENCE))
    }

    /// How long to wait for something to do.
    pub(super) fn rest(&self) -> Rest {
        if !self.is_settled() {
            return Rest::Until(IDLE);
        }
        Rest::Settled(self.options.roll_age().is_some().then_some(WATCH))
    }

    /// Does everything that has queued up. Gives the waiter of a close.
    pub(super) fn round(&mut self, commands: impl IntoIterator<Item = Command>) -> Option<Waiter<()>> {
        self.rounds += 1;
        let mut closing = None;
        let mut run = self.begin();
        for command in commands {
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
                Command::Tidy { done } => {
                    self.commit(run);
                    let _ = done.send(self.tidy());
                    run = self.begin();
                }
                Command::Compact { compaction, done } => {
                    self.commit(run);
                    self.compact(compaction, done);
                    run = self.begin();
                }
                Command::Replace { base, done } => {
                    let _ = done.send(self.replace(base));
                }
                Command::Compacted => {
                    self.commit(run);
                    self.compacted();
                    run = self.begin();
                }
                Command::Close { done } => closing = Some(done),
            }
        }
        self.commit(run);
        closing
    }

    fn begin(&self) -> Run {
        Run {
            next: self.next,
            time: self.time,
            bookmark: self.active.as_ref().map(Active::bookmark).unwrap_or_default(),
            appends: Vec::new(),
            syncs: Vec::new(),
            producers: Vec::new(),
            durable: false,
            error: None,
        }
    }

    /// Stamps a batch and gathers it. Where it needs a new segment, what came before is committed first.
    fn append(&mut self, mut run: Run, mut batch: Batch, durability: Durability, done: Waiter<Appended>) -> Run {
        let size = batch.bytes.len() as u64;
        let now = self.time.max(time::from_system(self.options.clock.wall()));
        if run.error.is_none() && !self.fits(size) {
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
        let count = batch.count;
        if run.error.is_none() {
            match admit(&batch, self.next, &self.remembered) {
                Ok(None) => {}
                Ok(Some(known)) => {
                    // Answered with the others, when it is as durable as it is to be.
                    run.appends.push((done, known));
                    run.durable |= durability == Durability::Durable;
                    return run;
                }
                Err(error) => {
                    let _ = done.send(Err(error));
                    return run;
                }
            }
            // With nothing of it gathered, only this append fails.
            if let Err(error) = active.reserve(size) {
                let _ = done.send(Err(error));
                return run;
            }
            self.time = now;
            let header = Header {
                length: (batch.bytes.len() - HEADER) as u32,
                base: self.next,
                time: self.time,
                count,
                flags: batch.flags,
                epoch: self.epoch,
                body_crc: batch.body_crc,
                distance: u32::try_from(self.next - self.durable).unwrap_or(u32::MAX),
            };
            header.encode(&mut batch.bytes, self.shared.home.seed);
            run.error = active.push(batch.bytes, &header).err();
            self.next = header.end();
            if let Some(producer) = batch.producer {
                let before = self.remembered.store(producer, header.base, count, header.time);
                run.producers.push((producer.id, before));
            }
        }
        // Where nothing is stamped any more there will be an error for all.
        let appended = Appended { first: self.next.saturating_sub(count.into()), count, time: self.time };
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
            (None, Some(active)) if run.durable => active.write_all_to_sync(),
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
                return refuse(run.appends, run.syncs, &error);
            }
            self.last_sync = begun.elapsed();
            // Whoever came meanwhile would else be half of the producers, and take turns with the other half.
            self.expected = producers + self.shared.queue.waiting();
        } else {
            self.expected = 0;
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

    /// Takes back what could not be written. A full disk leaves the log as it was; after any other failure nothing more is
    /// written to that segment, and the next append goes to a new one.
    fn undo(&mut self, run: Run, error: StoreError) {
        (self.next, self.time) = (run.next, run.time);
        let Run { bookmark, appends, syncs, producers, .. } = run;
        for (id, before) in producers.into_iter().rev() {
            self.remembered.restore(id, before);
        }
        self.remembered.forget_from(self.next);
        let Some(active) = &mut self.active else { return refuse(appends, syncs, &error) };
        let is_full = matches!(error, StoreError::Full { .. });
        let cut = active.undo(bookmark);
        self.retired = !is_full || cut.is_err();
        let error = match self.is_cut_safe(is_full && cut.is_ok()) {
            Ok(()) => error,
            Err(failed) => failed,
        };
        if self.retired && !self.failed {
            warn!(%error, "a write failed; nothing more is written to this segment");
        }
        refuse(appends, syncs, &error);
    }

    /// Makes sure that a power cut does not bring back what was refused.
    fn is_cut_safe(&mut self, asked: bool) -> Result<(), StoreError> {
        match &self.active {
            Some(active) if asked => active.sync().map_err(|error| self.fail(&error)),
            _ => Ok(()),
        }
    }

    /// In a pause: syncs what is only buffered, brings the checkpoint up to date, and removes what has become too old.
    pub(super) fn pause(&mut self) {
        if !self.is_settled() {
            if let Err(error) = self.settle() {
                self.fail(&error);
            }
            self.compact_beside();
        } else if let Err(error) = self.tidy() {
            warn!(%error, "what is too old was not removed; it is tried again");
        }
    }

    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        self.write_checkpoint()
    }

    fn is_settled(&self) -> bool {
        self.unsynced.is_none() && self.background.is_none() && self.checkpoint.mark().next == self.next
    }

    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.compactor.cancel();
        let closed = self.close_files();
        self.compactor.join();
        closed
    }

    fn close_files(&mut self) -> Result<(), StoreError> {
        let reason = match self.shared.queue.ended() {
            Some(failed) => {
                // Its outcome changes nothing any more, but it must not outlive the lock.
                drop(self.background.take().map(Background::wait));
                return Err(failed);
            }
            None => StoreError::Closed { dir: self.shared.home.dir.clone() },
        };
        let closed = self.sync().and_then(|()| {
            if let Some(active) = &mut self.active {
                active.trim();
                active.segment.keep_index(&self.shared.home, &*active.file);
            }
            self.write_checkpoint()
        });
        if let Err(error) = &closed {
            warn!(dir = %self.shared.home.dir.display(), %error, "a log was not closed cleanly");
        }
        self.shared.queue.end(&reason);
        debug!(dir = %self.shared.home.dir.display(), next = self.next, "closed a log");
        closed
    }

    /// Ends the log for good, says so, and gives the error that everybody gets from now on.
    pub(super) fn fail(&mut self, cause: &StoreError) -> StoreError {
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
        StoreError::Failed { dir: self.shared.home.dir.clone(), reason: reason.into() }
    }
}
