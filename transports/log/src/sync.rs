//! What threads of the store wait for each other with: locks, condition variables, threads and the time that passes. It is in
//! one place so that `tests/interleavings` can compile the store with others, under which every order of steps can be tried.

use std::io;
use std::time::Duration;

use tokio::sync::oneshot;

pub(crate) use std::sync::atomic::AtomicU64;
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::JoinHandle;
pub(crate) use std::time::Instant;

/// Starts a thread with this name.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Waits for an answer on a thread that may block.
pub(crate) fn wait<T>(answer: oneshot::Receiver<T>) -> Result<T, oneshot::error::RecvError> {
    answer.blocking_recv()
}

/// Asks again and again until something is so, and gives way to other threads in between; at most for this long. Gives whether it
/// is so. A thread that sleeps for a moment so short is woken after several such moments.
pub(crate) fn watch(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::yield_now();
    }
}
