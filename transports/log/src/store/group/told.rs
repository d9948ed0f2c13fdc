//! What a group is told of a record: that it was begun with, handled or not, or needs longer.

use std::time::{Duration, Instant, SystemTime};

use super::history::Failure;
use super::inner::{Inner, Noted};
use super::journal::Note;
use crate::store::options::Durability;

impl Inner {
    /// It was handled. Gives the note about it, if that is still to be said.
    pub(super) fn ack(&self, offset: u64, era: u64) -> Option<Noted> {
        // First in memory, then on the disk: a state that is written meanwhile holds it, or its own note stands behind.
        let (mut was_full, mut is_awaited) = (false, false);
        let noted = self.note(era, Durability::Durable, |known| {
            was_full = known.progress.outstanding().len() >= self.options.max_outstanding;
            is_awaited = known.progress.is_awaited(offset);
            known.history.take(offset);
            known.progress.ack(offset).then_some(Note::Ack(offset))
        });
        if was_full || is_awaited {
            self.sleepers.wake();
        }
        noted
    }

    pub(super) fn give_back(&self, offset: u64, attempt: u32, era: u64, reason: &str, delay: Option<Duration>) {
        let (now, patience) = (Instant::now(), self.options.patience());
        // After the last one there is nothing to wait for.
        let is_last = self.options.max_attempts.is_some_and(|most| attempt >= most);
        let delay = if is_last { Some(Duration::ZERO) } else { delay };
        self.note(era, Durability::Buffered, |known| {
            if !known.progress.give_back(offset, attempt, delay, now, patience) {
                return None;
            }
            if reason.is_empty() {
                return Some(Note::Attempt(offset, attempt));
            }
            let failure = Failure::new(attempt, SystemTime::now(), reason);
            known.history.add(offset, failure.clone());
            Some(Note::Failed(offset, failure))
        });
        self.sleepers.wake();
    }

    /// It will not be handled, and why. Gives all that is known of it, this failure last.
    pub(super) fn failed(&self, offset: u64, attempt: u32, era: u64, reason: &str) -> Vec<Failure> {
        let failure = Failure::new(attempt, SystemTime::now(), reason);
        let mut failures = Vec::new();
        self.note(era, Durability::Buffered, |known| {
            failures.extend(known.history.of(offset).cloned());
            if known.progress.is_outstanding(offset) {
                known.history.add(offset, failure.clone());
            }
            None
        });
        failures.retain(|known| known.attempt != attempt);
        failures.push(failure);
        failures
    }

    /// Whoever was given it ahead begins with it, so that the delivery counts. `false` when somebody else has it by now.
    pub(super) fn begin(&self, offset: u64, attempt: u32, era: u64) -> bool {
        let (now, patience) = (Instant::now(), self.options.patience());
        let note = self.note(era, Durability::Buffered, |known| {
            known.progress.extend(offset, attempt, now, patience).then_some(Note::Attempt(offset, attempt))
        });
        note.is_some()
    }

    /// Whoever was given it ahead will not begin with it. Nothing is noted: so far it was not delivered.
    pub(super) fn release(&self, offset: u64, attempt: u32, era: u64) {
        let mut released = false;
        self.note(era, Durability::Buffered, |known| {
            released = known.progress.release(offset, attempt, Instant::now());
            None
        });
        if released {
            self.sleepers.wake();
        }
    }

    pub(super) fn extend(&self, offset: u64, attempt: u32, era: u64) -> bool {
        let mut working = self.lock();
        let patience = self.options.patience();
        era == working.era() && working.known.progress.extend(offset, attempt, Instant::now(), patience)
    }
}
