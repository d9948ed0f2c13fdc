//! What a process does with a log in ways that a log need not stand: it forks, or has no more files to open.

use std::fs::File;
use std::path::Path;

use fork::{Fork, fork, waitpid};
use rustix::process::{Resource, Rlimit, setrlimit};
use thriftwood_log::store::{Batch, Durability, Entry, From, Log, LogOptions, StoreError};

use crate::tell;

/// Files that the process may have open; a runtime and a log take some twenty.
const FILES: u64 = 64;
/// So small that every few records need a new segment.
const SEGMENT: u64 = 2_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Appends, forks, and has the fork try to; each tells what came of it.
pub(crate) fn forked(dir: &Path) -> Result<(), Failure> {
    let log = open(dir)?;
    append(&log, "before")?;
    match fork()? {
        Fork::Child => {
            let here = std::process::id();
            tell(&format!("child {}", outcome(append(&log, "child"), here)))?;
            tell(&format!("close {}", outcome(log.close_blocking(), here)))?;
            drop(log);
            tell(&format!("open {}", outcome(open(dir).map(drop), here)))?;
            std::process::exit(0);
        }
        Fork::Parent(child) => {
            waitpid(child)?;
        }
    }
    append(&log, "after")?;
    log.close_blocking()?;
    tell("closed")?;
    Ok(())
}

/// Opens files until there are none, appends until that fails, and goes on when there are some again.
pub(crate) fn few_files(dir: &Path) -> Result<(), Failure> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) })?;
    let log = open(dir)?;
    let mut appended: usize = 0;
    append(&log, &value(appended))?;
    appended += 1;
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    let refused = loop {
        match append(&log, &value(appended)) {
            Ok(()) => appended += 1,
            Err(error) => break error,
        }
    };
    tell(&format!("refused {} {refused}", refused.is_out_of_files()))?;
    let unread = log.reader(From::First).and_then(|mut reader| reader.next_ready());
    tell(&format!("unread {}", unread.err().is_some_and(|error| error.is_out_of_files())))?;
    drop(taken);
    for _ in 0..50 {
        append(&log, &value(appended))?;
        appended += 1;
    }
    let mut reader = log.reader(From::First)?;
    for number in 0..appended {
        let record = reader.next_ready()?.ok_or("a record is missing")?;
        assert_eq!(record.value()[..], *value(number).as_bytes(), "record {number}");
    }
    log.close_blocking()?;
    tell("closed")?;
    Ok(())
}

fn value(number: usize) -> String {
    format!("{number} {}", "x".repeat(100))
}

fn open(dir: &Path) -> Result<Log, StoreError> {
    let mut options = LogOptions::default();
    options.segment_bytes = SEGMENT;
    Log::open(dir, options)
}

fn append(log: &Log, value: &str) -> Result<(), StoreError> {
    log.append_blocking(Batch::of(&[Entry::of(value.as_bytes())])?, Durability::Durable).map(drop)
}

/// What came of it, in a word; the owner's id when it is held by another process than this one.
fn outcome(result: Result<(), StoreError>, here: u32) -> String {
    match result {
        Ok(()) => "succeeded".to_owned(),
        Err(StoreError::Locked { pid: Some(pid), .. }) if pid != here => format!("refused for {pid}"),
        Err(error) => format!("failed: {error}"),
    }
}
