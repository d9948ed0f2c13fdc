//! kill -9 of a worker in the middle of a stored call: the next one gets it, each attempt counts, and after the last one allowed
//! the call is given up rather than killing worker after worker.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thriftwood::Context;
use thriftwood_conformance::idl::ProbeClient;
use thriftwood_faults::{ATTEMPTS, Process, SERVICE};
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogView};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");

/// How many records of the service's log have this header, seen beside the process that owns it.
fn records_with(dir: &Path, header: &str) -> usize {
    let log = LogView::open(dir.join("calls").join(SERVICE), Arc::new(RealDisk)).unwrap();
    let mut reader = log.reader(From::First).unwrap();
    let records = std::iter::from_fn(|| reader.next_ready().unwrap());
    records.filter(|record| record.header(header).is_some()).count()
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_call_that_outlives_its_workers_is_taken_by_the_next_and_given_up_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let bus = thriftwood::connect(&format!("log:{}", dir.display())).await.unwrap();
    ProbeClient::new(bus.rpc(SERVICE)).note(&Context::new(), "poison".to_owned()).await.unwrap();
    bus.close().await.unwrap();
    for attempt in 1..=ATTEMPTS as usize {
        let mut worker = Process::start(PROGRAM, "hang", dir, &[]).unwrap();
        assert_eq!(worker.line().as_deref(), Some("ready"));
        assert_eq!(worker.line().as_deref(), Some("begun"), "attempt {attempt}");
        // A delivery counts once it is noted, which is not waited for.
        wait_for("the note", || records_with(dir, "begins") == attempt);
        worker.kill();
        assert_eq!(records_with(dir, "answers"), 0);
    }
    let mut worker = Process::start(PROGRAM, "hang", dir, &[]).unwrap();
    assert_eq!(worker.line().as_deref(), Some("ready"));
    wait_for("the end of the call", || records_with(dir, "answers") == 1);
    assert_eq!(worker.kill(), Vec::<String>::new(), "the last worker lives, and does not see it");
}
