//! Appends under way in the owner's thread: stamped and not yet answered.

use super::StoreError;
use super::active::Bookmark;
use super::batch::Batch;
use super::log::Appended;
use super::producer::{Answer, Memory};
use super::queue::Waiter;
use super::remembered::Remembered;

/// Appends that were stamped and not yet answered, all in one segment, and the state to go back to when they fail.
pub(super) struct Run {
    pub(super) next: u64,
    pub(super) time: i64,
    pub(super) bookmark: Bookmark,
    pub(super) appends: Vec<(Waiter<Appended>, Appended)>,
    pub(super) syncs: Vec<Waiter<()>>,
    /// Of whom batches are among them, and what was remembered before.
    pub(super) producers: Vec<(u64, Option<Memory>)>,
    pub(super) durable: bool,
    pub(super) error: Option<StoreError>,
}

/// Whether a batch may be stored now. `Some` when it is there already.
pub(super) fn admit(batch: &Batch, next: u64, remembered: &Remembered) -> Result<Option<Appended>, StoreError> {
    if let Some(producer) = batch.producer
        && let Answer::Known(stored) = remembered.check(producer, batch.count)?
    {
        return Ok(Some(Appended { first: stored.first, count: stored.count, time: stored.time }));
    }
    match batch.expected.filter(|expected| *expected != next) {
        Some(expected) => Err(StoreError::Moved { expected, next }),
        None => Ok(None),
    }
}

pub(super) fn refuse(appends: Vec<(Waiter<Appended>, Appended)>, syncs: Vec<Waiter<()>>, error: &StoreError) {
    for (done, _) in appends {
        let _ = done.send(Err(error.clone()));
    }
    for done in syncs {
        let _ = done.send(Err(error.clone()));
    }
}
