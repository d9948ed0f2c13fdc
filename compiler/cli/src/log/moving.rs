//! `thriftwood log trim`, `compact`, `export` and `import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::Value;
use thriftwood_log::store::{Batch, Compaction, Durability, Entry, Log, LogOptions, Retention, StoreError};

use super::bar::Bar;
use super::decode::{self, Events};
use super::show::{Filter, json};
use super::when::Where;
use super::{Outcome, bridge, find, when};

/// Records that are appended together, at most, and bytes of them.
const TOGETHER: usize = 1000;
const TOGETHER_BYTES: usize = 1024 * 1024;

#[derive(Args)]
#[command(group(ArgGroup::new("limit").required(true).multiple(true)))]
pub(super) struct Trim {
    /// The directory of the log. Nobody may have it open.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Remove segments that lie wholly before this offset.
    #[arg(long, value_name = "OFFSET", group = "limit")]
    before: Option<u64>,
    /// Remove segments whose last record is older than this, such as 7d.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration, group = "limit")]
    keep_age: Option<Duration>,
    /// Keep so many bytes of segments.
    #[arg(long, value_name = "BYTES", group = "limit")]
    keep_bytes: Option<u64>,
    /// Keep so many records.
    #[arg(long, value_name = "N", group = "limit")]
    keep_records: Option<u64>,
}

#[derive(Args)]
pub(super) struct Compact {
    /// The directory of the log. Nobody may have it open.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Keep records that delete their key, by an empty value, for so long.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration, default_value = "1d")]
    keep_deletions: Duration,
}

#[derive(Args)]
pub(super) struct Export {
    /// The directory of the log.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The file; standard output when not given.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// `first`, an offset, a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h.
    #[arg(long, value_name = "WHERE", default_value = "first")]
    from: Where,
    /// Nothing from here on: an offset, a time, or how long ago.
    #[arg(long, value_name = "WHERE")]
    until: Option<Where>,
    /// Only events of this topic; `*` stands for any one part of it, and a last `>` for the rest.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Instead of writing a file, publish the events at this URL, each frame as it is: `nats://127.0.0.1:4222`, `jetstream://`, `log:OTHER`.
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    to: Option<String>,
}

#[derive(Args)]
pub(super) struct Import {
    /// The directory of the log, which is made if it is not there. Nobody may have it open.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The file; standard input when not given.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) fn trim(trim: &Trim) -> Outcome {
    let dir = find::log(&trim.dir)?;
    let mut options = LogOptions::default();
    let mut limits = Retention::default();
    (limits.age, limits.bytes, limits.records) = (trim.keep_age, trim.keep_bytes, trim.keep_records);
    options.retention = limits;
    let log = Log::open(&dir, options)?;
    let before = log.first_offset();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(offset) = trim.before {
            log.trim(offset).await?;
        }
        log.tidy().await
    })?;
    let (first, next) = (log.first_offset(), log.next_offset());
    log.close_blocking()?;
    writeln!(stdout(), "{}: removed {} records, {} are left", dir.display(), first - before, next - first)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn compact(compact: &Compact) -> Outcome {
    let dir = find::log(&compact.dir)?;
    let log = Log::open(&dir, LogOptions::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bar = Bar::endless(format!("compacting {}", dir.display()));
    let done = runtime.block_on(log.compact(Compaction::default().tombstones(compact.keep_deletions)))?;
    log.close_blocking()?;
    drop(bar);
    let (records, bytes) = (done.records, when::bytes(done.bytes));
    writeln!(stdout(), "{}: removed {records} records, {bytes} were freed", dir.display())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn export(export: &Export) -> Outcome {
    let filter = Filter { topic: export.topic.clone(), until: export.until.map(|until| until.0), ..Filter::default() };
    if let Some(url) = &export.to {
        return bridge::to(url, &export.dir, export.from.0, &filter);
    }
    let view = find::view(&find::log(&export.dir)?)?;
    let mut reader = view.reader(export.from.0)?;
    let first = reader.offset();
    let bar = Bar::records("exporting", view.next_offset().saturating_sub(first));
    let mut out: Box<dyn Write> = match &export.file {
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|error| named(path, &error))?)),
        None => Box::new(stdout().lock()),
    };
    let (plain, mut code) = (Events::default(), ExitCode::SUCCESS);
    loop {
        match reader.next_ready() {
            Ok(None) => break,
            Ok(Some(record)) if filter.is_behind(&record) => break,
            Ok(Some(record)) => {
                if filter.takes(&record) {
                    writeln!(out, "{}", json(&record, &plain))?;
                }
                bar.set(record.offset() + 1 - first);
            }
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Unsupported { .. })) => {
                eprintln!("error: {error}");
                code = ExitCode::FAILURE;
            }
            Err(error) => return Err(error.into()),
        }
    }
    out.flush()?;
    Ok(code)
}

pub(super) fn import(import: &Import) -> Outcome {
    let input: Box<dyn BufRead> = match &import.file {
        Some(path) => Box::new(BufReader::new(File::open(path).map_err(|error| named(path, &error))?)),
        None => Box::new(io::stdin().lock()),
    };
    let all = import.file.as_ref().and_then(|path| std::fs::metadata(path).ok()).map(|file| file.len());
    let bar = all.map_or_else(|| Bar::endless("importing"), |all| Bar::bytes("importing", all));
    let (mut target, mut records, mut size) = (Target { dir: &import.dir, opened: None }, Vec::new(), 0);
    for (number, line) in (1..).zip(input.lines()) {
        let line = line?;
        let Some(record) = Owned::read(&line) else {
            let (_, stored) = target.close()?;
            return Err(format!("line {number} is no record; {stored} records before it were stored").into());
        };
        size += line.len();
        bar.add(line.len() as u64 + 1);
        records.push(record);
        if records.len() >= TOGETHER || size >= TOGETHER_BYTES {
            target.store(&records)?;
            records.clear();
            size = 0;
        }
    }
    target.store(&records)?;
    let (first, stored) = target.close()?;
    drop(bar);
    writeln!(stdout(), "{}: {stored} records from offset {first} on", import.dir.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Where records go: a log that is opened, or made, when the first of them are there.
struct Target<'a> {
    dir: &'a Path,
    /// With the offset of the first record.
    opened: Option<(Log, u64)>,
}

impl Target<'_> {
    fn store(&mut self, records: &[Owned]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        if self.opened.is_none() {
            let log = Log::open(self.dir, LogOptions::default())?;
            let first = log.next_offset();
            self.opened = Some((log, first));
        }
        match &self.opened {
            Some((log, _)) => store(log, records),
            None => Ok(()),
        }
    }

    /// The offset of the first record, and how many there are.
    fn close(self) -> Result<(u64, u64), StoreError> {
        let Some((log, first)) = self.opened else { return Ok((0, 0)) };
        let stored = log.next_offset() - first;
        log.close_blocking()?;
        Ok((first, stored))
    }
}

/// A record of a line.
struct Owned {
    key: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    value: Vec<u8>,
}

impl Owned {
    fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let key = match line.get("key") {
            Some(key) => Some(decode::from_plain(key)?),
            None => None,
        };
        let headers = match line.get("headers") {
            Some(headers) => {
                let pairs = headers.as_object()?.iter();
                pairs.map(|(name, value)| Some((name.clone(), decode::from_plain(value)?))).collect::<Option<_>>()?
            }
            None => Vec::new(),
        };
        Some(Self { key, headers, value: decode::from_plain(line.get("value")?)? })
    }
}

fn store<'r>(log: &Log, records: &'r [Owned]) -> Result<(), StoreError> {
    let pairs = |record: &'r Owned| record.headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let headers: Vec<Vec<(&'r str, &'r [u8])>> = records.iter().map(pairs).collect();
    let entries: Vec<Entry<'_>> = records
        .iter()
        .zip(&headers)
        .map(|(record, headers)| Entry { key: record.key.as_deref(), headers, value: &record.value })
        .collect();
    log.append_blocking(Batch::of(&entries)?, Durability::Durable).map(drop)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
