//! An event in the hands of a handler, which may say what became of it; for one that does not, it is said when the handler ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Acknowledge, Event};
use crate::{BoxFuture, Error, ErrorKind};

/// An event's end, kept while a handler has the event.
pub(super) struct Keeping(Arc<Kept>);

/// Taken by whoever says first what became of the event.
type Kept = Mutex<Option<Event<()>>>;

impl<T> Event<T> {
    /// The event for a handler, and what is kept of it until the handler has ended.
    pub(super) fn lend(self) -> (Self, Keeping) {
        let context = self.context().clone();
        let (payload, kept) = self.split();
        let meta = kept.meta().clone();
        let kept = Arc::new(Mutex::new(Some(kept)));
        let event = Self::new(payload, context, meta, Some(Box::new(Lent(Arc::clone(&kept)))));
        (event, Keeping(kept))
    }
}

impl Keeping {
    /// What is still to be said, if the handler has not.
    pub(super) fn take(self) -> Option<Event<()>> {
        take(&self.0)
    }
}

/// What the handler's event is acknowledged by. Dropped without a word, it says nothing.
struct Lent(Arc<Kept>);

impl Lent {
    fn event(&self) -> Result<Event<()>, Error> {
        take(&self.0).ok_or_else(|| {
            Error::new(
                ErrorKind::Refused,
                "the event's handler has ended, and it was said then what became of the event",
            )
        })
    }
}

impl Acknowledge for Lent {
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move { self.event()?.ack().await })
    }

    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        let reason = reason.to_owned();
        Box::pin(async move { self.event()?.give_back(&reason, delay).await })
    }

    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        let reason = reason.to_owned();
        Box::pin(async move { self.event()?.dead_letter(&reason).await })
    }

    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        match &*lock(&self.0) {
            Some(event) => event.in_progress(),
            None => Box::pin(std::future::ready(Ok(false))),
        }
    }
}

fn take(kept: &Kept) -> Option<Event<()>> {
    lock(kept).take()
}

/// The lock guards a plain value; a panic while it was held cannot have left it half-changed.
fn lock(kept: &Kept) -> std::sync::MutexGuard<'_, Option<Event<()>>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
