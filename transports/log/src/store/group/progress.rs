//! How far a group has come: a value that is asked and told, without a clock, a file or a lock.
//!
//! Everything before `read` was taken from the log. Of that, what is `outstanding` was not acknowledged; all the rest was,
//! or was none of the group's business. So the state is small, however far the group is behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long an event waits before its second delivery; doubled for each further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest wait before a delivery.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The state of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The next offset to take from the log.
    pub(crate) read: u64,
    outstanding: BTreeMap<u64, Outstanding>,
    /// Acknowledged by an earlier process, and not before `read`.
    done: BTreeSet<u64>,
    /// When events that wait are due, and which.
    due: BTreeSet<(Instant, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outstanding {
    /// How often it was delivered.
    attempt: u32,
    /// When it is due again; `None` while somebody has it.
    due: Option<Instant>,
}

impl Progress {
    /// A group that has handled everything before `read` except for these offsets, delivered so many times, and that
    /// has handled the offsets in `done` as well. What is outstanding is due `now`.
    pub(crate) fn new(read: u64, outstanding: BTreeMap<u64, u32>, done: BTreeSet<u64>, now: Instant) -> Self {
        let due = outstanding.keys().map(|offset| (now, *offset)).collect();
        let outstanding =
            outstanding.into_iter().map(|(offset, attempt)| (offset, Outstanding { attempt, due: Some(now) }));
        Self { read, outstanding: outstanding.collect(), done, due }
    }

    /// A group that is new and starts here.
    pub(crate) fn starting(read: u64) -> Self {
        Self { read, ..Self::default() }
    }

    /// Everything before this offset was handled.
    pub(crate) fn floor(&self) -> u64 {
        self.outstanding.keys().next().copied().unwrap_or(self.read)
    }

    /// The offsets before `read` that were not acknowledged, with the number of their deliveries.
    pub(crate) fn outstanding(&self) -> impl ExactSizeIterator<Item = (u64, u32)> {
        self.outstanding.iter().map(|(offset, state)| (*offset, state.attempt))
    }

    /// What an earlier process acknowledged and is not before `read`.
    pub(crate) fn done(&self) -> impl Iterator<Item = u64> {
        self.done.iter().copied()
    }

    /// Takes the next offset from the log. Gives the number of its delivery, or `None` when it is not to be delivered.
    pub(crate) fn take(&mut self, offset: u64, wanted: bool) -> Option<u32> {
        self.read = self.read.max(offset + 1);
        if self.done.remove(&offset) || !wanted {
            return None;
        }
        self.outstanding.insert(offset, Outstanding { attempt: 1, due: None });
        Some(1)
    }

    /// Steps over offsets that cannot be read.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        self.read = self.read.max(offset);
        self.done = self.done.split_off(&self.read);
    }

    /// Takes an event that is due to be delivered again, with the number of the delivery.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(u64, u32)> {
        let (at, offset) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        let state = self.outstanding.get_mut(&offset)?;
        state.due = None;
        state.attempt = state.attempt.saturating_add(1);
        Some((offset, state.attempt))
    }

    /// When the next event is due, if one waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// It was handled.
    pub(crate) fn ack(&mut self, offset: u64) {
        if let Some(Outstanding { due: Some(at), .. }) = self.outstanding.remove(&offset) {
            self.due.remove(&(at, offset));
        }
    }

    /// It was not handled, and waits for its next delivery. Gives the number of deliveries so far.
    pub(crate) fn give_back(&mut self, offset: u64, now: Instant) -> Option<u32> {
        let state = self.outstanding.get_mut(&offset).filter(|state| state.due.is_none())?;
        let at = now + delay(state.attempt);
        state.due = Some(at);
        self.due.insert((at, offset));
        Some(state.attempt)
    }
}

/// How long to wait after so many deliveries.
fn delay(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST_DELAY * (1 << doublings)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_the_first_event_not_handled_whatever_the_order_of_acks() {
        let now = Instant::now();
        let mut progress = Progress::default();
        for offset in 0..5 {
            assert_eq!(progress.take(offset, offset != 1), (offset != 1).then_some(1));
        }
        for (ack, floor) in [(3, 0), (0, 2), (4, 2), (2, 5)] {
            progress.ack(ack);
            assert_eq!(progress.floor(), floor, "after {ack}");
        }
        progress.ack(2);
        assert_eq!(progress.give_back(2, now), None, "what is handled stays handled");
    }

    #[test]
    fn an_event_given_back_comes_again_after_a_growing_delay() {
        let mut now = Instant::now();
        let mut progress = Progress::default();
        progress.take(0, true);
        let mut waits = Vec::new();
        for attempt in 1..12 {
            assert_eq!(progress.give_back(0, now), Some(attempt));
            assert_eq!(progress.take_due(now), None);
            let due = progress.next_due().unwrap();
            waits.push(due - now);
            now = due;
            assert_eq!(progress.take_due(now), Some((0, attempt + 1)));
        }
        assert!(waits.is_sorted() && waits[0] == FIRST_DELAY && waits[1] == 2 * FIRST_DELAY, "{waits:?}");
        assert_eq!(waits.last(), Some(&MAX_DELAY));
    }

    #[test]
    fn what_an_earlier_process_left_is_due_at_once_and_what_it_acknowledged_is_not_delivered() {
        let now = Instant::now();
        let mut progress = Progress::new(10, BTreeMap::from([(3, 2), (7, 1)]), BTreeSet::from([11]), now);
        assert_eq!(progress.floor(), 3);
        assert_eq!(progress.take_due(now), Some((3, 3)));
        assert_eq!(progress.take_due(now), Some((7, 2)));
        assert_eq!([10, 11, 12].map(|offset| progress.take(offset, true)), [Some(1), None, Some(1)]);
    }
}
