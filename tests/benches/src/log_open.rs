//! What it takes to open a log of 10 GiB: one that was closed, and one whose process was killed while it appended.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use thriftwood_log::store::{Batch, Durability, Entry, Log, LogOptions};
use tokio::runtime::Runtime;

use crate::log_bulk::{filled, opened};
use crate::report::{self, Better, Row};
use crate::rounds::Rounds;

const GIB: usize = 1024 * 1024 * 1024;
const SHORT: usize = 100 * 1024 * 1024;
/// Bytes of a record, and records of a batch.
const RECORD: usize = 1024;
const BATCH: usize = 64;
/// Bytes after which whoever appends says so; it is killed the second time.
const TOLD: usize = 32 * 1024 * 1024;

pub fn run(rounds: &Rounds, gibibytes: usize) -> Vec<Row> {
    // Not below /tmp, which may be memory.
    let folder = report::folder().expect("there is a folder for results");
    let folder = tempfile::tempdir_in(folder).expect("a folder for logs");
    let runtime = Runtime::new().expect("a runtime starts");
    let (long, short) = (folder.path().join("long"), folder.path().join("short"));
    for (dir, bytes) in [(&long, gibibytes * GIB), (&short, SHORT)] {
        let log = filled(&runtime, dir, RECORD, bytes);
        runtime.block_on(log.close()).expect("the log closes");
    }
    println!("a log of {gibibytes} GiB in {}", long.display());
    let closed = rounds.compare(|| opened(&long), || opened(&short));
    let killed = rounds.compare(|| killed_and_opened(&long), || killed_and_opened(&short));
    vec![
        Row::alone("open, after it was closed", "ms", Better::Lower, closed.ours).limits(10.0, 1.0),
        Row::compared("the same", "ms", Better::Lower, "open 100 MiB", closed).limits(2.0, 1.1),
        Row::alone("open, after kill -9", "ms", Better::Lower, killed.ours).limits(100.0, 20.0),
        Row::compared("the same, killed", "ms", Better::Lower, "open 100 MiB", killed).limits(2.0, 1.1),
    ]
}

/// Has another process append, kills it in the middle of that, and gives the milliseconds that the next opening takes.
fn killed_and_opened(dir: &Path) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = Command::new(program)
        .arg("--append-to")
        .arg(dir)
        .arg("log-open")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let out = child.stdout.take().expect("its output is a pipe");
    let told = BufReader::new(out).lines().take(2).filter(Result::is_ok).count();
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert_eq!(told, 2, "it ended before it was killed");
    opened(dir)
}

/// The other process: appends until it is killed, and says a line for each so many bytes.
pub fn append(dir: &Path) {
    let log = Log::open(dir, LogOptions::default()).expect("the log opens");
    let entries = [Entry::of(&[b'r'; RECORD]); BATCH];
    let mut out = std::io::stdout();
    for appended in (0..).step_by(RECORD * BATCH) {
        let batch = Batch::of(&entries).expect("a small batch");
        log.append_blocking(batch, Durability::Buffered).expect("the disk has room");
        if appended > 0 && appended % TOLD == 0 && writeln!(out, "{appended}").is_err() {
            return;
        }
    }
}
