//! `thriftwood log groups` and `seek`.

use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use percent_encoding::percent_decode_str;
use thriftwood_log::store::{Group, GroupOptions, Log, LogOptions};

use super::when::Where;
use super::{Outcome, find};

#[derive(Args)]
pub(super) struct Seek {
    /// The directory of the log.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The group, as `thriftwood log groups` lists it; what stands before its topics is enough where only one begins so.
    #[arg(value_name = "GROUP")]
    group: String,
    /// `first`, `next`, an offset, a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h.
    #[arg(long, value_name = "WHERE")]
    to: Where,
}

/// The groups of a log: their names, and where their positions are kept. In folders' names some bytes are written as `%2A`; these
/// are the names themselves.
pub(super) fn of(dir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let groups = dir.join("groups");
    if !groups.is_dir() {
        return Ok(Vec::new());
    }
    let journals = find::logs(&groups)?.into_iter().filter(|journal| !journal.ends_with("dead"));
    let name = |journal: &PathBuf| {
        let folders = journal.strip_prefix(&groups).unwrap_or(journal).display().to_string();
        percent_decode_str(&folders).decode_utf8_lossy().into_owned()
    };
    Ok(journals.map(|journal| (name(&journal), journal)).collect())
}

pub(super) fn list(dir: &Path) -> Outcome {
    let logs = find::with_groups(dir)?;
    let mut groups = Vec::new();
    for log in &logs {
        groups.extend(of(log)?.into_iter().map(|(name, journal)| (log, name, journal)));
    }
    if groups.is_empty() {
        eprintln!("{} has no groups", dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = stdout().lock();
    writeln!(out, "{:>12}  {:>12}  {:>11}  {:>8}  group", "position", "untaken", "outstanding", "dead")?;
    for (log, group, journal) in groups {
        let view = find::view(log)?;
        // Of several logs, which.
        let of = if logs.len() == 1 { String::new() } else { format!("  of {}", log.display()) };
        let name = format!("{group}{of}");
        let dead = find::view(&journal.join("dead")).map_or(0, |dead| dead.next_offset() - dead.first_offset());
        match view.group(&journal)? {
            Some(group) => {
                let (position, lag) = (group.position, group.lag);
                writeln!(out, "{position:>12}  {:>12}  {:>11}  {dead:>8}  {name}", lag.untaken, lag.outstanding)?;
            }
            None => writeln!(out, "{:>12}  {:>12}  {:>11}  {dead:>8}  {name}", "-", "-", "-")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The group of this name, of this folder, or with this name before its topics where that is only one.
fn named<'g>(groups: &'g [(String, PathBuf)], wanted: &str) -> Option<&'g (String, PathBuf)> {
    let is_whole = |(name, folder): &&(String, PathBuf)| name == wanted || folder.ends_with(wanted);
    let mut begins = groups.iter().filter(|(name, _)| name.split_once('/').is_some_and(|(group, _)| group == wanted));
    let alone = begins.next().filter(|_| begins.next().is_none());
    groups.iter().find(is_whole).or(alone)
}

pub(super) fn seek(seek: &Seek) -> Outcome {
    let dir = find::log(&seek.dir)?;
    let groups = of(&dir)?;
    let Some((name, journal)) = named(&groups, &seek.group) else {
        let names: Vec<&str> = groups.iter().map(|(name, _)| &name[..]).collect();
        let names = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        return Err(format!("{} has no group {:?}; {names}", dir.display(), seek.group).into());
    };
    let log = Log::open(&dir, LogOptions::default())?;
    let group = Group::open(&log, journal, GroupOptions::default())?;
    let before = group.position();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(group.seek(seek.to.0))?;
    let lag = group.lag();
    writeln!(stdout(), "{}: from {before} to {}, {} behind", name, group.position(), lag.untaken)?;
    group.close_blocking()?;
    log.close_blocking()?;
    Ok(ExitCode::SUCCESS)
}
