//! What stands in place of `transports/log/src/sync.rs`: Shuttle's locks and threads, and a clock that goes ahead when somebody waits for
//! it to.

use std::cell::Cell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use tokio::sync::oneshot;

pub(crate) use shuttle::sync::atomic::AtomicU64;

/// A lock whose guard knows it, so that it can be let go of and taken again.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// What was locked.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    guard: shuttle::sync::MutexGuard<'a, T>,
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let known = |guard| MutexGuard { guard, mutex: self };
        self.0.lock().map(known).map_err(|poisoned| PoisonError::new(known(poisoned.into_inner())))
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let known = |guard| MutexGuard { guard, mutex: self };
        self.0.try_lock().map(known).map_err(|error| match error {
            TryLockError::Poisoned(poisoned) => PoisonError::new(known(poisoned.into_inner())).into(),
            TryLockError::WouldBlock => TryLockError::WouldBlock,
        })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A condition variable; whoever waits no longer than some time may be told at any moment that it has passed.
#[derive(Debug, Default)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let MutexGuard { guard, mutex } = guard;
        let known = |guard| MutexGuard { guard, mutex };
        self.0.wait(guard).map(known).map_err(|poisoned| PoisonError::new(known(poisoned.into_inner())))
    }

    /// Others go on, and then the time has passed or it has not.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let mutex = guard.mutex;
        drop(guard);
        shuttle::thread::yield_now();
        if thread_rng().gen_range(0..3) == 0 {
            NOW.set(NOW.get() + time);
        }
        let again = mutex.lock();
        again.map(|guard| (guard, ())).map_err(|poisoned| PoisonError::new((poisoned.into_inner(), ())))
    }
}

thread_local! {
    /// Shuttle's threads are all one to the system.
    static NOW: Cell<Duration> = const { Cell::new(Duration::from_secs(1)) };
}

/// A moment of that clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(NOW.get())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        NOW.get().saturating_sub(self.0)
    }
}

/// A thread.
#[derive(Debug)]
pub(crate) struct JoinHandle<T> {
    thread: shuttle::thread::JoinHandle<T>,
    done: Arc<()>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn join(self) -> std::thread::Result<T> {
        self.thread.join()
    }

    pub(crate) fn is_finished(&self) -> bool {
        Arc::strong_count(&self.done) == 1
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let done = Arc::new(());
    let held = Arc::clone(&done);
    let work = move || {
        let outcome = work();
        drop(held);
        outcome
    };
    Ok(JoinHandle { thread: shuttle::thread::Builder::new().name(name.to_owned()).spawn(work)?, done })
}

pub(crate) fn wait<T>(answer: oneshot::Receiver<T>) -> Result<T, oneshot::error::RecvError> {
    shuttle::future::block_on(answer)
}

/// Others go on a few times, and then it is so or it is not.
pub(crate) fn watch(_limit: Duration, is_so: impl Fn() -> bool) -> bool {
    for _ in 0..thread_rng().gen_range(0..4) {
        if is_so() {
            return true;
        }
        shuttle::thread::yield_now();
    }
    is_so()
}
