//! Why deliveries failed, kept for events that are not handled yet: what a dead letter is buried with.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::store::time;

/// So many failures of one event are kept, the last ones.
const KEPT: usize = 16;
/// So many bytes of a reason are.
const MAX_REASON: usize = 512;

/// One delivery that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) attempt: u32,
    /// In microseconds since 1970.
    pub(crate) time: i64,
    /// What the handler said; empty when it said nothing.
    pub(crate) reason: String,
}

/// The failures of events that are outstanding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History(BTreeMap<u64, BTreeMap<u32, Failure>>);

impl Failure {
    /// With as much of the reason as is kept.
    pub(crate) fn new(attempt: u32, now: SystemTime, reason: &str) -> Self {
        let end = (0..=MAX_REASON.min(reason.len())).rfind(|end| reason.is_char_boundary(*end)).unwrap_or(0);
        Self { attempt, time: time::from_system(now), reason: reason[..end].to_owned() }
    }
}

impl History {
    /// Adds a failure; the same one twice is one.
    pub(crate) fn add(&mut self, offset: u64, failure: Failure) {
        let failures = self.0.entry(offset).or_default();
        failures.insert(failure.attempt, failure);
        if failures.len() > KEPT {
            failures.pop_first();
        }
    }

    /// Forgets an event, and gives its failures, the first one first.
    pub(crate) fn take(&mut self, offset: u64) -> Vec<Failure> {
        self.0.remove(&offset).unwrap_or_default().into_values().collect()
    }

    /// What is known of an event.
    pub(crate) fn of(&self, offset: u64) -> impl Iterator<Item = &Failure> {
        self.0.get(&offset).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Failure)> {
        self.0.iter().flat_map(|(offset, failures)| failures.values().map(|failure| (*offset, failure)))
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.0.retain(|offset, _| keep(*offset));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failures_are_kept_and_long_reasons_are_cut_between_characters() {
        let mut history = History::default();
        for attempt in 0..40 {
            history.add(3, Failure::new(attempt, SystemTime::UNIX_EPOCH, &"ü".repeat(400)));
        }
        let failures = history.take(3);
        assert!(failures.iter().map(|failure| failure.attempt).eq(24..40));
        assert_eq!(failures[0].reason, "ü".repeat(256));
        assert!(history.take(3).is_empty());
    }
}
