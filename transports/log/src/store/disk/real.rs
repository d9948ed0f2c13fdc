//! The operating system's file system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, IoSlice, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::{Disk, DiskFile, DiskFolder, StoreError, map};

/// The name of the lock file in a directory.
const LOCK: &str = "lock";

/// The most pieces that one system call takes (`IOV_MAX` of Linux).
const MAX_PIECES: usize = 1024;

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.create_dir(parent)?;
        match std::fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_dir(parent)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        // A name that is not text is none of ours.
        let names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            // To look at it, reading is enough. Whoever wants to write will be told.
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                File::open(path)?
            }
            file => file?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(OpenOptions::new().read(true).write(true).create_new(true).open(path)?)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Arc<dyn DiskFolder>> {
        Ok(Arc::new(RealFolder(File::open(dir)?)))
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync>, StoreError> {
        let path = dir.join(LOCK);
        let failed = |source| StoreError::io("lock", &path, source);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Without an owner's id the answer is the same; the owner may be about to write it.
                let _ = file.read_to_string(&mut owner);
                return Err(StoreError::Locked { dir: dir.to_owned(), pid: owner.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let write_owner = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_owner(&mut file).map_err(failed)?;
        Ok(Box::new(Lock(file)))
    }
}

/// A lock that is held.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do: a process that is just being forked off holds the file too, until it becomes another
        // program. Should this fail, closing is still there.
        let _ = self.0.unlock();
    }
}

#[derive(Debug)]
struct RealFolder(File);

impl DiskFolder for RealFolder {
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, length: usize, position: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            // Into spare capacity: clearing the buffer first would cost a tenth of a warm read.
            let next = position + bytes.len() as u64;
            match rustix::io::pread(&self.0, spare_capacity(&mut bytes), next) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn map(&self) -> io::Result<Option<Bytes>> {
        // An empty file has nothing to map.
        if self.size()? == 0 { Ok(None) } else { map::map(&self.0).map(Some) }
    }

    fn as_file(&self) -> Option<&File> {
        Some(&self.0)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn write_pieces_at(&self, pieces: &[&[u8]], mut position: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match rustix::io::pwritev(&self.0, &rest[..rest.len().min(MAX_PIECES)], position) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    position += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        loop {
            return match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, length) {
                Err(Errno::INTR) => continue,
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                result => Ok(result?),
            };
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
