//! What threads of the store wait for each other with: locks, condition variables, threads and the time that passes. It is in
//! one place so that `tests/interleavings` can compile the store with others, under which every order of steps can be tried.

use std::io;

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
