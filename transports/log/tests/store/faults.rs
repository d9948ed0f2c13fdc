//! The faults of `docs/log-faults.md` that no other test has, and that every row of that page names a test that is there.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{
    Batch, Durability, Entry, From, Group, GroupOptions, Log, LogOptions, SimClock, StoreError, StoreErrorKind,
};

use crate::support::{append, append_with, dir, open, read, read_from, with};

const SEGMENT: u64 = 1_500;

fn filled(records: u64) -> SimDisk {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    for n in 0..records {
        append(&log, &[n as u8; 100]).unwrap();
    }
    disk
}

fn newest(image: &SimImage) -> std::path::PathBuf {
    image
        .files()
        .map(|(path, _)| path.to_owned())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .max()
        .unwrap()
}

#[test]
fn every_fault_of_the_page_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../docs/log-faults.md")).unwrap();
    let mut tests = String::new();
    for folder in [
        "tests/store",
        "src/store",
        "src/store/disk",
        "src/store/group",
        "../../tests/faults/tests",
        "../../tests/house/tests",
    ] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "rs") {
                tests += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    assert!(
        rows.iter().zip(1..).all(|(row, n)| row.starts_with(&format!("| {n} |"))) && rows.len() == 35,
        "{} rows",
        rows.len()
    );
    for row in rows {
        let named: Vec<&str> = row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        let is_there = |name: &&str| tests.contains(&format!("fn {name}("));
        assert!(!named.is_empty() && named.iter().all(is_there), "{row}");
    }
}

#[test]
fn a_kill_between_write_and_sync_loses_nothing_that_was_acknowledged() {
    for records in 0..40 {
        let disk = SimDisk::new();
        let log = open(&disk, SEGMENT).unwrap();
        for n in 0..records {
            let durability = if n % 3 == 0 { Durability::Durable } else { Durability::Buffered };
            append_with(&log, &[n; 100], durability).unwrap();
        }
        let log = open(&SimDisk::from_image(disk.image().after_kill()), SEGMENT).unwrap();
        let found: Vec<u8> = read(&log).records.iter().map(|(_, value)| value[0]).collect();
        assert!(found.into_iter().eq(0..records));
    }
}

#[test]
fn an_island_behind_a_hole_that_was_never_durable_is_discarded_and_does_not_come_back() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    append(&log, &[1; 100]).unwrap();
    let before = disk.image();
    let hole = before.files().find(|(path, _)| *path == newest(&before)).unwrap().1.to_vec();
    let start = hole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for n in [2, 3, 4] {
        append_with(&log, &[n; 100], Durability::Buffered).unwrap();
    }
    let mut image = disk.image().after_kill();
    let path = newest(&image);
    // The page with the second batch never got to the disk, those behind it did.
    image.file_mut(&path).unwrap()[start..start + 100].fill(0);
    let disk = SimDisk::from_image(image);
    let log = open(&disk, 1 << 20).unwrap();
    assert_eq!((log.next_offset(), log.damage().len()), (1, 0));
    append(&log, &[9; 100]).unwrap();
    let log = open(&SimDisk::from_image(disk.image().after_kill()), 1 << 20).unwrap();
    let found: Vec<u8> = read(&log).records.iter().map(|(_, value)| value[0]).collect();
    assert_eq!(found, [1, 9]);
}

#[test]
fn bytes_of_an_earlier_life_behind_the_tail_are_not_read() {
    let disk = filled(8);
    let mut image = disk.image().after_kill();
    let path = newest(&image);
    let bytes = image.file_mut(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // The first batches of the same segment, whole, where the next batch goes.
    let earlier = bytes[..end.min(400)].to_vec();
    bytes.truncate(end);
    bytes.extend_from_slice(&earlier);
    let log = open(&SimDisk::from_image(image), SEGMENT).unwrap();
    assert_eq!((log.next_offset(), log.damage().len()), (8, 0));
    append(&log, &[8; 100]).unwrap();
    assert!(read(&log).records.iter().map(|(_, value)| value[0]).eq(0..9));
}

#[test]
fn a_failed_read_is_an_error_of_that_read_and_the_log_stays_up() {
    let disk = filled(30);
    let log = open(&SimDisk::from_image(disk.image().after_kill()), SEGMENT).unwrap();
    drop(log);
    let mut met = 0;
    for reads in 0..30 {
        let disk = SimDisk::from_image(disk.image().after_kill());
        let log = open(&disk, SEGMENT).unwrap();
        disk.fail_read_after(reads, ErrorKind::Other);
        let mut reader = log.reader(From::First).unwrap();
        let mut found = Vec::new();
        loop {
            match reader.next_ready() {
                Ok(Some(record)) => found.push(record.offset()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
                    met += 1;
                }
            }
        }
        assert!(found.into_iter().eq(0..30), "after {reads} reads: the same was tried again");
        append(&log, b"more").unwrap();
    }
    assert!(met > 2, "{met} failures were met");
}

#[test]
fn nothing_maps_a_file_for_writing() {
    let map = include_str!("../../src/store/disk/map.rs");
    assert!(map.contains("Mmap::map(") && !map.contains("MmapMut") && !map.contains("map_mut"));
}

#[test]
fn a_segment_that_is_cut_from_outside_below_a_reader_is_a_gap_and_no_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LogOptions::default();
    options.segment_bytes = 40_000;
    let log = Log::open(folder.path(), options).unwrap();
    for n in 0..100_u8 {
        append_with(&log, &[n; 1_000], Durability::Buffered).unwrap();
    }
    let mut reader = log.reader(From::First).unwrap();
    assert_eq!(reader.next_ready().unwrap().unwrap().offset(), 0);
    let first = folder.path().join("00000000000000000000.log");
    std::fs::OpenOptions::new().write(true).open(&first).unwrap().set_len(10_000).unwrap();
    let (mut last, mut gaps) = (0, Vec::new());
    loop {
        match reader.next_ready() {
            Ok(Some(record)) => {
                assert_eq!(record.value()[..], [record.offset() as u8; 1_000]);
                last = record.offset();
            }
            Ok(None) => break,
            Err(StoreError::Corrupt { from, to, .. }) => gaps.push((from, to)),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(last == 99 && gaps.len() == 1 && gaps[0].0 == 9, "{last}, {gaps:?}");
}

#[test]
fn a_clock_that_goes_back_an_hour_does_not_take_time_back() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000_000));
    let log = Log::open(dir(), with(&disk, |options| options.clock = Arc::new(clock.clone()))).unwrap();
    let mut times = Vec::new();
    for seconds in [0, 10, -3_600, 5, 4_000] {
        clock.set((1_000_000 + seconds) as u64);
        times.push(log.append_blocking(Batch::of(&[Entry::of(b"x")]).unwrap(), Durability::Durable).unwrap().time());
    }
    assert!(times.is_sorted() && times[1] == times[2] && times[4] > times[3], "{times:?}");
}

#[test]
fn a_copy_of_a_live_directory_opens_as_after_a_crash_and_goes_its_own_way() {
    let disk = filled(20);
    let copy = SimDisk::from_image(disk.image().after_kill());
    let (log, other) =
        (open(&SimDisk::from_image(disk.image().after_kill()), SEGMENT).unwrap(), open(&copy, SEGMENT).unwrap());
    assert_eq!((log.id(), log.next_offset()), (other.id(), other.next_offset()));
    assert_eq!((append(&log, b"here").unwrap(), append(&other, b"there").unwrap()), (20, 20));
    assert_eq!(read_from(&other, From::Offset(20)).records, [(20, b"there".to_vec())]);
}

#[tokio::test]
async fn a_group_whose_notes_are_damaged_anywhere_leaves_nothing_out() {
    let disk = tokio::task::spawn_blocking(|| filled(12)).await.unwrap();
    let log = open(&disk, SEGMENT).unwrap();
    let journal = Path::new("log/group");
    let open_group = |log: &Log, disk: &SimDisk| {
        let (log, mut options) = (log.clone(), GroupOptions::default());
        options.journal = with(disk, |_| {});
        tokio::task::spawn_blocking(move || Group::open(&log, Path::new("log/group"), options))
    };
    let group = open_group(&log, &disk).await.unwrap().unwrap();
    let mut member = group.member();
    for _ in 0..6 {
        let claim = member.next().await.unwrap().unwrap();
        // The fourth stays with whoever has it.
        if claim.record().offset() == 3 { std::mem::forget(claim) } else { claim.ack().await.unwrap() }
    }
    group.close().await.unwrap();
    let image = disk.image().after_kill();
    let files: Vec<_> = image
        .files()
        .filter(|(path, _)| path.parent() == Some(journal))
        .map(|(path, bytes)| (path.to_owned(), bytes.len()))
        .collect();
    for (path, length) in files {
        for at in (0..length.min(600)).step_by(3) {
            let mut damaged = image.clone();
            damaged.file_mut(&path).unwrap()[at] ^= 0x41;
            let disk = SimDisk::from_image(damaged);
            let log = open(&disk, SEGMENT).unwrap();
            let group = open_group(&log, &disk)
                .await
                .unwrap()
                .unwrap_or_else(|error| panic!("{} at {at}: {error}", path.display()));
            let mut member = group.member();
            let mut missing: std::collections::BTreeSet<u64> = [3].into_iter().chain(6..12).collect();
            while !missing.is_empty() {
                let claim = tokio::time::timeout(Duration::from_secs(20), member.next()).await;
                let claim = claim.unwrap_or_else(|_| panic!("{} at {at}: {missing:?} never came", path.display()));
                missing.remove(&claim.unwrap().unwrap().record().offset());
            }
        }
    }
}

#[tokio::test]
async fn a_group_ahead_of_a_log_that_lost_its_end_goes_on_at_the_end() {
    let disk = tokio::task::spawn_blocking(|| filled(12)).await.unwrap();
    let log = open(&disk, SEGMENT).unwrap();
    let open_group = |log: &Log| {
        let (log, mut options) = (log.clone(), GroupOptions::default());
        options.journal = with(&disk, |_| {});
        tokio::task::spawn_blocking(move || Group::open(&log, Path::new("log/group"), options).unwrap())
    };
    let group = open_group(&log).await.unwrap();
    let mut member = group.member();
    for _ in 0..12 {
        member.next().await.unwrap().unwrap().ack().await.unwrap();
    }
    group.close().await.unwrap();
    // A log of the same name with less in it, as an older copy of the directory has.
    let shorter = tokio::task::spawn_blocking(|| filled(5)).await.unwrap();
    let log = open(&SimDisk::from_image(shorter.image().after_kill()), SEGMENT).unwrap();
    let group = open_group(&log).await.unwrap();
    assert_eq!(group.position(), 5);
    log.append(Batch::of(&[Entry::of(b"new")]).unwrap(), Durability::Durable).await.unwrap();
    let mut member = group.member();
    let claim = tokio::time::timeout(Duration::from_secs(20), member.next()).await;
    assert_eq!(claim.unwrap().unwrap().unwrap().record().offset(), 5);
}

#[test]
fn a_disk_that_refuses_while_a_log_is_opened_is_a_clean_error_and_the_next_attempt_succeeds() {
    let whole = filled(20).image().after_kill();
    for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other] {
        let mut met = 0;
        for operations in 0..12 {
            let disk = SimDisk::from_image(whole.clone());
            disk.fail_after(operations, kind);
            if let Err(error) = open(&disk, SEGMENT) {
                assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
                met += 1;
            }
            let disk = SimDisk::from_image(disk.image().after_kill());
            let log = open(&disk, SEGMENT).unwrap();
            assert!(read(&log).records.iter().map(|(offset, _)| *offset).eq(0..20));
        }
        for reads in 0..12 {
            let disk = SimDisk::from_image(whole.clone());
            disk.fail_read_after(reads, kind);
            met += usize::from(open(&disk, SEGMENT).is_err_and(|error| error.kind() == StoreErrorKind::Io));
            assert_eq!(open(&SimDisk::from_image(disk.image().after_kill()), SEGMENT).unwrap().next_offset(), 20);
        }
        assert!(met > 4, "{met} failures were met");
    }
}

#[tokio::test]
async fn a_disk_that_hangs_holds_producers_back_and_no_reader() {
    let disk = SimDisk::new();
    let log = Log::open(dir(), with(&disk, |options| options.queue_bytes = 10_000)).unwrap();
    log.append(Batch::of(&[Entry::of(b"before")]).unwrap(), Durability::Durable).await.unwrap();
    let slow = disk.hold_syncs();
    let mut pending = Vec::new();
    let refused = loop {
        let batch = Batch::of(&[Entry::of(&[7; 1_000])]).unwrap();
        let submitted = log.submit(batch, Durability::Durable);
        match tokio::time::timeout(Duration::from_millis(100), submitted).await {
            Ok(taken) => pending.push(taken.unwrap()),
            Err(_) => break pending.len(),
        }
    };
    // What is being written, and what waits for its turn.
    assert!((9..=40).contains(&refused), "{refused} batches of 1 kB were taken with room for 10 kB");
    let mut reader = log.reader(From::First).unwrap();
    assert_eq!(reader.next_ready().unwrap().unwrap().value()[..], *b"before");
    assert!(reader.next_ready().unwrap().is_none(), "what is not durable is not seen");
    drop(slow);
    for pending in pending {
        pending.wait().await.unwrap();
    }
    assert_eq!(log.next_offset() as usize, refused + 1);
}
