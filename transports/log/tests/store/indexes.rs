//! Indexes are caches: missing, damaged or from elsewhere, they are made again, and what they say is checked. And what an
//! opening reads does not grow with the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{Durability, From, Log, SimClock};

use crate::support::{Random, append_with, dir, open, read_from, with};

const RECORDS: u64 = 120;
const SEGMENT: u64 = 30_000;

/// A closed log of several segments, with a few entries in each index.
fn image() -> SimImage {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, RECORDS);
    log.close_blocking().unwrap();
    disk.image()
}

fn fill(log: &Log, records: u64) {
    for n in 0..records {
        append_with(log, &value(n), Durability::Buffered).unwrap();
    }
}

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; 1_000 + n as usize]
}

fn files(image: &SimImage, ending: &str) -> Vec<PathBuf> {
    let all = image.files().map(|(path, _)| path.to_owned());
    all.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

fn assert_reads_from_everywhere(disk: &SimDisk, what: &str) {
    let log = open(disk, SEGMENT).unwrap();
    for from in (0..=RECORDS).step_by(7).chain([RECORDS - 1]) {
        let found = read_from(&log, From::Offset(from));
        let expected: Vec<(u64, Vec<u8>)> = (from..RECORDS).map(|n| (n, value(n))).collect();
        assert!(found.records == expected && found.gaps.is_empty(), "{what}, from {from}: {:?}", found.gaps);
    }
}

#[test]
fn indexes_that_are_missing_are_made_again_and_kept() {
    let mut image = image();
    let indexes = files(&image, "index");
    assert_eq!(indexes.len(), files(&image, "log").len(), "the newest segment has one as well after closing");
    for index in &indexes {
        image.remove(index);
    }
    let disk = SimDisk::from_image(image);
    assert_reads_from_everywhere(&disk, "no index");
    assert!(files(&disk.image(), "index").len() >= indexes.len() - 1);
}

#[test]
fn an_index_cut_or_changed_anywhere_or_from_another_segment_leads_nobody_astray() {
    let whole = image();
    let indexes = files(&whole, "index");
    let bytes = |path: &Path| whole.files().find(|(other, _)| *other == path).unwrap().1.to_vec();
    let (first, second) = (bytes(&indexes[0]), bytes(&indexes[1]));
    let mut others = vec![second.clone(), Vec::new(), vec![0xff; 500], [first.clone(), vec![0]].concat()];
    others.extend((0..first.len()).step_by(5).map(|at| first[..at].to_vec()));
    others.extend((0..first.len()).map(|at| {
        let mut changed = first.clone();
        changed[at] ^= 1 << (at % 8);
        changed
    }));
    for (n, other) in others.into_iter().enumerate() {
        let mut damaged = whole.clone();
        *damaged.file_mut(&indexes[0]).unwrap() = other;
        assert_reads_from_everywhere(&SimDisk::from_image(damaged), &format!("index {n}"));
    }
}

#[test]
fn an_index_whose_checksum_is_right_and_whose_entries_are_not_is_made_again() {
    let whole = image();
    let index = files(&whole, "index").remove(0);
    let good = whole.files().find(|(path, _)| *path == index).unwrap().1.to_vec();
    for (entry, position) in [(1, 1_u32), (1, 5_000_000), (2, 0), (3, 4_242)] {
        let mut bytes = good.clone();
        let at = 64 + entry * 16 + 4;
        bytes[at..at + 4].copy_from_slice(&position.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..60]), &bytes[64..]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        let mut wrong = whole.clone();
        *wrong.file_mut(&index).unwrap() = bytes;
        assert_reads_from_everywhere(&SimDisk::from_image(wrong), &format!("entry {entry} at {position}"));
    }
}

#[test]
fn an_index_without_its_segment_is_swept_away() {
    let mut image = image();
    let logs = files(&image, "log");
    image.remove(&logs[0]);
    let disk = SimDisk::from_image(image);
    drop(open(&disk, SEGMENT).unwrap());
    assert_eq!(files(&disk.image(), "index").len(), logs.len() - 1);
}

#[test]
fn an_opening_reads_as_much_of_a_long_log_as_of_a_short_one() {
    let read_at_opening = |records: u64, closed: bool| {
        let disk = SimDisk::new();
        let log = open(&disk, SEGMENT).unwrap();
        fill(&log, records);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(log.sync()).unwrap();
        let mut image = disk.image().after_kill();
        if closed {
            log.close_blocking().unwrap();
            image = disk.image();
        }
        let disk = SimDisk::from_image(image);
        drop(open(&disk, SEGMENT).unwrap());
        disk.bytes_read()
    };
    let (short, long) = (read_at_opening(20, true), read_at_opening(900, true));
    assert!(short <= 10_000 && long <= 10_000, "{short} and {long} bytes");
    let killed = read_at_opening(900, false);
    assert!(killed < 200_000, "{killed} bytes of 900 kB since the last checkpoint at most");
}

#[test]
fn a_log_is_read_backwards_from_anywhere() {
    let disk = SimDisk::from_image(image());
    let log = open(&disk, SEGMENT).unwrap();
    for before in [0, 1, 2, 29, 30, 31, 77, RECORDS] {
        let mut back = log.backwards(From::Offset(before)).unwrap();
        let found: Vec<u64> = std::iter::from_fn(|| back.next_ready().unwrap())
            .inspect(|record| {
                assert_eq!(record.value()[..], value(record.offset())[..]);
            })
            .map(|record| record.offset())
            .collect();
        assert!(found.into_iter().eq((0..before).rev()), "before {before}");
    }
    let mut last = log.backwards(From::Next).unwrap();
    let read = disk.bytes_read();
    assert_eq!(last.next_ready().unwrap().unwrap().offset(), RECORDS - 1);
    assert!(disk.bytes_read() - read < 10_000, "the last record costs {} bytes", disk.bytes_read() - read);
}

#[test]
fn damage_is_told_backwards_as_it_is_forwards() {
    let whole = image();
    let mut random = Random(7);
    for path in files(&whole, "log") {
        for _ in 0..20 {
            let mut damaged = whole.clone();
            let bytes = damaged.file_mut(&path).unwrap();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 0x10;
            let log = open(&SimDisk::from_image(damaged), SEGMENT).unwrap();
            let forwards = read_from(&log, From::First);
            let mut back = log.backwards(From::Next).unwrap();
            let (mut records, mut gaps) = (Vec::new(), Vec::new());
            loop {
                match back.next_ready() {
                    Ok(Some(record)) => records.push((record.offset(), record.value().to_vec())),
                    Ok(None) => break,
                    Err(thriftwood_log::store::StoreError::Corrupt { from, to, .. }) => gaps.push((from, to)),
                    Err(error) => panic!("{error}"),
                }
            }
            records.reverse();
            assert!(records == forwards.records && gaps == forwards.gaps, "{} at {at}: {gaps:?}", path.display());
        }
    }
}

#[test]
fn a_time_is_found_with_and_without_the_index() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000_000));
    let options = || {
        with(&disk, |options| {
            options.segment_bytes = SEGMENT;
            options.clock = std::sync::Arc::new(clock.clone());
        })
    };
    let log = Log::open(dir(), options()).unwrap();
    let mut times = Vec::new();
    for n in 0..RECORDS {
        clock.advance(Duration::from_secs(n % 3));
        let batch = thriftwood_log::store::Batch::of(&[thriftwood_log::store::Entry::of(&value(n))]);
        times.push(log.append_blocking(batch.unwrap(), Durability::Buffered).unwrap().time());
    }
    log.close_blocking().unwrap();
    for without in [false, true] {
        let mut image = disk.image();
        for index in files(&image, "index").iter().filter(|_| without) {
            image.remove(index);
        }
        let disk = SimDisk::from_image(image);
        let log = open(&disk, SEGMENT).unwrap();
        for time in &times {
            let first = times.iter().position(|other| other == time).unwrap() as u64;
            assert_eq!(log.reader(From::Time(*time)).unwrap().offset(), first, "without index: {without}");
        }
    }
}

#[test]
fn a_log_of_very_many_segments_is_looked_up_anywhere_and_keeps_few_indexes_in_memory() {
    let disk = SimDisk::new();
    let log = open(&disk, 2_500).unwrap();
    fill(&log, 100);
    // Each lookup needs the index of its segment: those that were let go of are read again.
    for round in 0..3 {
        for from in (0..100).rev() {
            let mut reader = log.reader(From::Offset(from)).unwrap();
            assert_eq!(reader.next_ready().unwrap().unwrap().offset(), from, "round {round}");
        }
    }
    log.close_blocking().unwrap();
    let log = open(&disk, 2_500).unwrap();
    let from = |from| log.reader(From::Offset(from)).unwrap().next_ready().unwrap().unwrap().offset();
    assert!((0..100).rev().map(from).eq((0..100).rev()));
}
