//! Buffers of batches that were written, to be used again.
//!
//! A batch is made by one thread and let go by another; allocating and freeing 64 KiB like that cost a buffered append a quarter
//! of its throughput, most of it for memory that the system cleared each time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffers outside of these sizes are not kept, in bytes: smaller ones cost little to make, larger ones much to hold.
const KEPT: std::ops::RangeInclusive<usize> = 8 * 1024..=512 * 1024;
/// So many are kept, of all logs together: 8 MiB at most, and 1 MiB with batches of 64 KiB.
const MOST: usize = 16;

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty buffer with room for so many bytes.
pub(crate) fn take(room: usize) -> Vec<u8> {
    if KEPT.contains(&room) {
        let mut pool = lock();
        if let Some(at) = pool.iter().rposition(|buffer| buffer.capacity() >= room) {
            return pool.swap_remove(at);
        }
    }
    Vec::with_capacity(room)
}

/// Keeps a buffer for later.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if KEPT.contains(&buffer.capacity()) {
        buffer.clear();
        let mut pool = lock();
        if pool.len() < MOST {
            pool.push(buffer);
        }
    }
}

/// The lock guards a plain list; a panic while it was held cannot have left it half-changed.
fn lock() -> MutexGuard<'static, Vec<Vec<u8>>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}
