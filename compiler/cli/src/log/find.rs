//! Finds logs below a directory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use thriftwood_log::Settings;
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogView, StoreError};

use crate::live::present;

/// Every log below a directory, itself included, in order of their names.
///
/// # Errors
/// When the directory is not there or cannot be read; it is not made.
pub(super) fn logs(dir: &Path) -> io::Result<Vec<PathBuf>> {
    present(dir)?;
    let (mut found, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = open.pop() {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", dir.display()));
        let mut is_log = false;
        let entries = match std::fs::read_dir(&dir) {
            // Gone since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if entry.file_type().map_err(failed)?.is_dir() {
                open.push(entry.path());
            } else {
                // A log whose checkpoint is lost is one as well.
                is_log |= name == "checkpoint" || is_segment(&name.to_string_lossy());
            }
        }
        if is_log {
            found.push(dir);
        }
    }
    found.sort();
    Ok(found)
}

/// The one log that a directory stands for.
pub(super) fn log(dir: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let found = logs(dir)?;
    match &found[..] {
        [one] => Ok(one.clone()),
        [first, ..] if first == dir => Ok(first.clone()),
        [] => Err(format!("there is no log in {}", dir.display()).into()),
        several => {
            // The positions of groups are logs as well, and seldom what one looks for.
            let wanted = several.iter().filter(|log| !is_below_groups(dir, log));
            let names: Vec<String> = wanted.map(|log| format!("\n  {}", log.display())).collect();
            Err(format!("there are several logs in {}; name one:{}", dir.display(), names.concat()).into())
        }
    }
}

/// The logs below a directory that have groups, or could have: all but the positions and dead letters of groups.
pub(super) fn with_groups(dir: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let found: Vec<PathBuf> = logs(dir)?.into_iter().filter(|log| !is_below_groups(dir, log)).collect();
    if found.is_empty() { Err(format!("there is no log in {}", dir.display()).into()) } else { Ok(found) }
}

fn is_below_groups(dir: &Path, log: &Path) -> bool {
    log.strip_prefix(dir).is_ok_and(|name| name.iter().any(|folder| folder == "groups"))
}

/// A look at a log.
pub(super) fn view(dir: &Path) -> Result<LogView, StoreError> {
    LogView::open(dir, Arc::new(RealDisk))
}

/// The settings of the directory that a log of events is in; `None` for any other log, which is kept as long as it is needed, and where
/// they are not known.
pub(super) fn settings(log: &Path) -> Option<Settings> {
    Settings::read(directory(log)?).ok().flatten()
}

/// The directory that a log of events is in, which its owner opened.
pub(super) fn directory(log: &Path) -> Option<&Path> {
    log.parent().filter(|dir| dir.ends_with("streams"))?.parent()
}

/// When the last record was stored that can be read. The summary of a segment that is still written to may be some records
/// behind.
pub(super) fn last(view: &LogView) -> Option<SystemTime> {
    view.backwards(From::Next).ok()?.next_ready().ok()?.map(|record| record.time())
}

fn is_segment(name: &str) -> bool {
    name.strip_suffix(".log").is_some_and(|base| base.len() == 20 && base.bytes().all(|byte| byte.is_ascii_digit()))
}
