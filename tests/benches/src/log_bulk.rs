//! The log in bulk: buffered appends against bare writes, reading against bare reads, what opening costs as the log grows, and
//! what a record costs on the disk.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use thriftwood_log::store::{Batch, Durability, Entry, From, Log, LogOptions};
use tokio::runtime::Runtime;

use crate::report::{Better, Row};
use crate::rounds::Rounds;

/// Bytes of a batch, and of one bare write.
const BATCH: usize = 64 * 1024;
/// Bytes that one turn writes. More would measure how the system throttles whoever fills its memory.
const TURN: usize = 96 * 1024 * 1024;
/// Bytes of the log that is read, and of the small and the large log that are opened.
const READ: usize = 192 * 1024 * 1024;
const SHORT: usize = 16 * 1024 * 1024;
const LONG: usize = 320 * 1024 * 1024;

pub fn run(rounds: &Rounds, runtime: &Runtime, folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, size, floor, goal) in
        [("buffered append, 1 KiB", 1024, 0.60, 1.0), ("buffered append, 100 B", 100, 0.45, 0.70)]
    {
        if rounds.wants(name) {
            let compared = rounds.compare(|| appended(runtime, folder, size), || written(folder));
            rows.push(Row::compared(name, "MB/s", Better::Higher, "write(2) of 64 KiB", compared).limits(floor, goal));
        }
    }
    const READING: &str = "read, 1 KiB";
    if rounds.wants(READING) {
        let dir = folder.join("read");
        let log = filled(runtime, &dir, 1024, READ);
        let compared = rounds.compare(|| read(&log), || read_bare(&dir));
        rows.push(Row::compared(READING, "MB/s", Better::Higher, "pread + CRC-32C", compared).limits(0.7, 0.9));
    }
    const OPENING: &str = "open 320 MiB";
    if rounds.wants(OPENING) {
        let (short, long) = (folder.join("short"), folder.join("long"));
        for (dir, bytes) in [(&short, SHORT), (&long, LONG)] {
            drop(filled(runtime, dir, 1024, bytes));
        }
        let compared = rounds.compare(|| opened(&long), || opened(&short));
        rows.push(Row::compared(OPENING, "ms", Better::Lower, "open 16 MiB", compared).limits(2.0, 1.1));
    }
    for (name, size, floor, goal) in
        [("bytes beside a record, 100 B", 100, 4.0, 3.0), ("bytes beside a record, 1 KiB", 1024, 6.0, 5.0)]
    {
        if rounds.wants(name) {
            let beside = bytes_beside(runtime, &folder.join("overhead"), size);
            rows.push(Row::alone(name, "bytes", Better::Lower, beside).limits(floor, goal));
        }
    }
    rows
}

/// Bytes on the disk for each record of this size, without its own.
fn bytes_beside(runtime: &Runtime, dir: &Path, size: usize) -> f64 {
    let log = filled(runtime, dir, size, SHORT);
    let records = log.next_offset() as f64;
    runtime.block_on(log.close()).expect("the log closes");
    let beside = (bytes_below(dir) as f64 - records * size as f64) / records;
    fs::remove_dir_all(dir).expect("the folder is ours");
    beside
}

/// Megabytes per second that a buffered append of batches takes, with their encoding.
fn appended(runtime: &Runtime, folder: &Path, size: usize) -> f64 {
    let dir = folder.join("appended");
    let start = Instant::now();
    let log = filled(runtime, &dir, size, TURN);
    let rate = TURN as f64 / 1e6 / start.elapsed().as_secs_f64();
    runtime.block_on(log.close()).expect("the log closes");
    fs::remove_dir_all(&dir).expect("the folder is ours");
    rate
}

/// A new log with so many bytes of records.
pub fn filled(runtime: &Runtime, dir: &Path, size: usize, bytes: usize) -> Log {
    let log = Log::open(dir, LogOptions::default()).expect("the log opens");
    let record = vec![b'r'; size];
    let entries = vec![Entry { value: &record, ..Entry::default() }; BATCH / size];
    runtime.block_on(async {
        let mut last = None;
        for _ in 0..bytes / (entries.len() * size) {
            let batch = Batch::of(&entries).expect("a small batch");
            last = Some(log.submit(batch, Durability::Buffered).await.expect("the disk has room"));
        }
        last.expect("there was a batch").wait().await.expect("the disk has room");
    });
    log
}

fn written(folder: &Path) -> f64 {
    let path = folder.join("written");
    let piece = vec![b'r'; BATCH];
    let start = Instant::now();
    let mut file = File::create(&path).expect("the file is made");
    for _ in 0..TURN / BATCH {
        file.write_all(&piece).expect("the disk has room");
    }
    let rate = TURN as f64 / 1e6 / start.elapsed().as_secs_f64();
    // As the log is, so that the next turn does not find the disk busier.
    file.sync_data().expect("the disk takes it");
    fs::remove_file(&path).expect("the file is ours");
    rate
}

fn read(log: &Log) -> f64 {
    let mut reader = log.reader(From::First).expect("the log is there");
    let (mut bytes, start) = (0, Instant::now());
    while let Some(record) = reader.next_ready().expect("the log is whole") {
        bytes += record.value().len();
    }
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn read_bare(dir: &Path) -> f64 {
    let mut piece = vec![0; 256 * 1024];
    let (mut bytes, mut crc, start) = (0, 0, Instant::now());
    for path in segments(dir) {
        let file = File::open(path).expect("the segment is there");
        let mut position = 0;
        loop {
            let length = file.read_at(&mut piece, position).expect("the segment can be read");
            if length == 0 {
                break;
            }
            crc = crc32c::crc32c_append(crc, &piece[..length]);
            position += length as u64;
        }
        bytes += position;
    }
    std::hint::black_box(crc);
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Milliseconds to open a log that was closed.
pub fn opened(dir: &Path) -> f64 {
    let start = Instant::now();
    let log = Log::open(dir, LogOptions::default()).expect("the log opens");
    let took = start.elapsed();
    drop(log);
    took.as_secs_f64() * 1e3
}

pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = files(dir).filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    paths.sort();
    paths
}

fn files(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).expect("the folder is there").map(|entry| entry.expect("it can be listed").path())
}

fn bytes_below(dir: &Path) -> u64 {
    files(dir).map(|path| path.metadata().expect("it is there").len()).sum()
}
