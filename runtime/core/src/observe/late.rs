//! Replies that came when nobody waited for them any more: counted for a bus, and told to its observer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Observing;

/// The late replies of one bus. A transport holds it, and gives clones to what reads replies.
#[derive(Clone, Debug, Default)]
pub struct LateReplies(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    observing: Mutex<Option<Observing>>,
}

impl LateReplies {
    /// So many more came.
    pub fn add(&self, replies: u64) {
        self.0.count.fetch_add(replies, Ordering::Relaxed);
        let observing = self.0.observing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(observing) = observing {
            observing.late_replies(replies);
        }
    }

    /// How many came so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// For a transport's [`watch`](crate::transport::Transport::watch): tells this observer of those to come, and no other.
    pub fn watch(&self, observing: &Observing) {
        *self.0.observing.lock().unwrap_or_else(PoisonError::into_inner) = Some(observing.clone());
    }
}
