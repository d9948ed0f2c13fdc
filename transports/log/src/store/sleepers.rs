//! Who waits for something to happen, and how they are woken.

use std::sync::{Arc, PoisonError};
use std::task::Waker;

use crate::sync::{Mutex, MutexGuard};

/// Tasks that wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Sleepers(Mutex<Wakers>);

#[derive(Debug, Default)]
struct Wakers {
    /// By the number of their [`Wakeup`].
    asleep: Vec<(u64, Waker)>,
    next: u64,
}

/// A place among those who are woken when a log grows or ends.
#[derive(Debug)]
pub struct Wakeup {
    sleepers: Arc<Sleepers>,
    number: u64,
}

impl Wakeup {
    pub(crate) fn among(sleepers: &Arc<Sleepers>) -> Self {
        let mut wakers = sleepers.lock();
        wakers.next += 1;
        Self { number: wakers.next, sleepers: Arc::clone(sleepers) }
    }

    /// Wakes this task the next time something happens, once. Look again after this: what happened before it wakes nobody.
    pub fn arm(&self, waker: &Waker) {
        let asleep = &mut self.sleepers.lock().asleep;
        match asleep.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, known)) => known.clone_from(waker),
            // Those who have waited longest are woken first, and so take turns.
            None => asleep.push((self.number, waker.clone())),
        }
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        self.sleepers.lock().asleep.retain(|(number, _)| *number != self.number);
    }
}

impl Sleepers {
    /// Wakes all of them.
    pub(crate) fn wake(&self) {
        let asleep = std::mem::take(&mut self.lock().asleep);
        for (_, waker) in asleep {
            waker.wake();
        }
    }

    /// The lock guards a plain list; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
