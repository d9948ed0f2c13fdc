//! The state of a simulated disk, and what a power cut leaves of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The piece of a write that is kept or lost as a whole.
const SECTOR: usize = 512;

/// The state of a simulated disk at one moment.
#[derive(Clone, Debug, Default)]
pub struct SimImage {
    pub(super) files: BTreeMap<u64, File>,
    /// Names as a running process sees them, and as they are on the disk.
    pub(super) names: BTreeMap<PathBuf, u64>,
    pub(super) durable_names: BTreeMap<PathBuf, u64>,
    pub(super) next_file: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// What happened since the last sync, in order.
    pub(super) unsynced: Vec<Change>,
    /// Whether somebody changed the bytes from outside.
    pub(super) is_touched: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
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
            image.files.insert(*id, File { now: bytes.clone(), durable: bytes, ..File::default() });
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
        let file = self.files.get_mut(self.names.get(path)?)?;
        file.is_touched = true;
        Some(&mut file.now)
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &Path) {
        self.names.remove(path);
        self.durable_names.remove(path);
    }
}

impl File {
    pub(super) fn apply(bytes: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Length(length) => set_len(bytes, *length),
            Change::Write(at, data) => {
                let end = bytes.len().max(at + data.len());
                set_len(bytes, end);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }

    pub(super) fn change(&mut self, change: Change) {
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

/// Cuts, or adds zeros in one piece: one by one they were a third of the time of the crash tests.
fn set_len(bytes: &mut Vec<u8>, length: usize) {
    match length.checked_sub(bytes.len()) {
        Some(more) => bytes.append(&mut vec![0; more]),
        None => bytes.truncate(length),
    }
}
