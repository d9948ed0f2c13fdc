//! The seam between the log and the disk: everything the log asks of a file system, and nothing else.
//!
//! [`RealDisk`] is the operating system; [`SimDisk`] keeps files in memory, knows what was synced, and makes the images that
//! a power cut could leave.

mod image;
mod map;
mod real;
mod sim;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use image::SimImage;
pub use real::RealDisk;
pub use sim::SimDisk;

use super::StoreError;

/// A file system, as far as a log needs one.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Makes a directory and the ones above it, and makes their entries durable.
    ///
    /// # Errors
    /// What the file system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// What the file system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Opens a file that is there, for reading and writing.
    ///
    /// # Errors
    /// What the file system says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a file that must not be there yet. Its entry is durable after [`sync_dir`](Disk::sync_dir).
    ///
    /// # Errors
    /// What the file system says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Removes a file. Durable after [`sync_dir`](Disk::sync_dir).
    ///
    /// # Errors
    /// What the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in the same directory, in one step, in place of the file that had it. Durable after
    /// [`sync_dir`](Disk::sync_dir).
    ///
    /// # Errors
    /// What the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Opens a directory.
    ///
    /// # Errors
    /// What the file system says.
    fn open_dir(&self, dir: &Path) -> io::Result<Arc<dyn DiskFolder>>;

    /// Makes the entries of a directory durable.
    ///
    /// # Errors
    /// What the file system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.open_dir(dir)?.sync()
    }

    /// Takes the lock of a directory, and holds it until the result is dropped or the process dies.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when somebody else has it, and what the file system says.
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync>, StoreError>;
}

/// One open directory.
pub trait DiskFolder: Debug + Send + Sync {
    /// Makes its entries durable.
    ///
    /// # Errors
    /// What the file system says.
    fn sync(&self) -> io::Result<()>;
}

/// One open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Its size in bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn size(&self) -> io::Result<u64>;

    /// Reads `length` bytes from `position` on, fewer only where the file ends.
    ///
    /// # Errors
    /// What the file system says.
    fn read_at(&self, length: usize, position: u64) -> io::Result<Vec<u8>>;

    /// The whole file, in memory that is the page cache's, for a file that nobody writes to or cuts any more. `None` where the
    /// disk has no such thing.
    ///
    /// # Errors
    /// What the file system says.
    fn map(&self) -> io::Result<Option<Bytes>> {
        Ok(None)
    }

    /// The operating system's file, which can then be sent over a socket without passing through this process. `None` where the
    /// disk is not the operating system's.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }

    /// Writes all of `bytes` at `position`.
    ///
    /// # Errors
    /// What the file system says; any part of the bytes may then have been written.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Writes all of these, one behind the other, from `position` on.
    ///
    /// # Errors
    /// As [`write_at`](DiskFile::write_at).
    fn write_pieces_at(&self, pieces: &[&[u8]], mut position: u64) -> io::Result<()> {
        for piece in pieces {
            self.write_at(piece, position)?;
            position += piece.len() as u64;
        }
        Ok(())
    }

    /// Makes sure of room up to `length` bytes; what was not written reads as zeros. A file system that cannot do this
    /// does nothing.
    ///
    /// # Errors
    /// What the file system says.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// Cuts or extends the file to `length` bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes what was written durable, with the size of the file.
    ///
    /// # Errors
    /// What the file system says. Nothing written since the last success can then be relied on, whatever a further call
    /// returns.
    fn sync_data(&self) -> io::Result<()>;
}
