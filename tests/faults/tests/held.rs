//! A directory that another process has: an error that names it, and nothing that outlives it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use thriftwood::ErrorKind;
use thriftwood_faults::Process;
use thriftwood_log::store::{From, Log, LogOptions};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");

#[tokio::test]
async fn a_directory_held_by_another_process_is_refused_by_name_until_that_process_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("log:{}", folder.path().display());
    let mut holder = Process::start(PROGRAM, "hold", folder.path(), &[]).unwrap();
    assert_eq!(holder.line().as_deref(), Some("ready"));
    for _ in 0..3 {
        let error = thriftwood::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let text = error.to_string();
        assert!(
            text.contains(&format!("process {}", holder.id())) && text.contains(folder.path().to_str().unwrap()),
            "{text}"
        );
    }
    holder.kill();
    let bus = thriftwood::connect(&url).await.unwrap();

    let mut second = Process::start(PROGRAM, "hold", folder.path(), &[]).unwrap();
    assert_eq!(second.line(), None, "it is refused in its turn, and ends");
    let complaint = second.complaint();
    assert!(complaint.contains(&format!("is held by process {}", std::process::id())), "{complaint}");
    assert!(complaint.contains("through a log server (`thriftwood log serve`), by log://HOST:PORT"), "{complaint}");
    bus.close().await.unwrap();
}

#[test]
fn a_fork_of_the_process_that_has_a_log_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(PROGRAM, "fork", folder.path(), &[]).unwrap();
    let owner = process.id();
    for asked in ["child", "close", "open"] {
        assert_eq!(process.line(), Some(format!("{asked} refused for {owner}")));
    }
    assert_eq!(process.line().as_deref(), Some("closed"), "{}", process.complaint());
    assert_eq!(values(folder.path()), ["before", "after"]);
}

#[test]
fn a_process_that_can_open_no_more_files_is_told_so_and_goes_on_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(PROGRAM, "few-files", folder.path(), &[]).unwrap();
    let refused = process.line().unwrap_or_default();
    assert!(refused.starts_with("refused true cannot ") && refused.contains("Too many open files"), "{refused}");
    assert_eq!(process.line().as_deref(), Some("unread true"));
    assert_eq!(process.line().as_deref(), Some("closed"), "{}", process.complaint());
    assert!(values(folder.path()).len() > 50);
}

/// What is in the log, which must be whole.
fn values(dir: &Path) -> Vec<String> {
    let log = Log::open(dir, LogOptions::default()).unwrap();
    assert!(log.damage().is_empty());
    let mut reader = log.reader(From::First).unwrap();
    let next = || reader.next_ready().unwrap();
    std::iter::from_fn(next).map(|record| String::from_utf8(record.value().to_vec()).unwrap()).collect()
}
