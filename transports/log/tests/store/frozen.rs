//! Logs that earlier versions left, kept as they were: every later build opens them, reads them and goes on in them.

use std::fs;
use std::path::{Path, PathBuf};

use thriftwood_log::store::{
    Batch, Compaction, Durability, Entry, From, Group, GroupOptions, Log, LogOptions, Producer,
};

/// Records in each frozen log, in batches of one to three, by three openings.
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

#[test]
fn a_log_of_version_2_is_read_whole_with_keys_compression_and_producers() {
    for end in ["closed", "killed"] {
        let folder = frozen("v2", end);
        let dir = folder.path().join("log");
        let log = open(dir.clone());
        let expected: Vec<(u64, Vec<u8>)> = (0..RECORDS).map(written).collect();
        assert_eq!((log.damage(), read(&log, From::First)), (&[][..], expected.clone()), "{end}");
        for from in 0..=RECORDS {
            assert_eq!(read(&log, From::Offset(from)), expected[from as usize..], "{end}, from {from}");
        }
        let mut reader = log.reader(From::First).unwrap();
        let keys: Vec<_> = std::iter::from_fn(|| reader.next_ready().unwrap())
            .filter_map(|record| Some((record.key()?.to_vec(), record.offset().to_string().into_bytes())))
            .collect();
        assert!(keys.len() > 10 && keys.iter().all(|(key, offset)| key == offset), "{end}: {keys:?}");
        // Whichever of these its producer had sent is known, and the others are refused.
        let again = |sequence: u32, count: usize| {
            let producer = Producer { id: 77, epoch: 1, sequence };
            let batch = Batch::of(&vec![Entry::of(b"again"); count]).unwrap().by(producer).unwrap();
            log.append_blocking(batch, Durability::Durable).map(|appended| appended.first)
        };
        let known = (40..RECORDS as u32).flat_map(|sequence| (1..=3).map(move |count| (sequence, count)));
        let known: Vec<u64> = known.filter_map(|(sequence, count)| again(sequence, count).ok()).collect();
        assert!(!known.is_empty() && known.iter().all(|first| *first < RECORDS), "{end}: {known:?}");
        assert_eq!(log.next_offset(), RECORDS, "{end}: nothing was stored twice");
        assert_eq!(again(RECORDS as u32, 1).unwrap(), RECORDS, "{end}");
    }
}

#[test]
fn a_compacted_log_of_version_2_is_read_as_it_was_left_and_compacted_further() {
    let folder = frozen("v2", "compacted");
    let dir = folder.path().join("log");
    let log = open(dir.clone());
    // Of seven keys in turn the last each, with a deletion of key 3 behind them, and the one record that has no key.
    let expected: Vec<(u64, Vec<u8>)> =
        [10, 39, 40, 41, 42, 43, 44].map(written).into_iter().chain([(45, vec![])]).collect();
    assert_eq!((log.damage(), read(&log, From::First)), (&[][..], expected.clone()));
    for from in 0..=45 {
        assert_eq!(read(&log, From::Offset(from)), expected[expected.partition_point(|(offset, _)| *offset < from)..]);
    }
    let batch = Batch::of(&[Entry::of(b"newer").key(&[4])]).unwrap();
    assert_eq!(log.append_blocking(batch, Durability::Durable).unwrap().first, 46);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.compact(Compaction::default().tombstones(std::time::Duration::ZERO))).unwrap();
    let left: Vec<u64> = read(&log, From::First).into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(left, [10, 40, 41, 42, 43, 44, 46], "39 has a newer one, and the deletion is old enough");
}

#[tokio::test]
async fn a_group_of_every_version_goes_on_where_it_left_off() {
    for version in ["v1", "v2"] {
        assert_goes_on(version).await;
    }
}

async fn assert_goes_on(version: &str) {
    let folder = frozen(version, "closed");
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
