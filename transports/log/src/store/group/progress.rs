//! How far a group has come: a value that is asked and told, without a clock, a file or a lock.
//!
//! Everything before `read` was taken from the log. Of that, what is `outstanding` was not acknowledged; all the rest was,
//! or was none of the group's business. So the state is small, however far the group is behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::keys::Keys;

/// A longer delay is this one, ten years, which any clock can tell.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long an event waits between two deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Before the second delivery; doubled for each further one.
    pub(crate) first: Duration,
    /// The longest.
    pub(crate) most: Duration,
    /// Whoever has an event for longer has lost it to the next one.
    pub(crate) deadline: Option<Duration>,
}

/// The state of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The next offset to take from the log.
    pub(crate) read: u64,
    /// An earlier process had handed out what is before this offset.
    pub(crate) handed: u64,
    /// How often an earlier process had delivered what is not before `read`.
    pub(crate) tried: BTreeMap<u64, u32>,
    outstanding: BTreeMap<u64, Outstanding>,
    /// Acknowledged by an earlier process, and not before `read`.
    done: BTreeSet<u64>,
    /// When events are due again, and which: because they wait, or because whoever has them takes too long.
    due: BTreeSet<(Instant, u64)>,
    keys: Keys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outstanding {
    /// How often it was delivered.
    attempt: u32,
    /// When it is due again; `None` while somebody has it, for however long.
    due: Option<Instant>,
    /// Whether somebody has it.
    is_held: bool,
    /// Whether whoever has it has not begun with it: then this delivery does not count yet.
    is_ahead: bool,
    /// Since when it waits for another of its key, if it does.
    in_line: Option<Instant>,
}

impl Progress {
    /// A group that has handled everything before `read` except for these offsets, delivered so many times, and that
    /// has handled the offsets in `done` as well. What is outstanding is due `now`.
    pub(crate) fn new(read: u64, outstanding: BTreeMap<u64, u32>, done: BTreeSet<u64>, now: Instant) -> Self {
        let due = outstanding.keys().map(|offset| (now, *offset)).collect();
        let waiting = |attempt| Outstanding { attempt, due: Some(now), is_held: false, is_ahead: false, in_line: None };
        let outstanding = outstanding.into_iter().map(|(offset, attempt)| (offset, waiting(attempt)));
        Self { read, outstanding: outstanding.collect(), done, due, ..Self::default() }
    }

    /// A group that is new and starts here.
    pub(crate) fn starting(read: u64) -> Self {
        Self { read, ..Self::default() }
    }

    /// Whether it was taken and not acknowledged.
    pub(crate) fn is_outstanding(&self, offset: u64) -> bool {
        self.outstanding.contains_key(&offset)
    }

    /// Everything before this offset was handled.
    pub(crate) fn floor(&self) -> u64 {
        self.outstanding.keys().next().copied().unwrap_or(self.read)
    }

    /// The offsets before `read` that were not acknowledged, with the number of their deliveries.
    pub(crate) fn outstanding(&self) -> impl ExactSizeIterator<Item = (u64, u32)> {
        self.outstanding.iter().map(|(offset, state)| (*offset, state.attempt - u32::from(state.is_ahead)))
    }

    /// What an earlier process acknowledged and is not before `read`.
    pub(crate) fn done(&self) -> impl Iterator<Item = u64> {
        self.done.iter().copied()
    }

    /// Takes the next offset from the log. Gives the number of its delivery, or `None` when it is not to be delivered.
    pub(crate) fn take(&mut self, offset: u64, wanted: bool, now: Instant, patience: Patience) -> Option<u32> {
        self.read = self.read.max(offset + 1);
        let tried = self.tried.remove(&offset).unwrap_or(u32::from(offset < self.handed));
        if self.done.remove(&offset) || !wanted {
            return None;
        }
        let attempt = tried.saturating_add(1);
        self.hold(offset, attempt, now, patience);
        Some(attempt)
    }

    /// Steps over offsets that cannot be read.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        self.read = self.read.max(offset);
        self.done = self.done.split_off(&self.read);
        self.tried = self.tried.split_off(&self.read);
    }

    /// Takes an event that is due to be delivered again, with the number of the delivery.
    pub(crate) fn take_due(&mut self, now: Instant, patience: Patience) -> Option<(u64, u32)> {
        let (at, offset) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        let attempt = self.outstanding.get(&offset)?.attempt.saturating_add(1);
        self.hold(offset, attempt, now, patience);
        Some((offset, attempt))
    }

    /// Says of which key an event is that was just taken. `false` when it is not to be delivered now: another of the key is
    /// not acknowledged, and `in_order` asks to wait for that. Without it the event is delivered, and others wait for it.
    pub(crate) fn line_up(&mut self, offset: u64, key: &Bytes, in_order: bool, now: Instant) -> bool {
        if self.keys.join(offset, key) || !in_order {
            return true;
        }
        if let Some(state) = self.outstanding.get_mut(&offset) {
            if let Some(at) = state.due.take() {
                self.due.remove(&(at, offset));
            }
            // It was not delivered after all.
            (state.attempt, state.is_held, state.in_line) = (state.attempt.saturating_sub(1), false, Some(now));
        }
        false
    }

    /// Whether others of its key wait for this event.
    pub(crate) fn is_awaited(&self, offset: u64) -> bool {
        self.keys.is_awaited(offset)
    }

    /// When the next event is due, if one is.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// It was handled. Whether that was still to be said.
    pub(crate) fn ack(&mut self, offset: u64) -> bool {
        let Some(state) = self.outstanding.remove(&offset) else { return false };
        if let Some(at) = state.due {
            self.due.remove(&(at, offset));
        }
        if let Some(next) = self.keys.leave(offset)
            && let Some(state) = self.outstanding.get_mut(&next)
            && let Some(since) = state.in_line.take()
        {
            state.due = Some(since);
            self.due.insert((since, next));
        }
        true
    }

    /// It was not handled in this attempt, and waits for its next delivery, for `delay` or as long as is usual. `false` when
    /// somebody else has it by now, or it was handled.
    pub(crate) fn give_back(
        &mut self,
        offset: u64,
        attempt: u32,
        delay: Option<Duration>,
        now: Instant,
        patience: Patience,
    ) -> bool {
        let is_theirs = |state: &&mut Outstanding| state.is_held && state.attempt == attempt;
        let Some(state) = self.outstanding.get_mut(&offset).filter(is_theirs) else { return false };
        if let Some(at) = state.due.take() {
            self.due.remove(&(at, offset));
        }
        let at = now + delay.unwrap_or_else(|| patience.after(attempt)).min(LONGEST_DELAY);
        (state.due, state.is_held, state.is_ahead) = (Some(at), false, false);
        self.due.insert((at, offset));
        true
    }

    /// Whoever was just given it will say when it begins with it.
    pub(crate) fn ahead(&mut self, offset: u64) {
        if let Some(state) = self.outstanding.get_mut(&offset) {
            state.is_ahead = true;
        }
    }

    /// Whoever was given it has not begun with it and will not: as if it had not been delivered, and due at once. `false` when
    /// somebody else has it by now, or it was begun with or handled.
    pub(crate) fn release(&mut self, offset: u64, attempt: u32, now: Instant) -> bool {
        let is_theirs = |state: &&mut Outstanding| state.is_held && state.is_ahead && state.attempt == attempt;
        let Some(state) = self.outstanding.get_mut(&offset).filter(is_theirs) else { return false };
        if let Some(at) = state.due.take() {
            self.due.remove(&(at, offset));
        }
        // With what is due already, so that of what was given back like this the first offset comes first, whoever had it.
        let at = self.due.first().map_or(now, |(first, _)| now.min(*first));
        (state.attempt, state.is_held, state.is_ahead, state.due) = (attempt.saturating_sub(1), false, false, Some(at));
        self.due.insert((at, offset));
        true
    }

    /// Whoever has it begins with it, or needs longer: the delivery counts, and the deadline starts again. `false` when somebody else
    /// has it by now.
    pub(crate) fn extend(&mut self, offset: u64, attempt: u32, now: Instant, patience: Patience) -> bool {
        let is_theirs = self.outstanding.get(&offset).is_some_and(|state| state.is_held && state.attempt == attempt);
        if is_theirs {
            if let Some(at) = self.outstanding.get(&offset).and_then(|state| state.due) {
                self.due.remove(&(at, offset));
            }
            self.hold(offset, attempt, now, patience);
        }
        is_theirs
    }

    fn hold(&mut self, offset: u64, attempt: u32, now: Instant, patience: Patience) {
        let due = patience.deadline.map(|deadline| now + deadline.min(LONGEST_DELAY));
        self.due.extend(due.map(|at| (at, offset)));
        self.outstanding.insert(offset, Outstanding { attempt, due, is_held: true, is_ahead: false, in_line: None });
    }
}

impl Patience {
    /// How long to wait after so many deliveries.
    fn after(self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { first: Duration::from_millis(100), most: Duration::from_secs(60), deadline: None };

    #[test]
    fn the_floor_is_the_first_event_not_handled_whatever_the_order_of_acks() {
        let now = Instant::now();
        let mut progress = Progress::default();
        for offset in 0..5 {
            assert_eq!(progress.take(offset, offset != 1, now, PATIENCE), (offset != 1).then_some(1));
        }
        for (ack, floor) in [(3, 0), (0, 2), (4, 2), (2, 5)] {
            assert!(progress.ack(ack));
            assert_eq!(progress.floor(), floor, "after {ack}");
        }
        assert!(!progress.ack(2));
        assert!(!progress.give_back(2, 1, None, now, PATIENCE), "what is handled stays handled");
    }

    #[test]
    fn an_event_given_back_comes_again_after_a_growing_delay() {
        let mut now = Instant::now();
        let mut progress = Progress::default();
        progress.take(0, true, now, PATIENCE);
        let mut waits = Vec::new();
        for attempt in 1..12 {
            assert!(progress.give_back(0, attempt, None, now, PATIENCE));
            assert_eq!(progress.take_due(now, PATIENCE), None);
            let due = progress.next_due().unwrap();
            waits.push(due - now);
            now = due;
            assert_eq!(progress.take_due(now, PATIENCE), Some((0, attempt + 1)));
        }
        assert!(waits.is_sorted() && waits[0] == PATIENCE.first && waits[1] == 2 * PATIENCE.first, "{waits:?}");
        assert_eq!(waits.last(), Some(&PATIENCE.most));
        assert!(progress.give_back(0, 12, Some(Duration::from_secs(7)), now, PATIENCE));
        assert_eq!(progress.next_due(), Some(now + Duration::from_secs(7)), "or after the delay that was asked for");
        now += Duration::from_secs(7);
        assert_eq!(progress.take_due(now, PATIENCE), Some((0, 13)));
        assert!(progress.give_back(0, 13, Some(Duration::MAX), now, PATIENCE));
        assert_eq!(progress.next_due(), Some(now + LONGEST_DELAY), "within what clocks can tell");
    }

    #[test]
    fn whoever_holds_an_event_beyond_the_deadline_has_lost_it() {
        let (begun, deadline) = (Instant::now(), Duration::from_secs(30));
        let patience = Patience { deadline: Some(deadline), ..PATIENCE };
        let mut progress = Progress::default();
        assert_eq!(progress.take(0, true, begun, patience), Some(1));
        let later = begun + deadline / 2;
        assert!(progress.extend(0, 1, later, patience));
        assert_eq!(progress.take_due(begun + deadline, patience), None, "it was given more time");
        assert_eq!(progress.take_due(later + deadline, patience), Some((0, 2)));
        assert!(!progress.give_back(0, 1, None, later + deadline, patience), "the first one has no say any more");
        assert!(!progress.extend(0, 1, later + deadline, patience));
        assert!(progress.ack(0), "but what is handled is handled, whoever did it");
        assert_eq!(progress.next_due(), None);
    }

    #[test]
    fn what_was_not_begun_with_is_given_back_as_if_it_had_not_been_delivered() {
        let now = Instant::now();
        let mut progress = Progress::default();
        for offset in 0..3 {
            assert_eq!(progress.take(offset, true, now, PATIENCE), Some(1));
            progress.ahead(offset);
        }
        assert_eq!(progress.outstanding().map(|(_, attempt)| attempt).collect::<Vec<_>>(), [0, 0, 0]);
        assert!(progress.extend(0, 1, now, PATIENCE));
        assert_eq!(progress.outstanding().next(), Some((0, 1)), "from here on it counts");
        assert!(!progress.release(0, 1, now), "and is not given back like that");
        let later = now + PATIENCE.first;
        assert!(progress.release(2, 1, now) && progress.release(1, 1, later), "in the order of offsets all the same");
        assert!(!progress.release(1, 1, now), "it is nobody's now");
        assert_eq!([progress.take_due(now, PATIENCE), progress.take_due(now, PATIENCE)], [Some((1, 1)), Some((2, 1))]);
        assert!(progress.give_back(1, 1, None, now, PATIENCE));
        let later = progress.next_due().unwrap();
        assert_eq!(progress.take_due(later, PATIENCE), Some((1, 2)));
        progress.ahead(1);
        assert!(progress.release(1, 2, later) && progress.ack(1) && progress.ack(2) && progress.ack(0));
        assert_eq!((progress.next_due(), progress.floor()), (None, 3));
    }

    #[test]
    fn whoever_was_given_an_event_ahead_and_says_nothing_loses_it_at_the_deadline() {
        let (now, deadline) = (Instant::now(), Duration::from_secs(30));
        let patience = Patience { deadline: Some(deadline), ..PATIENCE };
        let mut progress = Progress::default();
        progress.take(0, true, now, patience);
        progress.ahead(0);
        assert_eq!(progress.take_due(now + deadline, patience), Some((0, 2)));
        assert!(!progress.extend(0, 1, now + deadline, patience) && !progress.release(0, 1, now + deadline));
    }

    #[test]
    fn of_one_key_the_next_event_waits_until_the_one_before_is_handled() {
        let now = Instant::now();
        let mut progress = Progress::default();
        let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        let take = |progress: &mut Progress, offset, key, in_order| {
            assert_eq!(progress.take(offset, true, now, PATIENCE), Some(1));
            progress.line_up(offset, key, in_order, now)
        };
        let taken = [(0, &a), (1, &a), (2, &b), (3, &a)].map(|(offset, key)| take(&mut progress, offset, key, true));
        assert_eq!(taken, [true, false, true, false]);
        assert!(progress.is_awaited(0) && !progress.is_awaited(2));
        assert!(progress.give_back(0, 1, None, now, PATIENCE));
        let later = progress.next_due().unwrap();
        assert_eq!(progress.take_due(now, PATIENCE), None, "a retry holds its key back");
        assert_eq!(progress.take_due(later, PATIENCE), Some((0, 2)));
        assert!(progress.line_up(0, &a, true, later));
        assert!(progress.ack(0));
        assert_eq!(progress.take_due(later, PATIENCE), Some((1, 1)), "the first delivery, whatever the wait");
        assert_eq!(progress.take_due(later, PATIENCE), None);
        assert!(take(&mut progress, 4, &a, false), "who does not ask for order does not wait");
        assert!(progress.ack(1));
        assert_eq!(progress.take_due(later, PATIENCE), Some((3, 1)));
        assert_eq!(progress.floor(), 2);
    }

    #[test]
    fn what_an_earlier_process_left_is_due_at_once_and_what_it_acknowledged_is_not_delivered() {
        let now = Instant::now();
        let mut progress = Progress::new(10, BTreeMap::from([(3, 2), (7, 1)]), BTreeSet::from([11]), now);
        progress.handed = 13;
        assert_eq!(progress.floor(), 3);
        assert_eq!(progress.take_due(now, PATIENCE), Some((3, 3)));
        assert_eq!(progress.take_due(now, PATIENCE), Some((7, 2)));
        let taken = [10, 11, 12, 13].map(|offset| progress.take(offset, true, now, PATIENCE));
        assert_eq!(taken, [Some(2), None, Some(2), Some(1)], "what was handed out before counts");
    }
}
