//! Where a log lives, and how its bytes are told from those of any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::format;

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
}

impl Home {
    pub(crate) fn new(dir: &Path, disk: Arc<dyn Disk>, log_id: u64) -> Self {
        Self { dir: dir.to_owned(), disk, log_id, seed: format::seed(log_id), is_read_only: false }
    }
}
