//! A disk in memory that remembers what was synced, so that a test can cut the power.
//!
//! What a real disk may do with writes that were not synced, [`SimImage::after_power_cut`] does: it keeps, drops or tears
//! each of them by sectors, in any order, and undoes directory entries whose directory was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, StoreError};

/// The piece of a write that is kept or lost as a whole.
const SECTOR: usize = 512;

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

/// The state of a simulated disk at one moment.
#[derive(Clone, Debug, Default)]
pub struct SimImage {
    files: BTreeMap<u64, File>,
    /// Names as a running process sees them, and as they are on the disk.
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    next_file: u64,
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What happened since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
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

impl SimImage {
    /// What a reader finds after the power was cut now: unsynced writes kept, dropped or torn as the numbers from `random`
    /// have it, names without a directory sync undone or not.
    pub fn after_power_cut(&self, mut random: impl FnMut() -> u64) -> SimImage {
        let mut image = SimImage { next_file: self.next_file, ..SimImage::default() };
        let names: BTreeSet<&PathBuf> = self.names.keys().chain(self.durable_names.keys()).collect();
        for name in names {
            let (now, durable) = (self.names.get(name), self.durable_names.get(name));
            // The one or the other; a name that stood for one file and now stands for another is never without any.
            let found = if now == durable || random().is_multiple_of(2) { now } else { durable };
            image.names.extend(found.map(|id| (name.clone(), *id)));
        }
        image.durable_names = image.names.clone();
        for (id, file) in &self.files {
            let bytes = file.after_power_cut(&mut random);
            image.files.insert(*id, File { now: bytes.clone(), durable: bytes, unsynced: Vec::new() });
        }
        image
    }

    /// What a reader finds after the process was killed now and the system lives on: everything.
    pub fn after_kill(&self) -> SimImage {
        self.clone()
    }

    /// The files, by name.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.names.iter().filter_map(|(name, id)| Some((name.as_path(), self.files.get(id)?.now.as_slice())))
    }

    /// The bytes of a file, to be changed.
    pub fn file_mut(&mut self, path: &Path) -> Option<&mut Vec<u8>> {
        Some(&mut self.files.get_mut(self.names.get(path)?)?.now)
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &Path) {
        self.names.remove(path);
        self.durable_names.remove(path);
    }
}

impl File {
    fn apply(bytes: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Length(length) => set_len(bytes, *length),
            Change::Write(at, data) => {
                let end = bytes.len().max(at + data.len());
                set_len(bytes, end);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }

    fn change(&mut self, change: Change) {
        Self::apply(&mut self.now, &change);
        self.unsynced.push(change);
    }

    fn after_power_cut(&self, random: &mut impl FnMut() -> u64) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        // One cut in four loses everything, one keeps everything; the others go piece by piece.
        let mood = random() % 4;
        for change in &self.unsynced {
            match change {
                Change::Length(_) if mood == 0 => {}
                Change::Length(_) if mood == 1 || random().is_multiple_of(2) => Self::apply(&mut bytes, change),
                Change::Length(_) => {}
                Change::Write(at, data) => {
                    let mut start = 0;
                    while start < data.len() {
                        let end = ((at + start) / SECTOR * SECTOR + SECTOR - at).min(data.len());
                        if mood == 1 || (mood > 1 && !random().is_multiple_of(3)) {
                            Self::apply(&mut bytes, &Change::Write(at + start, data[start..end].to_vec()));
                        }
                        start = end;
                    }
                }
            }
        }
        bytes
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = lock(&self.0.state);
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
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

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let SimImage { names, durable_names, .. } = &mut *state;
        durable_names.retain(|name, _| name.parent() != Some(dir));
        durable_names
            .extend(names.iter().filter(|(name, _)| name.parent() == Some(dir)).map(|(n, id)| (n.clone(), *id)));
        Ok(())
    }

    fn lock(&self, _: &Path) -> Result<Box<dyn Send + Sync>, StoreError> {
        Ok(Box::new(()))
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
            file.durable.clone_from(&file.now);
            file.unsynced.clear();
        })?;
        self.disk.0.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Cuts, or adds zeros in one piece: one by one they were a third of the time of the crash tests.
fn set_len(bytes: &mut Vec<u8>, length: usize) {
    match length.checked_sub(bytes.len()) {
        Some(more) => bytes.append(&mut vec![0; more]),
        None => bytes.truncate(length),
    }
}

/// A test's thread that panicked while it held the state has failed anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
