//! A disk in memory that remembers what was synced, so that a test can cut the power.
//!
//! What a real disk may do with writes that were not synced, [`SimImage::after_power_cut`] does: it keeps, drops or tears
//! each of them by sectors, in any order, and undoes directory entries whose directory was not synced.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::image::{Change, File, SimImage};
use super::{Disk, DiskFile, DiskFolder, StoreError};

/// A file system in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<SimImage>,
    /// Every state between two operations, where they are recorded.
    history: Mutex<Option<Vec<(u64, SimImage)>>>,
    /// What a test has seen acknowledged so far; kept with each state of the history.
    mark: AtomicU64,
    syncs: AtomicU64,
    read: AtomicU64,
    /// How many more operations succeed, where a failure was asked for, and the failure.
    fuse: Mutex<Option<Fuse>>,
    /// The same for reads.
    read_fuse: Mutex<Option<(u64, io::ErrorKind)>>,
    /// Syncs wait while this is held.
    slow: Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct Fuse {
    left: u64,
    error: io::ErrorKind,
    /// Whether half of a write gets through.
    is_short: bool,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk that starts with these contents.
    pub fn from_image(image: SimImage) -> Self {
        Self(Arc::new(Inner { state: Mutex::new(image), ..Inner::default() }))
    }

    /// Its state now.
    pub fn image(&self) -> SimImage {
        lock(&self.0.state).clone()
    }

    /// From now on keeps the state before every operation, for [`history`](Self::history).
    pub fn record(&self) {
        *lock(&self.0.history) = Some(Vec::new());
    }

    /// The states before each operation since [`record`](Self::record), with the mark that stood then.
    pub fn history(&self) -> Vec<(u64, SimImage)> {
        lock(&self.0.history).clone().unwrap_or_default()
    }

    /// Sets the mark that goes into the history.
    pub fn mark(&self, mark: u64) {
        self.0.mark.store(mark, Ordering::SeqCst);
    }

    /// How often a file's data was synced.
    pub fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    /// How many bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.0.read.load(Ordering::SeqCst)
    }

    /// Lets `operations` more changing operations succeed; the one after that fails with `error`, once.
    pub fn fail_after(&self, operations: u64, error: io::ErrorKind) {
        *lock(&self.0.fuse) = Some(Fuse { left: operations, error, is_short: false });
    }

    /// [`fail_after`](Self::fail_after), and when that is a write, half of it gets through.
    pub fn fail_short_after(&self, operations: u64, error: io::ErrorKind) {
        *lock(&self.0.fuse) = Some(Fuse { left: operations, error, is_short: true });
    }

    /// Lets `reads` more reads succeed; the one after that fails with `error`, once.
    pub fn fail_read_after(&self, reads: u64, error: io::ErrorKind) {
        *lock(&self.0.read_fuse) = Some((reads, error));
    }

    /// Has every sync wait until the result is dropped.
    pub fn hold_syncs(&self) -> impl Drop + use<'_> {
        Held(lock(&self.0.slow))
    }

    /// Before every operation that changes something: takes the state down, and fails where that was asked for.
    fn step(&self) -> io::Result<MutexGuard<'_, SimImage>> {
        match self.begin() {
            (state, None) => Ok(state),
            (_, Some(fuse)) => Err(io::Error::new(fuse.error, "a simulated failure")),
        }
    }

    /// Takes the state down, and gives the failure where one was asked for now.
    fn begin(&self) -> (MutexGuard<'_, SimImage>, Option<Fuse>) {
        let state = lock(&self.0.state);
        if let Some(history) = &mut *lock(&self.0.history) {
            history.push((self.0.mark.load(Ordering::SeqCst), state.clone()));
        }
        let mut fuse = lock(&self.0.fuse);
        let blown = fuse.take_if(|fuse| fuse.left == 0);
        if let Some(fuse) = &mut *fuse {
            fuse.left -= 1;
        }
        (state, blown)
    }

    fn file(&self, id: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), id })
    }
}

/// Syncs that wait.
struct Held<'a>(#[allow(dead_code, reason = "held, not looked at")] MutexGuard<'a, ()>);

impl Drop for Held<'_> {
    fn drop(&mut self) {}
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = lock(&self.0.state);
        // A directory is there when there is something in it.
        let inside = state.names.keys().filter_map(|path| path.strip_prefix(dir).ok()?.components().next());
        let names: BTreeSet<String> = inside.filter_map(|name| Some(name.as_os_str().to_str()?.to_owned())).collect();
        Ok(names.into_iter().collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let id = *lock(&self.0.state).names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(id))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.step()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, File::default());
        state.names.insert(path.to_owned(), id);
        Ok(self.file(id))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.step()?.names.remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Arc<dyn DiskFolder>> {
        Ok(Arc::new(SimFolder { disk: self.clone(), dir: dir.to_owned() }))
    }

    fn lock(&self, _: &Path) -> Result<Box<dyn Send + Sync>, StoreError> {
        Ok(Box::new(()))
    }
}

#[derive(Debug)]
struct SimFolder {
    disk: SimDisk,
    dir: PathBuf,
}

impl DiskFolder for SimFolder {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let SimImage { names, durable_names, .. } = &mut *state;
        let is_inside = |name: &PathBuf| name.parent() == Some(&*self.dir);
        durable_names.retain(|name, _| !is_inside(name));
        durable_names.extend(names.iter().filter(|(name, _)| is_inside(name)).map(|(name, id)| (name.clone(), *id)));
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    id: u64,
}

impl SimFile {
    fn change(&self, change: impl FnOnce(&mut File)) -> io::Result<()> {
        let mut state = self.disk.step()?;
        change(state.files.entry(self.id).or_default());
        Ok(())
    }

    fn look<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        let state = lock(&self.disk.0.state);
        look(state.files.get(&self.id).map_or(&[], |file| &file.now))
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.look(|bytes| bytes.len() as u64))
    }

    fn read_at(&self, length: usize, position: u64) -> io::Result<Vec<u8>> {
        let mut fuse = lock(&self.disk.0.read_fuse);
        if let Some((_, error)) = fuse.take_if(|(left, _)| *left == 0) {
            return Err(io::Error::new(error, "a simulated failure"));
        }
        if let Some((left, _)) = &mut *fuse {
            *left -= 1;
        }
        let from = usize::try_from(position).unwrap_or(usize::MAX);
        let found = self.look(|bytes| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest[..length.min(rest.len())].to_vec()
        });
        self.disk.0.read.fetch_add(found.len() as u64, Ordering::SeqCst);
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let (mut state, failure) = self.disk.begin();
        let length = match failure {
            Some(Fuse { is_short: true, .. }) => bytes.len() / 2,
            Some(_) => 0,
            None => bytes.len(),
        };
        if length > 0 {
            let file = state.files.entry(self.id).or_default();
            file.change(Change::Write(position as usize, bytes[..length].to_vec()));
        }
        failure.map_or(Ok(()), |failure| Err(io::Error::new(failure.error, "a simulated failure")))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.change(|file| file.change(Change::Length(file.now.len().max(length as usize))))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(|file| file.change(Change::Length(length as usize)))
    }

    fn sync_data(&self) -> io::Result<()> {
        drop(lock(&self.disk.0.slow));
        self.change(|file| {
            // Not a copy of the whole file, which is more the longer the log is.
            let changes = std::mem::take(&mut file.unsynced);
            if std::mem::take(&mut file.is_touched) {
                file.durable.clone_from(&file.now);
            }
            changes.iter().for_each(|change| File::apply(&mut file.durable, change));
        })?;
        self.disk.0.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A test's thread that panicked while it held the state has failed anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
