//! Opening what a crash left: finds the end of the log, and tells a torn tail from damage.
//!
//! Only the newest segment is read; the others were synced before it was made. Reading changes nothing. What is to be cut
//! is returned, and [`cut`] is a step of its own.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tracing::{error, warn};

use super::StoreError;
use super::checkpoint::Mark;
use super::disk::{Disk, DiskFile};
use super::scan::Scan;
use super::segment::{self, Entry, IndexBuilder, Segment};

/// The state of the directory, as found.
pub(crate) struct Recovered {
    /// All segments, lowest first; the last one has its index.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The file of the last one.
    pub(crate) active: Option<Arc<dyn DiskFile>>,
    /// Where in it the next batch goes. `None` when nothing may be written into it any more.
    pub(crate) position: Option<u64>,
    /// Where its last indexed batch is.
    pub(crate) indexed: Option<u64>,
    /// The next offset.
    pub(crate) next: u64,
    /// The time of the last batch, in microseconds since 1970.
    pub(crate) time: i64,
    /// Ranges that were durable and cannot be read.
    pub(crate) damage: Vec<Range<u64>>,
    /// Where to cut the active file, and whether anything but zeros goes.
    cut: Option<(u64, bool)>,
}

/// What stands where the next batch should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The file ends there, or there are only zeros.
    pub(crate) empty: bool,
    /// The checkpoint or a later batch says that this offset was durable.
    pub(crate) was_durable: bool,
    /// A whole batch with a higher offset follows.
    pub(crate) island: bool,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The log ends here.
    End,
    /// A write was cut off: the log ends here, and what follows is cut.
    Torn,
    /// Bytes that were durable are damaged: they stay, and reading goes on at the batch that follows.
    DamageWithin,
    /// Bytes that were durable are damaged or gone, and nothing whole follows: what there is stays, and a new segment
    /// goes on behind every offset that was ever acknowledged.
    DamageAtEnd,
}

/// The rows, in the order of docs/log-format.md: a field of `None` takes either value. Exactly one row applies.
pub(crate) const TABLE: [(Option<bool>, bool, Option<bool>, Verdict); 4] = [
    // empty      durable island
    (Some(true), false, Some(false), Verdict::End),
    (Some(false), false, None, Verdict::Torn),
    (Some(false), true, Some(true), Verdict::DamageWithin),
    (None, true, Some(false), Verdict::DamageAtEnd),
];

impl Evidence {
    pub(crate) fn verdict(self) -> Verdict {
        let applies = |(empty, durable, island, _): &&(Option<bool>, bool, Option<bool>, Verdict)| {
            empty.is_none_or(|empty| empty == self.empty)
                && *durable == self.was_durable
                && island.is_none_or(|island| island == self.island)
        };
        // Zeros to the end and a batch among them cannot both be; keeping everything is right whatever happened.
        TABLE.iter().find(applies).map_or(Verdict::DamageAtEnd, |(.., verdict)| *verdict)
    }
}

/// Reads the directory.
pub(crate) fn survey(disk: &dyn Disk, dir: &Path, seed: u32, mark: &Mark) -> Result<Recovered, StoreError> {
    let bases = segment::bases(disk, dir).map_err(|source| StoreError::io("list", dir, source))?;
    let mut recovered = Recovered {
        segments: bases.iter().map(|base| Arc::new(Segment::sealed(dir, *base))).collect(),
        active: None,
        position: None,
        indexed: None,
        next: mark.next,
        time: mark.time,
        damage: Vec::new(),
        cut: None,
    };
    let Some(newest) = recovered.segments.pop() else {
        if mark.next > 0 {
            recovered.damage.push(0..mark.next);
        }
        return Ok(recovered);
    };
    let failed = |source| StoreError::io("read", &newest.path, source);
    let file = disk.open(&newest.path).map_err(|source| StoreError::io("open", &newest.path, source))?;
    let entries = recovered.walk(&*file, newest.base, seed, mark).map_err(failed)?;
    recovered.segments.push(Arc::new(Segment::active(dir, newest.base, entries)));
    recovered.active = Some(file);
    Ok(recovered)
}

/// Does what [`survey`] found necessary, and says so: cuts a torn tail once, and names damage.
pub(crate) fn cut(recovered: &Recovered, dir: &Path) -> Result<(), StoreError> {
    for range in &recovered.damage {
        error!(dir = %dir.display(), from = range.start, to = range.end, "the log is damaged: this range cannot be read");
    }
    let (Some(file), Some((position, torn))) = (&recovered.active, recovered.cut) else { return Ok(()) };
    if torn {
        warn!(dir = %dir.display(), offset = recovered.next, position, "cut off an append that was not finished");
    }
    let cut = file.set_len(position).and_then(|()| file.sync_data());
    cut.map_err(|source| StoreError::io("cut the torn end of the log in", dir, source))
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

    /// Goes through the newest segment, and leaves what it found in `self`.
    fn walk(&mut self, file: &dyn DiskFile, base: u64, seed: u32, mark: &Mark) -> io::Result<Vec<Entry>> {
        let size = file.size()?;
        let mut scan = Scan::new(file, seed, size);
        let mut index = IndexBuilder::default();
        let (mut position, mut next) = (0, base);
        let verdict = loop {
            if let Some(header) = scan.header(position)?
                && header.base == next
                && scan.body_fits(position, &header)?
            {
                index.add(Entry { offset: next, position, time: header.time });
                position += header.size();
                next = header.end();
                self.time = self.time.max(header.time);
                continue;
            }
            // Not the offset after `next`: the batch that should stand here is as large as it is.
            let island = scan.find(position + 1, next.saturating_add(1))?;
            let durable = mark.next.max(highest_mark(&mut scan, island)?);
            let empty = island.is_none() && scan.is_empty_from(position)?;
            let evidence = Evidence { empty, was_durable: durable > next, island: island.is_some() };
            match (evidence.verdict(), island) {
                (Verdict::DamageWithin, Some((at, header))) => {
                    self.damage.push(next..header.base);
                    (position, next) = (at, header.base);
                }
                (Verdict::DamageAtEnd, _) => {
                    self.damage.push(next..durable);
                    next = durable;
                    break Verdict::DamageAtEnd;
                }
                (verdict, _) => break verdict,
            }
        };
        self.next = next;
        self.indexed = index.last();
        match verdict {
            Verdict::DamageAtEnd => {}
            Verdict::Torn => (self.position, self.cut) = (Some(position), Some((position, true))),
            _ => {
                self.position = Some(position);
                // Space that was set aside goes too, so that every file starts the same way after every opening.
                self.cut = (position < size).then_some((position, false));
            }
        }
        Ok(index.entries)
    }
}

/// The first offset not known to be durable, by the headers from this batch on.
fn highest_mark(scan: &mut Scan<'_>, first: Option<(u64, super::format::Header)>) -> io::Result<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_row_applies_to_every_evidence_that_can_be() {
        for bits in 0..8 {
            let evidence = Evidence { empty: bits & 1 != 0, was_durable: bits & 2 != 0, island: bits & 4 != 0 };
            let rows = TABLE.iter().filter(|(empty, durable, island, _)| {
                empty.is_none_or(|empty| empty == evidence.empty)
                    && *durable == evidence.was_durable
                    && island.is_none_or(|island| island == evidence.island)
            });
            let impossible = evidence.empty && evidence.island;
            assert_eq!(rows.count(), usize::from(!impossible), "{evidence:?}");
        }
    }
}
