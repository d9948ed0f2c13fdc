//! Where a log lives, and how its bytes are told from those of any other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::Disk;
use super::format;
use super::segment::Segment;

/// So many full segments keep their index in memory, those in which something was looked up last: 400 KB each at most where
/// batches are small. All of them would take 0.6 % of what the log holds.
const INDEXES: usize = 16;

/// What everything that touches a log's files has to know.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log_id: u64,
    /// The start value of header checksums.
    pub(crate) seed: u32,
    /// Whether this is only a look at a log that somebody else may have open: not even a cache is written.
    pub(crate) is_read_only: bool,
    /// Full segments whose index is in memory, the one that was used last at the end.
    indexed: Arc<Mutex<VecDeque<Arc<Segment>>>>,
}

impl Home {
    pub(crate) fn new(dir: &Path, disk: Arc<dyn Disk>, log_id: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            disk,
            log_id,
            seed: format::seed(log_id),
            is_read_only: false,
            indexed: Arc::default(),
        }
    }

    /// For a look at a log that somebody else may have open.
    pub(crate) fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }

    /// Takes note that the index of a full segment is in memory, and lets go of the one that was not used for longest.
    pub(crate) fn used(&self, segment: &Arc<Segment>) {
        let too_many = {
            // A plain list; a panic while it was held cannot have left it half-changed.
            let mut indexed = self.indexed.lock().unwrap_or_else(PoisonError::into_inner);
            indexed.retain(|other| !Arc::ptr_eq(other, segment));
            indexed.push_back(Arc::clone(segment));
            if indexed.len() > INDEXES { indexed.pop_front() } else { None }
        };
        if let Some(segment) = too_many {
            segment.forget_index();
        }
    }
}
