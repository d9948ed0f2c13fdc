//! A sync that runs beside the appends that follow, on a thread of its own: of a segment that is full, or of one into which
//! buffered appends never pause.
//!
//! Waiting for it stopped buffered appends at each new segment for as long as the disk took for the whole old one. A segment
//! gets one such thread in its life, so there is no pool.

use std::sync::Arc;

use super::StoreError;
use super::active::Active;
use super::disk::{DiskFile, DiskFolder};
use super::home::Home;
use super::segment::Segment;
use crate::sync::{self, JoinHandle};

/// What is to be done.
struct Job {
    home: Arc<Home>,
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// The directory, where the segment's name is not on the disk.
    unnamed: Option<Arc<dyn DiskFolder>>,
    /// Whether it has bytes that are not.
    unsynced: bool,
    /// Whether it is full.
    sealed: bool,
}

/// A sync under way.
#[derive(Debug)]
pub(crate) struct Background {
    thread: JoinHandle<Result<(), StoreError>>,
    pub(crate) done: Done,
}

/// What is durable when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// The base offset of the segment.
    pub(crate) base: u64,
    /// Everything before this offset.
    pub(crate) next: u64,
    /// The position of that offset in the segment.
    pub(crate) position: u64,
}

impl Background {
    /// Begins with what was written to the segment so far, `next` being the offset after it.
    pub(crate) fn start(
        home: &Arc<Home>,
        active: &Active,
        next: u64,
        unsynced: bool,
        sealed: bool,
    ) -> Result<Self, StoreError> {
        let job = Job {
            home: Arc::clone(home),
            segment: Arc::clone(&active.segment),
            file: Arc::clone(&active.file),
            unnamed: active.unnamed.clone(),
            unsynced,
            sealed,
        };
        let thread = sync::spawn("thriftwood-sync", move || job.run());
        let thread = thread.map_err(|source| StoreError::io("start a thread for", &home.dir, source))?;
        Ok(Self { thread, done: Done { base: active.segment.base, next, position: active.position } })
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end.
    pub(crate) fn wait(self) -> Result<Done, StoreError> {
        match self.thread.join() {
            Ok(result) => result.map(|()| self.done),
            Err(_) => {
                let source = std::io::Error::other("the thread that syncs it panicked");
                Err(StoreError::io("sync", std::path::Path::new("a segment"), source))
            }
        }
    }
}

impl Job {
    fn run(self) -> Result<(), StoreError> {
        let Self { home, segment, file, unnamed, unsynced, sealed } = self;
        if let Some(folder) = unnamed {
            folder.sync().map_err(|source| StoreError::io("sync", &home.dir, source))?;
        }
        if unsynced {
            file.sync_data().map_err(|source| StoreError::io("sync", &segment.path, source))?;
        }
        if sealed {
            segment.seal(&home, &*file);
        }
        Ok(())
    }
}
