//! Who waits for something to happen, and how they are woken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Tasks that wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    wakers: Mutex<Vec<(u64, Waker)>>,
    next: AtomicU64,
}

impl Sleepers {
    /// A number by which one of them is known.
    pub(crate) fn name(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Wakes this one the next time. What it waits for may have happened just before, so it looks once more after this.
    pub(crate) fn sleep(&self, name: u64, waker: &Waker) {
        let mut wakers = self.lock();
        match wakers.iter_mut().find(|(id, _)| *id == name) {
            Some((_, known)) => known.clone_from(waker),
            // Those who have waited longest are woken first, and so take turns.
            None => wakers.push((name, waker.clone())),
        }
    }

    /// This one waits no longer.
    pub(crate) fn forget(&self, name: u64) {
        self.lock().retain(|(id, _)| *id != name);
    }

    /// Wakes all of them.
    pub(crate) fn wake(&self) {
        let wakers = std::mem::take(&mut *self.lock());
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// The lock guards a plain list; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
