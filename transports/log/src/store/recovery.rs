//! Opening what a crash left: finds the end of the log, and tells a torn tail from damage.
//!
//! Only what comes behind the checkpoint is read; the rest was synced before that was written. Reading changes nothing. What
//! is to be cut and removed is returned, and [`settle`] is a step of its own.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{error, warn};

use super::StoreError;
use super::checkpoint::Mark;
use super::disk::DiskFile;
use super::evidence::{Evidence, Verdict};
use super::format::{HEADER, Header};
use super::home::Home;
use super::index::Index;
use super::producer;
use super::remembered::Remembered;
use super::scan::Scan;
use super::segment::{self, Segment};

/// The state of the directory, as found.
pub(crate) struct Recovered {
    /// The segments that stay, lowest first; the last one has its index.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The file of the last one.
    pub(crate) active: Option<Arc<dyn DiskFile>>,
    /// Where in it the next batch goes. `None` when nothing may be written into it any more.
    pub(crate) position: Option<u64>,
    /// The next offset.
    pub(crate) next: u64,
    /// The time of the last batch, in microseconds since 1970.
    pub(crate) time: i64,
    /// Ranges that were durable and cannot be read.
    pub(crate) damage: Vec<Range<u64>>,
    /// Who made batches.
    pub(crate) remembered: Remembered,
    /// Every file that was looked at, which may not have been synced; none where the log ends just where the checkpoint says.
    pub(crate) unsynced: Vec<Arc<dyn DiskFile>>,
    /// Where to cut the active file, and whether anything but zeros goes.
    cut: Option<(u64, bool)>,
    /// Files that go: segments behind a torn end, indexes without a segment, and compacted segments that were not finished.
    remove: Vec<PathBuf>,
}

/// Where the walk is: the batch at `position` of the segment should have the offset `next`.
#[derive(Clone, Copy)]
struct Cursor {
    segment: usize,
    position: u64,
    next: u64,
}

/// Reads the files of a directory with these names, from the checkpoint's mark on.
pub(crate) fn survey(home: &Home, names: &[String], mark: &Mark, accept_loss: bool) -> Result<Recovered, StoreError> {
    let bases = segment::bases_among(names, ".log");
    let indexes = segment::bases_among(names, ".index").into_iter();
    let stray = indexes.filter(|base| bases.binary_search(base).is_err());
    let unfinished = segment::bases_among(names, ".compacting").into_iter();
    let unfinished = unfinished.map(|base| home.dir.join(segment::compacting_name(base)));
    let mut recovered = Recovered {
        segments: bases.iter().map(|base| Arc::new(Segment::sealed(&home.dir, *base))).collect(),
        active: None,
        position: None,
        next: mark.next,
        time: mark.time,
        damage: Vec::new(),
        remembered: Remembered::load(home, &bases, mark.next)?,
        unsynced: Vec::new(),
        cut: None,
        remove: stray.map(|base| home.dir.join(segment::index_name(base))).chain(unfinished).collect(),
    };
    let newest = bases.last().copied();
    let missing =
        mark.base().or((mark.next > 0).then_some(0)).filter(|base| newest.is_none_or(|newest| newest < *base));
    if let Some(base) = missing.filter(|_| !accept_loss) {
        return Err(StoreError::TailMissing { path: home.dir.join(segment::file_name(base)), next: mark.next });
    }
    if bases.is_empty() {
        recovered.damage.extend((mark.next > 0).then_some(0..mark.next));
        return Ok(recovered);
    }
    if bases[0] > mark.next {
        // The segment that comes first is gone. Unless something says that it was durable, nothing behind it was either: a power cut
        // took its name away and left a later one.
        let durable = highest_mark_in(home, &bases).map_err(|source| StoreError::io("read", &home.dir, source))?;
        if durable <= mark.next {
            warn!(dir = %home.dir.display(), offset = mark.next, "removed segments whose beginning was cut off");
            for gone in recovered.segments.drain(..) {
                recovered.remove.push(gone.path.clone());
                recovered.remove.push(home.dir.join(segment::index_name(gone.base)));
            }
            return Ok(recovered);
        }
    }
    let start = recovered.start(home, &bases, mark)?;
    recovered.walk(home, &bases, start, mark)?;
    Ok(recovered)
}

/// Does what [`survey`] found necessary, and says so: cuts a torn tail once, and names damage.
pub(crate) fn settle(recovered: &Recovered, home: &Home) -> Result<(), StoreError> {
    let dir = home.dir.display();
    for range in &recovered.damage {
        error!(%dir, from = range.start, to = range.end, "the log is damaged: this range cannot be read");
    }
    if let (Some(file), Some((position, torn))) = (&recovered.active, recovered.cut) {
        if torn {
            warn!(%dir, offset = recovered.next, position, "cut off an append that was not finished");
        }
        let cut = file.set_len(position).and_then(|()| file.sync_data());
        cut.map_err(|source| StoreError::io("cut the torn end of the log in", &home.dir, source))?;
    }
    // Newest first: what is left after a crash in between still follows what was cut.
    for path in recovered.remove.iter().rev() {
        match home.disk.remove(path) {
            // Not every segment has an index.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(|source| StoreError::io("remove", path, source))?,
        }
    }
    // The names that were found may not be on the disk either.
    if !recovered.unsynced.is_empty() || !recovered.remove.is_empty() {
        home.disk.sync_dir(&home.dir).map_err(|source| StoreError::io("sync", &home.dir, source))?;
    }
    Ok(())
}

impl Recovered {
    /// Where the bytes of the newest segment end that may be read.
    pub(crate) fn end(&self) -> Result<u64, StoreError> {
        match (self.position, &self.active, self.segments.last()) {
            (Some(position), ..) => Ok(position),
            (None, Some(file), Some(newest)) => {
                file.size().map_err(|source| StoreError::io("read", &newest.path, source))
            }
            _ => Ok(0),
        }
    }

    /// The mark's place; or the start of the segment it is in, where that says nothing or the file is too short for it.
    fn start(&self, home: &Home, bases: &[u64], mark: &Mark) -> Result<Cursor, StoreError> {
        if let (Some(place), Some(base)) = (mark.place, mark.base())
            && let Ok(segment) = bases.binary_search(&base)
        {
            let path = &self.segments[segment].path;
            let file = home.disk.open(path).map_err(|source| StoreError::io("open", path, source))?;
            if file.size().map_err(|source| StoreError::io("read", path, source))? >= place.position {
                return Ok(Cursor { segment, position: place.position, next: mark.next });
            }
        }
        let segment = bases.partition_point(|base| *base <= mark.next).saturating_sub(1);
        Ok(Cursor { segment, position: 0, next: bases[segment] })
    }

    /// Goes through the segments from the start on, and leaves what it found in `self`.
    fn walk(&mut self, home: &Home, bases: &[u64], start: Cursor, mark: &Mark) -> Result<(), StoreError> {
        let mut at = start;
        loop {
            let segment = Arc::clone(&self.segments[at.segment]);
            let file = home.disk.open(&segment.path).map_err(|source| StoreError::io("open", &segment.path, source))?;
            self.unsynced.push(Arc::clone(&file));
            let bound = bases.get(at.segment + 1).copied();
            let rest = &bases[at.segment + 1..];
            let walk = Walk { home, file: &*file, bound, rest, mark };
            let (begun, mut index) = (at.position, Index::behind(at.next, at.position, i64::MIN));
            let failed = |source| StoreError::io("read", &segment.path, source);
            let verdict = walk.segment(&mut at, &mut index, self).map_err(failed)?;
            self.time = self.time.max(index.time);
            if let (None, Some(bound)) = (verdict, bound) {
                at = Cursor { segment: at.segment + 1, position: 0, next: bound };
                continue;
            }
            let size = file.size().map_err(failed)?;
            self.position = (verdict != Some(Verdict::DamageAtEnd)).then_some(at.position);
            // Space that was set aside goes too, so that every file starts the same way after every opening.
            let torn = verdict == Some(Verdict::Torn);
            self.cut = self.position.filter(|position| *position < size || torn).map(|position| (position, torn));
            for gone in self.segments.drain(at.segment + 1..) {
                self.remove.push(gone.path.clone());
                // Above the segment, and so gone before it.
                self.remove.push(home.dir.join(segment::index_name(gone.base)));
            }
            if verdict == Some(Verdict::End) && mark.is_end(segment.base, at.position, at.next) {
                // Of which an opening after a clean close is made: three syncs are one, of the new checkpoint.
                self.unsynced.clear();
            }
            self.next = at.next;
            let active = Segment::active(&home.dir, segment.base, begun, index);
            self.segments[at.segment] = Arc::new(active);
            self.active = Some(file);
            return Ok(());
        }
    }
}

/// One segment of the walk.
struct Walk<'a> {
    home: &'a Home,
    file: &'a dyn DiskFile,
    /// Where the next segment begins, when there is one.
    bound: Option<u64>,
    /// The base offsets of the segments behind it.
    rest: &'a [u64],
    mark: &'a Mark,
}

impl Walk<'_> {
    /// Goes on to where no batch follows. `None` when that is where the next segment begins.
    fn segment(&self, at: &mut Cursor, index: &mut Index, into: &mut Recovered) -> io::Result<Option<Verdict>> {
        let size = self.file.size()?;
        let mut scan = Scan::new(self.file, self.home.seed, size);
        loop {
            if let Some(header) = scan.header(at.position)?
                && header.base == at.next
                && self.bound.is_none_or(|bound| header.end() <= bound)
                && scan.body_fits(at.position, &header)?
            {
                index.add(header.base, at.position, header.time, header.end(), header.size());
                into.remembered.found(&header, scan.peek(at.position + HEADER as u64, producer::SIZE)?);
                (at.position, at.next) = (at.position + header.size(), header.end());
                continue;
            }
            if self.bound == Some(at.next) {
                // Whatever still follows was refused when it could not be written.
                return Ok(None);
            }
            // Not the offset after `next`: the batch that should stand here is as large as it is.
            let island = scan.find(at.position + 1, at.next.saturating_add(1))?;
            let island = island.filter(|(_, header)| self.bound.is_none_or(|bound| header.end() <= bound));
            let durable =
                self.mark.next.max(highest_mark(&mut scan, island)?).max(highest_mark_in(self.home, self.rest)?);
            let evidence = Evidence {
                empty: island.is_none() && scan.is_empty_from(at.position)?,
                was_durable: durable > at.next,
                follows: island.is_some() || self.bound.is_some(),
            };
            match (evidence.verdict(), island, self.bound) {
                (Verdict::DamageWithin, Some((position, header)), _) => {
                    into.damage.push(at.next..header.base);
                    (at.position, at.next) = (position, header.base);
                }
                (Verdict::DamageWithin, None, Some(bound)) => {
                    into.damage.push(at.next..bound);
                    return Ok(None);
                }
                (Verdict::DamageAtEnd, ..) => {
                    into.damage.push(at.next..durable);
                    at.next = durable;
                    return Ok(Some(Verdict::DamageAtEnd));
                }
                (verdict, ..) => return Ok(Some(verdict)),
            }
        }
    }
}

/// The first offset not known to be durable, by the headers of these segments.
fn highest_mark_in(home: &Home, bases: &[u64]) -> io::Result<u64> {
    let mut highest = 0;
    for base in bases {
        let file = home.disk.open(&home.dir.join(segment::file_name(*base)))?;
        let mut scan = Scan::new(&*file, home.seed, file.size()?);
        let first = match scan.header(0)? {
            Some(header) => Some((0, header)),
            None => scan.find(1, *base)?,
        };
        highest = highest.max(highest_mark(&mut scan, first)?);
    }
    Ok(highest)
}

/// The first offset not known to be durable, by the headers from this batch on.
fn highest_mark(scan: &mut Scan<'_>, first: Option<(u64, Header)>) -> io::Result<u64> {
    let (mut found, mut highest) = (first, 0);
    while let Some((position, header)) = found {
        highest = highest.max(header.durable_end());
        found = match scan.header(position + header.size())?.filter(|next| next.base >= header.end()) {
            Some(next) => Some((position + header.size(), next)),
            None => scan.find(position + 1, header.end())?,
        };
    }
    Ok(highest)
}
