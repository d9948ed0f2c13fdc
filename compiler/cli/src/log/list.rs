//! `thriftwood log ls` and `info`.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use thriftwood_log::Settings;

use super::{Outcome, find, groups, when};

pub(super) fn ls(dir: &Path) -> Outcome {
    let logs = find::logs(dir)?;
    let mut out = stdout().lock();
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
    let mut out = stdout().lock();
    let size = segments.iter().map(|segment| segment.bytes).sum();
    let records = view.next_offset() - view.first_offset();
    writeln!(out, "log       {}", dir.display())?;
    writeln!(out, "id        {:016x}", view.id())?;
    writeln!(out, "offsets   {} to {}, {records} of them", view.first_offset(), view.next_offset())?;
    writeln!(out, "size      {} in {} segments", when::bytes(size), segments.len())?;
    writeln!(out, "last      {}", find::last(&view).map_or("-".to_owned(), when::shown))?;
    if let Some(settings) = find::settings(&dir) {
        for (name, value) in told(&settings) {
            writeln!(out, "{name:<9} {value}")?;
        }
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

/// What a directory was opened with, in words.
pub(super) fn told(settings: &Settings) -> Vec<(&'static str, String)> {
    let retention = settings.retention;
    let mut limits: Vec<String> = [
        retention.age.map(|age| humantime::format_duration(age).to_string()),
        retention.bytes.map(when::bytes),
        retention.records.map(|records| format!("{records} records")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if settings.is_compacted {
        limits.push("the last record of each key".to_owned());
    }
    let kept = if limits.is_empty() { "for ever".to_owned() } else { limits.join(", ") };
    let deadline = settings.deadline.map(|time| format!("after {} it is another's", humantime::format_duration(time)));
    let attempts = settings.max_attempts.map(|most| format!("a dead letter after {most} deliveries"));
    let groups: Vec<String> = deadline.into_iter().chain(attempts).collect();
    let mut told = vec![("kept", kept)];
    if !groups.is_empty() {
        told.push(("in groups", groups.join(", ")));
    }
    told
}
