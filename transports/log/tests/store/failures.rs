//! Every operation of the disk fails in turn: the log says so, and what it had acknowledged is there.

use std::io::ErrorKind;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{From, StoreErrorKind};

use crate::support::{append, open, read, read_from};

const APPENDS: u8 = 20;
const SEGMENT: u64 = 1_000;

/// Works until the failure, after `operations` more or less. Gives the disk and what was acknowledged, in order, with the
/// kinds of failure met.
fn work(operations: u64, failure: ErrorKind, is_short: bool) -> (SimDisk, Vec<u8>, Vec<StoreErrorKind>) {
    let disk = SimDisk::new();
    if is_short {
        disk.fail_short_after(operations, failure);
    } else {
        disk.fail_after(operations, failure);
    }
    let (mut acknowledged, mut failures) = (Vec::new(), Vec::new());
    let log = match open(&disk, SEGMENT) {
        Ok(log) => log,
        Err(error) => return (disk, acknowledged, vec![error.kind()]),
    };
    for n in 0..APPENDS {
        match append(&log, &[n; 150]) {
            Ok(offset) => {
                assert_eq!(offset as usize, acknowledged.len(), "operation {operations}: offsets have no gap");
                acknowledged.push(n);
            }
            Err(error) => failures.push(error.kind()),
        }
    }
    let readable: Vec<u8> = read(&log).records.iter().map(|(_, value)| value[0]).collect();
    assert_eq!(readable, acknowledged, "operation {operations}: a log that failed can still be read");
    (disk, acknowledged, failures)
}

fn assert_reopens(disk: &SimDisk, acknowledged: &[u8], operations: u64) {
    // What a process finds that starts afterwards; nothing fails any more.
    let disk = SimDisk::from_image(disk.image().after_kill());
    let log = open(&disk, SEGMENT).unwrap();
    let found: Vec<u8> = read(&log).records.iter().map(|(_, value)| value[0]).collect();
    assert!(found.starts_with(acknowledged), "operation {operations}: {found:?}, acknowledged were {acknowledged:?}");
    assert!(found.len() <= acknowledged.len() + 1, "operation {operations}: one append was under way");
    assert!(log.damage().is_empty(), "operation {operations}");
    let next = append(&log, b"again").unwrap();
    assert_eq!(read_from(&log, From::Offset(next)).records, [(next, b"again".to_vec())]);
}

#[test]
fn after_an_operation_that_fails_what_was_acknowledged_is_there_and_an_append_fails_for_good_or_not_at_all() {
    let (mut met, mut gone_on) = (0, 0);
    // EIO; what a system call that was interrupted says, should it get through; a full device behind a file system; and each with a
    // write that got half its way.
    let kinds = [ErrorKind::Other, ErrorKind::Interrupted, ErrorKind::TimedOut, ErrorKind::WriteZero];
    for (operations, kind, is_short) in
        (0..90).flat_map(|n| kinds.map(|kind| (n, kind))).flat_map(|(n, kind)| [(n, kind, false), (n, kind, true)])
    {
        let (disk, acknowledged, failures) = work(operations, kind, is_short);
        met += usize::from(!failures.is_empty());
        match failures[..] {
            [] => {}
            [StoreErrorKind::Io] if acknowledged.is_empty() => {}
            // A write: the next append went to a new segment.
            [StoreErrorKind::Io] => {
                gone_on += 1;
                assert_eq!(acknowledged.len(), usize::from(APPENDS) - 1, "operation {operations}");
            }
            // A sync: the first one, and all after it; nothing is tried again.
            _ => {
                let failed = failures.iter().all(|kind| *kind == StoreErrorKind::Failed);
                assert!(failed, "operation {operations}: {failures:?}");
                assert_eq!(acknowledged.len() + failures.len(), usize::from(APPENDS), "operation {operations}");
                assert!(acknowledged.iter().copied().eq(0..acknowledged.len() as u8));
            }
        }
        assert_reopens(&disk, &acknowledged, operations);
    }
    assert!(met > 320 && gone_on > 80, "only {met} failures came through, {gone_on} of them to a write");
}

#[test]
fn a_full_disk_refuses_an_append_keeps_nothing_of_it_and_takes_the_next() {
    let mut refused = 0;
    for (operations, is_short) in (0..90).flat_map(|n| [(n, false), (n, true)]) {
        let (disk, acknowledged, failures) = work(operations, ErrorKind::StorageFull, is_short);
        let only_full = failures.iter().all(|kind| *kind == StoreErrorKind::Full);
        if only_full {
            assert!(failures.len() <= 1, "operation {operations}: the disk was full once");
            refused += failures.len();
        } else {
            // A full disk that only a sync notices is a failed sync.
            assert!(
                failures.iter().all(|kind| *kind == StoreErrorKind::Failed),
                "operation {operations}: {failures:?}"
            );
        }
        assert_reopens(&disk, &acknowledged, operations);
    }
    assert!(refused > 5, "only {refused} appends were refused");
}

#[test]
fn a_failed_sync_is_not_tried_again() {
    let mut found = 0;
    for operations in 10..40 {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20).unwrap();
        append(&log, b"opens the first segment").unwrap();
        disk.fail_after(operations, ErrorKind::Other);
        let failure = std::iter::repeat_with(|| append(&log, b"until it fails")).find_map(Result::err).unwrap();
        if failure.kind() == StoreErrorKind::Io {
            // It was a write.
            continue;
        }
        let syncs = disk.syncs();
        for _ in 0..10 {
            let error = append(&log, b"too late").unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Failed);
            found += usize::from(error.to_string().contains("cannot sync"));
        }
        assert_eq!(log.close_blocking().unwrap_err().kind(), StoreErrorKind::Failed);
        assert_eq!(disk.syncs(), syncs, "nothing more was synced");
    }
    assert!(found > 0, "no failure met a sync");
}
