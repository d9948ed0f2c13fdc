//! Why deliveries failed, kept for events that are not handled yet: what a dead letter is buried with.
//!
//! JetStream keeps no reasons, so this is what the members of one bus remember of what they were told themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many events are remembered, those that failed last.
const EVENTS: usize = 1024;
/// So many failures of one event are, the last ones.
const FAILURES: usize = 16;
/// So many bytes of a reason are.
const MAX_REASON: usize = 512;

/// One delivery that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) attempt: u32,
    /// In microseconds since 1970.
    pub(super) time: u128,
    /// What the handler said, on one line.
    pub(super) reason: String,
}

/// Which consumer, and where in the stream.
type Event = (Arc<str>, u64);

/// The failures of events that come again.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<BTreeMap<Event, BTreeMap<u32, Failure>>>);

impl Failures {
    /// Adds a failure; the same one twice is one. Without a reason there is nothing to remember.
    pub(super) fn add(&self, consumer: &Arc<str>, offset: u64, attempt: u32, reason: &str) {
        if reason.is_empty() {
            return;
        }
        let reason = cut(reason, MAX_REASON).replace(char::is_control, " ");
        let failure = Failure { attempt, time: microseconds(SystemTime::now()), reason };
        let mut events = self.lock();
        let failures = events.entry((Arc::clone(consumer), offset)).or_default();
        failures.insert(attempt, failure);
        if failures.len() > FAILURES {
            failures.pop_first();
        }
        if events.len() > EVENTS {
            forget_oldest(&mut events);
        }
    }

    /// What is known of an event, the first failure first.
    pub(super) fn of(&self, consumer: &Arc<str>, offset: u64) -> Vec<Failure> {
        let events = self.lock();
        events.get(&(Arc::clone(consumer), offset)).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// It was handled, or is a dead letter.
    pub(super) fn forget(&self, consumer: &Arc<str>, offset: u64) {
        let mut events = self.lock();
        // Most of the time there is nothing, and a key is not made for it.
        if !events.is_empty() {
            events.remove(&(Arc::clone(consumer), offset));
        }
    }

    /// Nothing is known of its events any more.
    pub(super) fn forget_all(&self, consumer: &Arc<str>) {
        self.lock().retain(|(of, _), _| of != consumer);
    }

    /// The lock guards plain maps; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Event, BTreeMap<u32, Failure>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not the first by its key: events that another process handled are never forgotten, and those of one consumer would push out
/// what is to be known of another's.
fn forget_oldest(events: &mut BTreeMap<Event, BTreeMap<u32, Failure>>) {
    let last_failure = |failures: &BTreeMap<u32, Failure>| failures.values().next_back().map(|failure| failure.time);
    let oldest = events.iter().min_by_key(|(_, failures)| last_failure(failures)).map(|(event, _)| event.clone());
    if let Some(oldest) = oldest {
        events.remove(&oldest);
    }
}

/// As much of a text as is in so many bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Since 1970.
pub(super) fn microseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failures_of_the_latest_events_are_kept_and_long_reasons_are_cut_between_characters() {
        let (failures, consumer) = (Failures::default(), Arc::from("mailer@x"));
        for attempt in 0..40 {
            failures.add(&consumer, 3, attempt, &"ü".repeat(400));
        }
        let known = failures.of(&consumer, 3);
        assert!(known.iter().map(|failure| failure.attempt).eq(24..40));
        assert_eq!(known[0].reason, "ü".repeat(256));
        for offset in 4..2_000 {
            failures.add(&consumer, offset, 1, "no\r\nway");
        }
        assert!(failures.of(&consumer, 3).is_empty());
        assert_eq!(failures.of(&consumer, 1_999)[0].reason, "no  way");
        failures.add(&consumer, 5_000, 1, "");
        failures.forget(&consumer, 1_999);
        assert!(failures.of(&consumer, 5_000).is_empty() && failures.of(&consumer, 1_999).is_empty());
        assert!(failures.of(&Arc::from("other@x"), 1_998).is_empty());
    }

    #[test]
    fn the_events_of_one_consumer_do_not_push_out_what_failed_last_of_another() {
        let (failures, first, last) = (Failures::default(), Arc::from("audit@x"), Arc::from("mailer@x"));
        for offset in 0..EVENTS as u64 {
            failures.add(&last, offset, 1, "no account");
        }
        failures.add(&first, 7, 1, "no ink");
        assert_eq!(failures.of(&first, 7)[0].reason, "no ink");
        assert_eq!(failures.lock().len(), EVENTS);
    }
}
