//! What the writer and the readers of a log have in common: which segments there are, and how far they may be read.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::StoreError;
use super::home::Home;
use super::quarantine::Quarantine;
use super::queue::{Command, Queue, Refused};
use super::segment::Segment;
use super::sleepers::Sleepers;
use crate::sync::{AtomicU64, Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct Shared {
    /// The process that opened the log. A fork of it has the log's memory and files, and none of its threads.
    pid: u32,
    pub(crate) home: Arc<Home>,
    pub(crate) queue: Queue,
    /// What was found damaged when the log was opened.
    pub(crate) damage: Vec<Range<u64>>,
    /// What of that and of older damage is passed over.
    pub(crate) quarantine: Quarantine,
    /// Readers may read offsets below this one: they are as durable as their append asked for.
    visible: AtomicU64,
    view: Mutex<View>,
    /// Readers at the end.
    pub(crate) sleepers: Arc<Sleepers>,
}

/// The segments, and where in the last one the visible batches end.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) end: u64,
}

/// Where a reader finds an offset.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    /// The offset after the last one in this segment, as far as is visible.
    pub(crate) next: u64,
    /// Where the segment's visible bytes end; `None` for the whole file.
    pub(crate) limit: Option<u64>,
}

impl Shared {
    pub(crate) fn new(
        home: Home,
        queue: Queue,
        damage: Vec<Range<u64>>,
        quarantine: Quarantine,
        next: u64,
        view: View,
    ) -> Self {
        Self {
            pid: std::process::id(),
            home: Arc::new(home),
            queue,
            damage,
            quarantine,
            visible: AtomicU64::new(next),
            view: Mutex::new(view),
            sleepers: Arc::default(),
        }
    }

    /// Whether this process is the one that opened the log. Asked before each append: a fork that went on writing would give the
    /// same offsets to other records.
    pub(crate) fn check_owner(&self) -> Result<(), StoreError> {
        if self.pid == std::process::id() {
            return Ok(());
        }
        Err(StoreError::Locked { dir: self.home.dir.clone(), pid: Some(self.pid) })
    }

    /// Hands a command over, where this process may.
    pub(crate) fn offer(&self, command: Command) -> Result<(), Refused> {
        self.check_owner().map_err(Refused::Ended)?;
        self.queue.offer(command)
    }

    /// The offset after the last readable one.
    pub(crate) fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    /// The offset of the first record that is kept.
    pub(crate) fn first(&self) -> u64 {
        lock(&self.view).segments.first().map_or_else(|| self.visible(), |segment| segment.base)
    }

    /// Lets readers see more, and wakes those who wait for it.
    pub(crate) fn publish(&self, next: u64, end: u64) {
        {
            let mut view = lock(&self.view);
            view.end = end;
            // Under the lock, so that whoever sees the offset finds the bytes.
            self.visible.store(next, Ordering::Release);
        }
        self.wake();
    }

    /// Goes on in a new segment, which takes the place of one with the same name.
    pub(crate) fn add_segment(&self, segment: Arc<Segment>) {
        let mut view = lock(&self.view);
        view.segments.pop_if(|newest| newest.base == segment.base);
        view.segments.push(segment);
        view.end = 0;
    }

    /// Has readers look at the file of a full segment afresh: another took its place. Whoever has the old one open goes on in it.
    pub(crate) fn replace_segment(&self, segment: Segment) {
        let mut view = lock(&self.view);
        if let Ok(at) = view.segments.binary_search_by_key(&segment.base, |segment| segment.base) {
            view.segments[at] = Arc::new(segment);
        }
    }

    /// Forgets the segments that lie wholly before this offset, all but the last, and gives them.
    pub(crate) fn drop_segments(&self, before: u64) -> Vec<Arc<Segment>> {
        let mut view = lock(&self.view);
        let keep = view.segments.iter().skip(1).take_while(|next| next.base <= before).count();
        view.segments.drain(..keep).collect()
    }

    /// The segment that holds an offset, or the first one when it lies before all.
    pub(crate) fn place(&self, offset: u64) -> Option<Place> {
        let view = lock(&self.view);
        let at = view.segments.partition_point(|segment| segment.base <= offset).saturating_sub(1);
        let segment = Arc::clone(view.segments.get(at)?);
        Some(match view.segments.get(at + 1) {
            Some(next) => Place { segment, next: next.base, limit: None },
            None => Place { segment, next: self.visible(), limit: Some(view.end) },
        })
    }

    /// The segments there are, and where the visible bytes of the last one end.
    pub(crate) fn all(&self) -> (Vec<Arc<Segment>>, u64) {
        let view = lock(&self.view);
        (view.segments.clone(), view.end)
    }

    /// The segments there are.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        lock(&self.view).segments.clone()
    }

    /// Wakes everybody who waits for more, or for the end.
    pub(crate) fn wake(&self) {
        self.sleepers.wake();
    }
}

/// The locks guard plain values; a panic while one was held cannot have left it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
