//! Durable appends: the store against a file and fdatasync, and a typed publish against the store.

use std::fs::{self, File};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate};
use thriftwood_log::store::{Batch, Durability, Entry, Log, LogOptions};
use tokio::runtime::Builder;

use crate::echo::{self, Note, Notes};
use crate::report::{self, Better, Row};
use crate::rounds::{Rounds, per_second};
use crate::{log_bulk, log_peers, log_served};

/// Bytes of a record.
pub const RECORD: usize = 1024;
/// How long one turn appends: ten to a thousand fdatasyncs, as busy as the disk is.
pub const TURN: Duration = Duration::from_millis(100);
/// Turns of each side in a round.
const TURNS: u32 = 9;
/// Bytes set aside for the reference's file; a turn fills less than half of it.
const SET_ASIDE: usize = 64 * 1024 * 1024;

/// `newer_nats` is a nats-server that can sync each message, where the one on the PATH cannot.
pub fn run(rounds: &Rounds, newer_nats: Option<&Path>) -> Vec<Row> {
    let (whole, rounds) = (rounds, rounds.in_slices(TURNS));
    // Not below /tmp, which may be memory, where an fdatasync costs nothing.
    let folder = report::folder().expect("there is a folder for results");
    let folder = tempfile::tempdir_in(folder).expect("a folder for logs");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let log = Log::open(folder.path().join("store"), LogOptions::default()).expect("the log opens");
    let mut plain = Plain::new(folder.path());
    let mut rows = log_bulk::run(whole, &runtime, folder.path());

    let durable = |producers| runtime.block_on(appends_per_second(&log, producers, Durability::Durable));
    let mut row = |name, producers, floor, goal, ours: &dyn Fn() -> f64| {
        let reference = if producers == 1 { "write+fdatasync" } else { "16 per fdatasync" };
        let mut compare = || rounds.compare(ours, || plain.records_per_second(producers));
        rows.extend(rounds.wants(name).then(|| rate(name, reference, compare()).limits(floor, goal)));
    };
    row("durable append, 1 producer", 1, 0.85, 0.95, &|| blocking_appends_per_second(&log));
    row("durable append, 1 producer, a task", 1, 0.85, 0.95, &|| durable(1));
    row("durable append, 16 producers", 16, 0.60, 0.85, &|| durable(16));

    let url = format!("log:{}", folder.path().join("bus").display());
    let bus = runtime.block_on(thriftwood::connect(&url)).expect("the log opens");
    for (producers, name) in [(1, "durable typed publish, 1 publisher"), (16, "durable typed publish, 16 publishers")] {
        let publishes = || runtime.block_on(publishes_per_second(&bus, producers));
        let compare = || rounds.compare(publishes, || durable(producers));
        rows.extend(rounds.wants(name).then(|| rate(name, "the store's append", compare()).limits(0.85, 0.95)));
    }
    runtime.block_on(bus.close()).expect("the log closes");
    rows.extend(log_served::run(whole, &runtime, folder.path()));
    rows.extend(log_peers::run(whole, &runtime, folder.path(), &log, newer_nats));
    rows
}

/// A row about how many records there are in a second.
pub fn rate(name: &'static str, reference: &'static str, compared: crate::rounds::Compared) -> Row {
    Row::compared(name, "records/s", Better::Higher, reference, compared)
}

/// A lone producer as the reference is one: a thread that blocks.
fn blocking_appends_per_second(log: &Log) -> f64 {
    let (mut appended, start) = (0, Instant::now());
    while start.elapsed() < TURN {
        let batch = Batch::of(&[Entry::of(&[b'r'; RECORD])]).expect("a small batch");
        log.append_blocking(batch, Durability::Durable).expect("the disk has room");
        appended += 1;
    }
    per_second(appended, start.elapsed())
}

/// Producers that are tasks.
pub async fn appends_per_second(log: &Log, producers: usize, durability: Durability) -> f64 {
    let log = log.clone();
    producers_per_second(producers, move || {
        let log = log.clone();
        async move {
            let batch = Batch::of(&[Entry { value: &[b'r'; RECORD], ..Entry::default() }]).expect("a small batch");
            log.append(batch, durability).await.expect("the disk has room");
        }
    })
    .await
}

async fn publishes_per_second(bus: &thriftwood::Bus, publishers: usize) -> f64 {
    let publisher = Notes::publisher(bus, "hall");
    let (context, note) = (echo::context(), large_note());
    producers_per_second(publishers, move || {
        let (publisher, context, note) = (publisher.clone(), context.clone(), note.clone());
        async move { publisher.written(&context, &note).await.expect("the disk has room") }
    })
    .await
}

/// A note whose frame is about as large as a record: headers and envelope take some 330 bytes of it.
pub fn large_note() -> Note {
    Note::new(7, 3, "ada@example", "r".repeat(RECORD - 330))
}

/// Repeats `append` in as many tasks as there are producers, each waiting for its own, for as long as a turn.
pub async fn producers_per_second<F>(producers: usize, append: impl Fn() -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let appended = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|_| {
            let (append, appended) = (append.clone(), Arc::clone(&appended));
            tokio::spawn(async move {
                while start.elapsed() < TURN {
                    append().await;
                    appended.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no producer panics");
    }
    per_second(appended.load(Ordering::Relaxed), start.elapsed())
}

/// The reference: a file with its space set aside, as the store does for a segment, and nothing but writes and fdatasyncs.
struct Plain {
    folder: PathBuf,
    file: File,
    /// Bytes of the space that are not written yet. Writing over old bytes would be cheaper than any log can have it.
    left: usize,
}

impl Plain {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: set_aside(folder), left: SET_ASIDE }
    }

    /// Records per second, with one fdatasync for every `together` of them.
    fn records_per_second(&mut self, together: usize) -> f64 {
        // Outside of what is measured: a new file costs the disk more than many writes.
        if self.left < SET_ASIDE / 2 {
            *self = Self::new(&self.folder);
        }
        let records = vec![b'r'; RECORD * together];
        let (mut written, start) = (0, Instant::now());
        while start.elapsed() < TURN && self.left >= records.len() {
            self.file.write_all(&records).expect("the disk has room");
            self.file.sync_data().expect("the disk takes it");
            self.left -= records.len();
            written += together;
        }
        per_second(written, start.elapsed())
    }
}

fn set_aside(folder: &Path) -> File {
    let path = folder.join("plain");
    // Whoever has the old one open keeps it until it is closed.
    let _ = fs::remove_file(&path);
    let file = File::create(path).expect("the file is made");
    fallocate(&file, FallocateFlags::empty(), 0, SET_ASIDE as u64).expect("the disk has room");
    file.sync_all().expect("the file is on disk");
    file
}
