//! `thriftwood log ls` and `info`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use std::time::Duration;

use thriftwood_log::Settings;
use thriftwood_log::store::Durability;

use super::{Outcome, find, groups, when};
use crate::output::stdout;

pub(super) fn ls(dir: &Path) -> Outcome {
    let logs = find::logs(dir)?;
    let mut out = stdout();
    if logs.is_empty() {
        eprintln!("there is no log in {}", dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{:>12}  {:>12}  {:>10}  {:27}  log", "first", "next", "size", "last record")?;
    let mut code = ExitCode::SUCCESS;
    for log in logs {
        let name = log.strip_prefix(dir).ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(&log);
        match find::view(&log).and_then(|view| Ok((view.segments()?, view))) {
            Ok((segments, view)) => {
                let size = when::bytes(segments.iter().map(|segment| segment.bytes).sum());
                let last = find::last(&view).map_or("-".to_owned(), when::shown);
                let (first, next) = (view.first_offset(), view.next_offset());
                writeln!(out, "{first:>12}  {next:>12}  {size:>10}  {last:27}  {}", name.display())?;
            }
            Err(error) => {
                writeln!(out, "{:>12}  {:>12}  {:>10}  {:27}  {}", "?", "?", "?", "?", name.display())?;
                eprintln!("error: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

pub(super) fn info(dir: &Path) -> Outcome {
    let dir = find::log(dir)?;
    let view = find::view(&dir)?;
    let segments = view.segments()?;
    let mut out = stdout();
    let size = segments.iter().map(|segment| segment.bytes).sum();
    let records = view.next_offset() - view.first_offset();
    writeln!(out, "log       {}", dir.display())?;
    writeln!(out, "id        {:016x}", view.id())?;
    writeln!(out, "offsets   {} to {}, {records} of them", view.first_offset(), view.next_offset())?;
    writeln!(out, "size      {} in {} segments", when::bytes(size), segments.len())?;
    writeln!(out, "last      {}", find::last(&view).map_or("-".to_owned(), when::shown))?;
    for (name, value) in find::settings(&dir).as_ref().map_or_else(|| unknown(&dir), told) {
        writeln!(out, "{name:<9} {value}")?;
    }
    writeln!(out, "\n{:>20}  {:>20}  {:>10}  {:27}  index", "base", "next", "size", "last record")?;
    for segment in &segments {
        let last = segment.last.map_or("-".to_owned(), when::shown);
        let (size, index) = (when::bytes(segment.bytes), if segment.is_indexed { "yes" } else { "no" });
        writeln!(out, "{:>20}  {:>20}  {size:>10}  {last:27}  {index}", segment.base, segment.next)?;
    }
    if !groups::of(&dir)?.is_empty() {
        writeln!(out)?;
        drop(out);
        groups::list(&dir)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The same where it is not known, and could be.
fn unknown(log: &Path) -> Vec<(&'static str, String)> {
    let Some(dir) = find::directory(log) else { return Vec::new() };
    let file = dir.join("settings");
    vec![("kept", format!("unknown: {} is written by the next process that opens the directory", file.display()))]
}

/// What a directory was opened with, in words, each with the option that would change it.
pub(super) fn told(settings: &Settings) -> Vec<(&'static str, String)> {
    let time = |time| humantime::format_duration(time).to_string();
    let publish = match settings.durability {
        Durability::Buffered => "waits for the system, and not for the disk (durability=buffered)",
        Durability::Durable => "waits for the disk (durability=durable)",
    };
    let deadline = settings.deadline.map_or_else(
        || "none: an event stays with its subscriber for as long as that lives".to_owned(),
        |most| format!("{}: an event that is not acknowledged by then goes to another of the group", time(most)),
    );
    let attempts = settings.max_attempts.map_or_else(
        || "no limit: an event comes again until it is handled (max_attempts)".to_owned(),
        |most| format!("{most} at most: then an event becomes a dead letter of its group (max_attempts)"),
    );
    vec![
        ("kept", kept(settings, time)),
        ("publish", publish.to_owned()),
        ("deadline", deadline),
        ("attempts", attempts),
        ("set by", "the last process that opened the directory, by its URL or configuration".to_owned()),
    ]
}

/// How long events are kept, or how many.
fn kept(settings: &Settings, time: impl Fn(Duration) -> String) -> String {
    let retention = settings.retention;
    let limits: Vec<(&str, String)> = [
        retention.age.map(|age| ("keep_age", format!("for {}", time(age)))),
        retention.bytes.map(|bytes| ("keep_bytes", format!("up to {} of each stream", when::bytes(bytes)))),
        retention.records.map(|records| ("keep_records", format!("up to {records} events of each stream"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let what = if settings.is_compacted { "the last event of each key, " } else { "" };
    if limits.is_empty() {
        return format!("{what}for ever (no keep_age, keep_bytes or keep_records)");
    }
    let (names, limits): (Vec<_>, Vec<_>) = limits.into_iter().unzip();
    let first = if limits.len() > 1 { ", whichever comes first" } else { "" };
    format!("{what}{}{first} ({})", limits.join(" or "), names.join(", "))
}
