//! Logs that earlier versions left, kept as they were: every later build opens them, reads them and goes on in them.

use std::fs;
use std::path::{Path, PathBuf};

use thriftwood_log::store::{Batch, Durability, Entry, From, Group, GroupOptions, Log, LogOptions};

/// Records in the frozen log of version 1, in batches of one to three, by three openings.
const RECORDS: u64 = 45;
/// What its group was handed and gave back; it acknowledged the others below [`READ`].
const GIVEN_BACK: [u64; 2] = [3, 7];
const READ: u64 = 10;

fn frozen(version: &str, end: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version).join(end);
    copy(&from, folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn open(dir: PathBuf) -> Log {
    let mut options = LogOptions::default();
    options.segment_bytes = 2000;
    Log::open(dir, options).unwrap()
}

fn read(log: &Log, from: From) -> Vec<(u64, Vec<u8>)> {
    let mut reader = log.reader(from).unwrap();
    let next = || reader.next_ready().unwrap().map(|record| (record.offset(), record.value().to_vec()));
    std::iter::from_fn(next).collect()
}

fn written(offset: u64) -> (u64, Vec<u8>) {
    (offset, vec![offset as u8; 20 + offset as usize * 3])
}

#[test]
fn a_log_of_version_1_is_read_whole_and_gone_on_with_however_it_ended() {
    for end in ["closed", "killed"] {
        let folder = frozen("v1", end);
        let dir = folder.path().join("log");
        let expected: Vec<(u64, Vec<u8>)> = (0..RECORDS).map(written).collect();
        let log = open(dir.clone());
        assert_eq!((log.damage(), log.next_offset()), (&[][..], RECORDS), "{end}");
        assert_eq!(read(&log, From::First), expected, "{end}");
        for from in 0..=RECORDS {
            assert_eq!(read(&log, From::Offset(from)), expected[from as usize..], "{end}, from {from}");
        }
        let mut reader = log.reader(From::First).unwrap();
        let headers = std::iter::from_fn(|| reader.next_ready().unwrap()).filter(|record| record.header("n").is_some());
        assert_eq!(headers.count(), 22, "{end}: headers of even batches");
        for n in 0..40 {
            let appended =
                log.append_blocking(Batch::of(&[Entry::of(&[n; 300])]).unwrap(), Durability::Durable).unwrap();
            assert_eq!(appended.first, RECORDS + u64::from(n), "{end}");
        }
        log.close_blocking().unwrap();
        let log = open(dir);
        assert_eq!(read(&log, From::First)[..RECORDS as usize], expected, "{end}");
        assert_eq!(log.next_offset(), RECORDS + 40, "{end}");
    }
}

#[tokio::test]
async fn a_group_of_version_1_goes_on_where_it_left_off() {
    let folder = frozen("v1", "closed");
    let dir = folder.path().join("log");
    let log = open(dir.clone());
    let (of, journal) = (log.clone(), dir.join("group"));
    let group = tokio::task::spawn_blocking(move || Group::open(&of, journal, GroupOptions::default()).unwrap());
    let group = group.await.unwrap();
    let mut member = group.member();
    let mut claims = Vec::new();
    for _ in 0..4 {
        let claim = member.next().await.unwrap().unwrap();
        claims.push((claim.record().offset(), claim.attempt()));
        claim.ack().await.unwrap();
    }
    assert_eq!(claims, [(GIVEN_BACK[0], 2), (GIVEN_BACK[1], 2), (READ, 1), (READ + 1, 1)]);
}
