//! Counts heap allocations: exact, the same on every run, and so the one figure a busy machine cannot blur.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The system's allocator, with a count of what is asked of it while [`during`] runs. Otherwise it costs one relaxed load
/// per allocation, the same for both sides.
pub struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often memory was asked for, by any thread, while `work` ran. A buffer that is made larger counts once more.
pub fn during(work: impl FnOnce()) -> u64 {
    COUNT.store(0, Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    work();
    COUNTING.store(false, Ordering::SeqCst);
    COUNT.load(Ordering::SeqCst)
}

fn count() {
    if COUNTING.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

#[allow(unsafe_code)]
// SAFETY: every call is passed on to the system's allocator as it came; counting touches two atomics and no memory of ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract, which is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from the system's allocator, by way of the methods above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_one_allocation_and_a_growing_buffer_is_more() {
        // Other tests of this binary may allocate at the same time, so the counts are at least these.
        assert!(during(|| drop(std::hint::black_box(Box::new(1_u64)))) >= 1);
        let grown = during(|| {
            let mut buffer = Vec::with_capacity(1);
            buffer.extend_from_slice(std::hint::black_box(&[0_u8; 100]));
            drop(std::hint::black_box(buffer));
        });
        assert!(grown >= 2, "{grown}");
    }
}
