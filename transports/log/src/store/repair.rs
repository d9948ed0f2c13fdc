//! Putting a damaged log in order, by somebody who has looked at it: nothing is thrown away.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::checkpoint::{self, Checkpoint};
use super::disk::Disk;
use super::format::Header;
use super::home::Home;
use super::index;
use super::log::Log;
use super::options::LogOptions;
use super::quarantine::Quarantine;
use super::scan::Scan;
use super::segment;
use super::view::LogView;

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// Whether the checkpoint was made again, with the log's id as an index tells it.
    pub checkpoint: bool,
    /// Ranges that cannot be read, and that readers pass over from now on.
    pub given_up: Vec<Range<u64>>,
}

/// Puts the log in a directory in order, which nobody may have open: makes its checkpoint again where that is lost, cuts a torn end,
/// makes its indexes again, and gives up what cannot be read, so that readers pass over it without an error. Damaged bytes stay where
/// they are. With `accept_loss`, a newest segment that is gone is given up as well.
///
/// # Errors
/// [`StoreError::Locked`], [`StoreError::Identity`] where nothing tells the log's id any more,
/// [`StoreError::TailMissing`], and what the file system says.
pub fn repair(dir: impl AsRef<Path>, disk: Arc<dyn Disk>, accept_loss: bool) -> Result<Repair, StoreError> {
    let dir = dir.as_ref();
    let mut done = Repair::default();
    {
        let _lock = disk.lock(dir)?;
        if let Err(StoreError::Identity { path }) = checkpoint::load(&*disk, dir) {
            let Some(log_id) = find_id(&*disk, dir)? else { return Err(StoreError::Identity { path }) };
            Checkpoint::restore(&*disk, dir, log_id)?;
            done.checkpoint = true;
        }
        let failed = |source| StoreError::io("list", dir, source);
        for base in segment::bases(&*disk, dir, ".index").map_err(failed)? {
            let path = dir.join(segment::index_name(base));
            disk.remove(&path).map_err(|source| StoreError::io("remove", &path, source))?;
        }
    }
    // An opening cuts what is torn.
    let mut options = LogOptions::default();
    (options.disk, options.accept_loss) = (Arc::clone(&disk), accept_loss);
    Log::open(dir, options)?.close_blocking()?;
    let _lock = disk.lock(dir)?;
    let view = LogView::open(dir, Arc::clone(&disk))?;
    let found = view.verify(|_| {})?;
    let home = Home::new(dir, disk, view.id());
    let mut quarantine = Quarantine::load(&home)?;
    for range in found.damage.into_iter().filter(|range| !found.given_up.contains(range)) {
        quarantine.add(range.clone());
        done.given_up.push(range);
    }
    if !done.given_up.is_empty() {
        quarantine.save(&home)?;
    }
    for base in segment::bases(&*home.disk, dir, ".log").map_err(|source| StoreError::io("list", dir, source))? {
        let segment = segment::Segment::sealed(dir, base);
        // Its index is a cache, and made again later where it cannot be now.
        let _ = segment.summary(&home);
    }
    Ok(done)
}

/// The log's id, as an index tells it and the headers of a segment confirm.
fn find_id(disk: &dyn Disk, dir: &Path) -> Result<Option<u64>, StoreError> {
    let failed = |source| StoreError::io("list", dir, source);
    let mut ids = BTreeSet::new();
    for base in segment::bases(disk, dir, ".index").map_err(failed)? {
        let path = dir.join(segment::index_name(base));
        let read = disk.open(&path).and_then(|file| file.read_at(index::HEADER, 0));
        ids.extend(index::id(&read.map_err(|source| StoreError::io("read", &path, source))?));
    }
    let bases = segment::bases(disk, dir, ".log").map_err(failed)?;
    let confirms = |id: &u64| {
        bases.iter().any(|base| {
            let file = disk.open(&dir.join(segment::file_name(*base)));
            let first = file.and_then(|file| Scan::new(&*file, super::format::seed(*id), file.size()?).header(0));
            first.is_ok_and(|header: Option<Header>| header.is_some_and(|header| header.base == *base))
        })
    };
    Ok(ids.into_iter().find(confirms))
}
