//! Why the store could not do what it was asked.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use thiserror::Error;

/// A failed open, append, read or close of a log. Cheap to clone: one failure answers every append that waited for it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another opener has the directory.
    #[error("{} is held by {}; a log has one owner at a time", dir.display(), Holder(*pid))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The owner's process id, where the lock file tells it.
        pid: Option<u32>,
    },
    /// The operating system refused or failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// There is no room on the disk. Nothing of the append was kept; it can be tried again once there is room.
    #[error("no room left on the disk for {}; nothing of this append was kept", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// A write or an fsync failed earlier. What was acknowledged before is safe; nothing more is taken.
    #[error("the log in {} has failed and takes no more: {reason}; reopen it to go on", dir.display())]
    Failed {
        /// The directory.
        dir: PathBuf,
        /// What failed.
        reason: Arc<str>,
    },
    /// The log was closed here.
    #[error("the log in {} is closed", dir.display())]
    Closed {
        /// The directory.
        dir: PathBuf,
    },
    /// Stored bytes are damaged or missing. What is before and after the range can be read.
    #[error("the log in {} is damaged: offsets {from} to {} cannot be read", dir.display(), to.saturating_sub(1))]
    Corrupt {
        /// The directory.
        dir: PathBuf,
        /// The first offset that is lost.
        from: u64,
        /// The first offset after the range; reading goes on here.
        to: u64,
    },
    /// The checkpoint file, which holds the log's identity, is damaged or missing though there are segments.
    #[error(
        "{} is missing or damaged, and without the log's id in it no batch can be verified; restore it from a backup",
        path.display()
    )]
    Identity {
        /// The file.
        path: PathBuf,
    },
    /// The newest segment is gone, with records that were acknowledged as durable.
    #[error(
        "{} is missing, and with it records up to offset {next} that were durable; restore it, or open the log with accept_loss",
        path.display()
    )]
    TailMissing {
        /// The segment.
        path: PathBuf,
        /// The first offset that was never given out.
        next: u64,
    },
    /// A newer version of this library wrote the log.
    #[error("{} has format version {found}; this build knows versions up to {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// The batch was to be stored at one offset, and somebody else has appended meanwhile. Nothing was stored.
    #[error("the batch was to be stored at offset {expected}, and the next one is {next}")]
    Moved {
        /// What was asked for.
        expected: u64,
        /// The offset that the next record gets.
        next: u64,
    },
    /// A producer's batch does not follow on its last one, and is no repetition that is remembered. Nothing was stored.
    #[error("producer {producer:016x} sent record {found} of epoch {epoch} where {expected} was to come")]
    Sequence {
        /// The producer's number.
        producer: u64,
        /// Its epoch.
        epoch: u16,
        /// The sequence number that was to come.
        expected: u32,
        /// The one that came.
        found: u32,
    },
    /// A producer goes on in another place, with a higher epoch. Nothing was stored.
    #[error("producer {producer:016x} of epoch {epoch} has been replaced by one of epoch {newer}")]
    Fenced {
        /// The producer's number.
        producer: u64,
        /// The epoch that is over.
        epoch: u16,
        /// The one that has begun.
        newer: u16,
    },
    /// A batch has a feature that this build has not, such as a way of compression.
    #[error(
        "offsets {from} to {} in {} need a feature that this build of the library has not",
        to.saturating_sub(1),
        dir.display()
    )]
    Unsupported {
        /// The directory.
        dir: PathBuf,
        /// The first offset that cannot be read.
        from: u64,
        /// The first offset after the range; reading goes on here.
        to: u64,
    },
    /// More bytes in one batch than the format allows.
    #[error("a batch of {size} bytes is over the limit of {limit}")]
    TooLarge {
        /// The bytes of the batch.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The ways in which a log can fail, by what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another opener has the directory.
    Locked,
    /// The operating system refused or failed.
    Io,
    /// There is no room on the disk.
    Full,
    /// An earlier write or fsync failed.
    Failed,
    /// The log was closed here.
    Closed,
    /// Stored bytes are damaged or missing.
    Corrupt,
    /// A newer version of this library wrote the log.
    Version,
    /// The batch is too large.
    TooLarge,
    /// Somebody else was first; nothing was stored.
    Conflict,
}

impl StoreError {
    /// What kind of failure it was.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Locked { .. } => StoreErrorKind::Locked,
            Self::Io { .. } => StoreErrorKind::Io,
            Self::Full { .. } => StoreErrorKind::Full,
            Self::Failed { .. } => StoreErrorKind::Failed,
            Self::Closed { .. } => StoreErrorKind::Closed,
            Self::Corrupt { .. } | Self::Identity { .. } | Self::TailMissing { .. } => StoreErrorKind::Corrupt,
            Self::Version { .. } | Self::Unsupported { .. } => StoreErrorKind::Version,
            Self::TooLarge { .. } => StoreErrorKind::TooLarge,
            Self::Moved { .. } | Self::Sequence { .. } | Self::Fenced { .. } => StoreErrorKind::Conflict,
        }
    }

    /// Whether it is only that no more files can be opened, by this process (EMFILE) or this machine (ENFILE).
    pub fn is_out_of_files(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        let number = source.raw_os_error().map(Errno::from_raw_os_error);
        matches!(number, Some(Errno::MFILE | Errno::NFILE))
    }

    /// Puts an operating system's error in its place. A full disk is a kind of its own.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source: Arc::new(source) },
        }
    }
}

/// Names the owner of a lock as well as it is known.
struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) if pid == std::process::id() => write!(f, "this process ({pid}) already"),
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}
