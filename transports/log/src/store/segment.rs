//! One segment: a file of batches named by the offset of its first record, and its index.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::{debug, warn};

use super::disk::{Disk, DiskFile};
use super::format::{HEADER, Header};
use super::home::Home;
use super::index::{Entry, Index};
use super::scan::Scan;

/// No index is larger, in bytes: an entry for every 4 KiB of the largest segment.
const MAX_INDEX: usize = 32 * 1024 * 1024;

/// A segment as readers and the writer share it.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The offset of its first record.
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    index: Mutex<Known>,
    /// Whether nothing is written to it any more.
    is_full: AtomicBool,
    /// Its size, once it is full and was asked for.
    size: OnceLock<u64>,
}

/// What is known of the index.
#[derive(Debug)]
enum Known {
    /// Nothing yet; nothing is written to the segment any more.
    Nothing,
    /// The part from this position on. The segment is being written, and was when the log was opened.
    Tail(u64, Index),
    /// All of it, and whether it was made from the segment rather than read from its file.
    Whole(Index, bool),
}

/// What a segment holds, without reading its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The offset after its last record.
    pub(crate) next: u64,
    /// The time of its last batch; `i64::MIN` where there is none.
    pub(crate) time: i64,
}

impl Segment {
    /// A segment that is not written any more, whose index is looked for when it is first needed.
    pub(crate) fn sealed(dir: &Path, base: u64) -> Self {
        Self {
            base,
            path: dir.join(file_name(base)),
            index: Mutex::new(Known::Nothing),
            is_full: AtomicBool::new(true),
            size: OnceLock::new(),
        }
    }

    /// A segment that is being written, with its index from this position on.
    pub(crate) fn active(dir: &Path, base: u64, start: u64, index: Index) -> Self {
        let known = if start == 0 { Known::Whole(index, true) } else { Known::Tail(start, index) };
        Self { index: Mutex::new(known), is_full: AtomicBool::new(false), ..Self::sealed(dir, base) }
    }

    /// Adds what was written.
    pub(crate) fn extend_index(&self, later: &Index) {
        match &mut *self.lock() {
            Known::Tail(_, index) | Known::Whole(index, _) => index.join(later),
            Known::Nothing => {}
        }
    }

    /// The last batch known to start at or before `offset`; the start of the file when none is.
    pub(crate) fn before_offset(self: &Arc<Self>, home: &Home, file: &dyn DiskFile, offset: u64) -> io::Result<Entry> {
        self.looked_up(home, file, |entry| entry.offset <= offset)
    }

    /// The last batch known to be older than `time`; the start of the file when none is.
    pub(crate) fn before_time(self: &Arc<Self>, home: &Home, file: &dyn DiskFile, time: i64) -> io::Result<Entry> {
        self.looked_up(home, file, |entry| entry.time < time)
    }

    /// The last batch known to begin at or before this position; the start of the file when none is.
    #[cfg(feature = "remote")]
    pub(crate) fn before_position(
        self: &Arc<Self>,
        home: &Home,
        file: &dyn DiskFile,
        position: u64,
    ) -> io::Result<Entry> {
        self.looked_up(home, file, |entry| entry.position <= position)
    }

    /// What it holds.
    pub(crate) fn summary(&self, home: &Home) -> io::Result<Summary> {
        let known = &mut *self.lock();
        if let Known::Tail(_, index) = known {
            return Ok(Summary { next: index.next, time: index.time });
        }
        let was_known = matches!(known, Known::Whole(..));
        let index = match known {
            Known::Whole(index, _) => index,
            _ => self.complete(known, home, &*home.disk.open(&self.path)?)?,
        };
        let summary = Summary { next: index.next, time: index.time };
        if !was_known {
            *known = Known::Nothing;
        }
        Ok(summary)
    }

    /// Bytes of a segment that is not written any more.
    pub(crate) fn size(&self, home: &Home) -> io::Result<u64> {
        if let Some(size) = self.size.get() {
            return Ok(*size);
        }
        let size = home.disk.open(&self.path)?.size()?;
        Ok(*self.size.get_or_init(|| size))
    }

    /// Nothing is written to it any more: writes its index down, and keeps it in memory no longer than others.
    pub(crate) fn seal(self: &Arc<Self>, home: &Home, file: &dyn DiskFile) {
        self.is_full.store(true, Ordering::Relaxed);
        self.keep_index(home, file);
        home.used(self);
    }

    /// Lets go of the memory of its index, which is read again when it is needed.
    pub(crate) fn forget_index(&self) {
        if self.is_full.load(Ordering::Relaxed) {
            *self.lock() = Known::Nothing;
        }
    }

    /// Writes the index down beside the segment. It is a cache: that it could not be written is no failure.
    pub(crate) fn keep_index(&self, home: &Home, file: &dyn DiskFile) {
        let known = &mut *self.lock();
        let written = match known {
            Known::Whole(index, _) => write_index(home, self.base, index),
            _ => self.complete(known, home, file).and_then(|index| write_index(home, self.base, index)),
        };
        if let Err(error) = written {
            debug!(path = %self.path.display(), %error, "the index of a segment was not kept");
        }
    }

    fn looked_up(
        self: &Arc<Self>,
        home: &Home,
        file: &dyn DiskFile,
        before: impl Fn(&Entry) -> bool,
    ) -> io::Result<Entry> {
        let found = self.last_where(home, file, before);
        if self.is_full.load(Ordering::Relaxed) {
            home.used(self);
        }
        found
    }

    fn last_where(&self, home: &Home, file: &dyn DiskFile, before: impl Fn(&Entry) -> bool) -> io::Result<Entry> {
        let known = &mut *self.lock();
        let start = Entry { offset: self.base, position: 0, time: i64::MIN };
        let find = |index: &Index| {
            let found = index.entries.partition_point(&before);
            found.checked_sub(1).map_or(start, |last| index.entries[last])
        };
        let found = find(self.complete(known, home, file)?);
        // A full segment may have been replaced by a compacted one, before this file was opened or after.
        let is_own = matches!(known, Known::Whole(_, true)) && !self.is_full.load(Ordering::Relaxed);
        if is_own || found == start || is_at(home, file, found.position, found.offset)? {
            return Ok(found);
        }
        warn!(path = %self.path.display(), offset = found.offset, "the index of a segment is wrong, and is made again");
        let limit = file.size()?;
        let index = scan(home, file, Index::starting(self.base), limit)?;
        let found = find(&index);
        *known = Known::Whole(index, true);
        Ok(found)
    }

    /// Makes the index whole: from its file, and from the segment where that says nothing.
    fn complete<'k>(&self, known: &'k mut Known, home: &Home, file: &dyn DiskFile) -> io::Result<&'k mut Index> {
        let (limit, is_sealed) = match known {
            Known::Whole(index, _) => return Ok(index),
            Known::Tail(start, _) => (*start, false),
            Known::Nothing => (file.size()?, true),
        };
        let kept = read_index(home, self.base).filter(|index| index.covered <= limit);
        let from_file = kept.as_ref().map(|index| index.covered);
        let mut index = scan(home, file, kept.unwrap_or_else(|| Index::starting(self.base)), limit)?;
        if is_sealed && from_file != Some(index.covered) {
            debug!(path = %self.path.display(), "made the index of a segment from its batches");
            if let Err(error) = write_index(home, self.base, &index) {
                debug!(path = %self.path.display(), %error, "the index of a segment was not kept");
            }
        }
        if let Known::Tail(_, tail) = known {
            index.join(tail);
        }
        *known = Known::Whole(index, from_file.is_none());
        match known {
            Known::Whole(index, _) => Ok(index),
            // It was just made so.
            Known::Tail(..) | Known::Nothing => Err(io::ErrorKind::Other.into()),
        }
    }

    /// The index is a list that only grows; a panic while it was held leaves it usable.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on with an index by walking headers up to `limit`; damaged places are stepped over, to be reported by whoever reads
/// there.
fn scan(home: &Home, file: &dyn DiskFile, mut index: Index, limit: u64) -> io::Result<Index> {
    let mut scan = Scan::new(file, home.seed, limit);
    while index.covered < limit {
        let (position, header) = match scan.header(index.covered)?.filter(|header| header.base == index.next) {
            Some(header) => (index.covered, header),
            None => match scan.find(index.covered, index.next)? {
                Some(found) => found,
                None => break,
            },
        };
        index.add(header.base, position, header.time, header.end(), header.size());
    }
    Ok(index)
}

/// Whether a batch begins at this position with this offset.
pub(crate) fn is_at(home: &Home, file: &dyn DiskFile, position: u64, offset: u64) -> io::Result<bool> {
    let bytes = file.read_at(HEADER, position)?;
    Ok(Header::decode(&bytes, home.seed).is_some_and(|header| header.base == offset))
}

fn read_index(home: &Home, base: u64) -> Option<Index> {
    let file = home.disk.open(&home.dir.join(index_name(base))).ok()?;
    let size = usize::try_from(file.size().ok()?).ok().filter(|size| *size <= MAX_INDEX)?;
    Index::decode(&file.read_at(size, 0).ok()?, home.log_id, base)
}

fn write_index(home: &Home, base: u64, index: &Index) -> io::Result<()> {
    if home.is_read_only {
        return Ok(());
    }
    let path = home.dir.join(index_name(base));
    // There is none, as a rule. What stands there instead, the creation finds.
    let _ = home.disk.remove(&path);
    home.disk.create(&path)?.write_at(&index.encode(home.log_id, base), 0)
}

/// The name of the segment that starts at this offset.
pub(crate) fn file_name(base: u64) -> String {
    format!("{base:020}.log")
}

/// The name of its index.
pub(crate) fn index_name(base: u64) -> String {
    format!("{base:020}.index")
}

/// The name of the file that is to take its place.
pub(crate) fn compacting_name(base: u64) -> String {
    format!("{base:020}.compacting")
}

/// The base offsets of the files in a directory with this ending, lowest first.
pub(crate) fn bases(disk: &dyn Disk, dir: &Path, ending: &str) -> io::Result<Vec<u64>> {
    Ok(bases_among(&disk.list(dir)?, ending))
}

/// The same, of names that were listed.
pub(crate) fn bases_among(names: &[String], ending: &str) -> Vec<u64> {
    let base_of = |name: &String| {
        let digits = name.strip_suffix(ending)?;
        (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let mut bases: Vec<u64> = names.iter().filter_map(base_of).collect();
    bases.sort_unstable();
    bases
}
