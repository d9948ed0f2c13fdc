//! Bytes that changed, files that are short or gone: what is left is right, what is lost is named, and nothing panics.

use std::path::PathBuf;
use std::sync::Arc;

use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{From, Log, LogOptions, StoreError};

use crate::support::{Contents, append, dir, open, read, read_from, with};

const RECORDS: u64 = 24;
const SEGMENT: u64 = 700;

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; 40 + n as usize * 3]
}

/// A disk with a small log in several segments: closed, or as its process died.
fn image(closed: bool) -> SimImage {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    for n in 0..RECORDS {
        append(&log, &value(n)).unwrap();
    }
    if closed {
        log.close_blocking().unwrap();
    }
    disk.image().after_kill()
}

fn segments(image: &SimImage) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = image
        .files()
        .map(|(path, _)| path.to_owned())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .collect();
    paths.sort();
    paths
}

fn bytes(image: &SimImage, path: &std::path::Path) -> Vec<u8> {
    image.files().find(|(other, _)| *other == path).unwrap().1.to_vec()
}

/// How many bytes of a file there are before the zeros at its end, and a few of those.
fn written(bytes: &[u8]) -> usize {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.len().min(end + 64)
}

/// Opens it and reads everything: each record is the right one, and records and gaps together leave nothing out up to where
/// the log goes on. Gives what was read and the next offset.
fn survey(image: &SimImage, what: &str) -> (Contents, u64, Log) {
    let disk = SimDisk::from_image(image.clone());
    let log = open(&disk, SEGMENT).unwrap_or_else(|error| panic!("{what}: {error}"));
    let contents = read(&log);
    let mut covered: Vec<(u64, u64)> = contents.gaps.clone();
    for (offset, found) in &contents.records {
        assert_eq!(*found, value(*offset), "{what}: offset {offset}");
        covered.push((*offset, offset + 1));
    }
    covered.sort_unstable();
    let mut next = log.first_offset();
    for (from, to) in covered {
        assert_eq!(from, next, "{what}: neither read nor reported, or twice");
        next = to;
    }
    assert_eq!(next, log.next_offset(), "{what}");
    let appended = append(&log, b"more").unwrap();
    assert_eq!(appended, next, "{what}");
    assert_eq!(read_from(&log, From::Offset(appended)).records, [(appended, b"more".to_vec())], "{what}");
    (contents, next, log)
}

#[test]
fn every_byte_of_a_closed_log_changed_in_turn_loses_at_most_its_batch_and_says_so() {
    let whole = image(true);
    let paths: Vec<PathBuf> = whole.files().map(|(path, _)| path.to_owned()).collect();
    for path in paths {
        let bytes = bytes(&whole, &path);
        // Between the slots of a checkpoint there are 4,032 bytes of nothing; a few of those will do.
        let is_void = |at: usize| bytes[at.saturating_sub(64)..bytes.len().min(at + 64)].iter().all(|byte| *byte == 0);
        for at in (0..bytes.len()).filter(|at| !is_void(*at) || at % 97 == 0) {
            let mut damaged = whole.clone();
            damaged.file_mut(&path).unwrap()[at] ^= 1 << (at % 8);
            let what = format!("{} at {at}", path.display());
            let (contents, next, _) = survey(&damaged, &what);
            assert_eq!(next, RECORDS, "{what}: no offset is given out again");
            let lost: u64 = contents.gaps.iter().map(|(from, to)| to - from).sum();
            let is_segment = path.extension().is_some_and(|ending| ending == "log");
            assert_eq!(lost, u64::from(is_segment), "{what}: {:?}", contents.gaps);
        }
    }
}

#[test]
fn every_byte_of_a_killed_log_changed_in_turn_loses_at_most_its_batch() {
    let whole = image(false);
    for path in segments(&whole) {
        let bytes = bytes(&whole, &path);
        for (at, byte) in bytes.iter().enumerate().take(written(&bytes)) {
            let mut damaged = whole.clone();
            damaged.file_mut(&path).unwrap()[at] = !byte;
            let what = format!("{} at {at}", path.display());
            let (contents, next, _) = survey(&damaged, &what);
            // Only of the very last batch nothing says that it was durable; it looks like one that was cut off.
            assert!(contents.records.len() as u64 >= RECORDS - 1, "{what}: {:?}", contents.gaps);
            assert!(next == RECORDS || (next == RECORDS - 1 && contents.gaps.is_empty()), "{what}");
        }
    }
}

#[test]
fn the_newest_segment_cut_anywhere_loses_what_was_behind_the_cut() {
    for closed in [true, false] {
        let whole = image(closed);
        let newest = segments(&whole).pop().unwrap();
        let before: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        for length in 0..written(&bytes(&whole, &newest)) {
            let mut cut = whole.clone();
            cut.file_mut(&newest).unwrap().truncate(length);
            let what = format!("closed {closed}, cut at {length}");
            let (contents, next, log) = survey(&cut, &what);
            let kept = contents.records.len() as u64;
            assert!(kept >= before, "{what}");
            assert!(contents.records.iter().map(|(offset, _)| *offset).eq(0..kept), "{what}");
            // The checkpoint knows all of a log that was closed, and of one that was killed the first append into each segment.
            let known = if closed { RECORDS } else { before + 1 };
            if kept < known {
                assert_eq!((contents.gaps.as_slice(), next), (&[(kept, known)][..], known), "{what}");
                assert_eq!(log.damage().len(), 1, "{what}");
            } else {
                assert_eq!((next, log.damage().len()), (kept, 0), "{what}: an end that was torn is no damage");
            }
        }
    }
}

#[test]
fn garbage_behind_the_end_is_cut_off_and_zeros_mean_nothing() {
    let whole = image(false);
    let newest = segments(&whole).pop().unwrap();
    for tail in [vec![0; 5000], vec![0xff; 5000], b"GL\x01\x0b and no more".to_vec(), vec![0x47]] {
        let mut longer = whole.clone();
        longer.file_mut(&newest).unwrap().extend_from_slice(&tail);
        let (contents, next, log) = survey(&longer, &format!("{} bytes of {}", tail.len(), tail[0]));
        assert_eq!((contents.records.len() as u64, next, log.damage().len()), (RECORDS, RECORDS, 0));
    }
}

#[test]
fn a_missing_segment_is_a_gap_and_its_offsets_are_not_given_out_again() {
    let whole = image(true);
    let all = segments(&whole);
    assert!(all.len() > 3);
    for gone in 1..all.len() - 1 {
        let mut without = whole.clone();
        without.remove(&all[gone]);
        let (contents, next, _) = survey(&without, &format!("without {}", all[gone].display()));
        let base = |at: usize| {
            all.get(at).map_or(RECORDS, |path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        };
        assert_eq!((contents.gaps, next), (vec![(base(gone), base(gone + 1))], RECORDS));
    }
}

#[test]
fn a_missing_newest_segment_keeps_the_log_closed_until_the_loss_is_accepted() {
    let mut without = image(true);
    let newest = segments(&without).pop().unwrap();
    without.remove(&newest);
    let disk = SimDisk::from_image(without);
    let error = open(&disk, SEGMENT).unwrap_err();
    assert!(matches!(&error, StoreError::TailMissing { path, next: RECORDS } if *path == newest), "{error}");
    let mut options = LogOptions::default();
    (options.accept_loss, options.disk) = (true, Arc::new(disk));
    let log = Log::open(dir(), options).unwrap();
    let base: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(read(&log).gaps, [(base, RECORDS)]);
    assert!(log.damage().iter().map(|range| (range.start, range.end)).eq([(base, RECORDS)]));
    assert_eq!(append(&log, b"more").unwrap(), RECORDS, "no offset is given out again");
}

#[test]
fn a_log_that_lost_all_of_its_segments_says_so_and_gives_no_offset_out_again() {
    let mut without = image(true);
    for path in segments(&without) {
        without.remove(&path);
    }
    let disk = SimDisk::from_image(without);
    assert!(matches!(open(&disk, SEGMENT).unwrap_err(), StoreError::TailMissing { next: RECORDS, .. }));
    let log = Log::open(dir(), with(&disk, |options| options.accept_loss = true)).unwrap();
    assert!(log.damage().iter().map(|range| (range.start, range.end)).eq([(0, RECORDS)]));
    assert_eq!(append(&log, b"more").unwrap(), RECORDS);
}

#[test]
fn a_segment_of_another_log_or_another_place_is_not_read_as_ours() {
    let (ours, theirs) = (image(true), image(true));
    let all = segments(&ours);
    let mut mixed = ours.clone();
    *mixed.file_mut(&all[1]).unwrap() = bytes(&theirs, &all[1]);
    let (contents, ..) = survey(&mixed, "another log's segment");
    assert_eq!(contents.gaps.len(), 1);
    let mut moved = ours.clone();
    *moved.file_mut(&all[1]).unwrap() = bytes(&ours, &all[2]);
    let (contents, ..) = survey(&moved, "a later segment under an earlier name");
    assert_eq!(contents.gaps.len(), 1);
    let mut repeated = ours.clone();
    *repeated.file_mut(&all[2]).unwrap() = bytes(&ours, &all[1]);
    let (contents, ..) = survey(&repeated, "an earlier segment under a later name");
    assert_eq!(contents.gaps.len(), 1);
}

#[test]
fn damage_that_was_found_once_is_found_again_and_no_more_is_lost() {
    let mut damaged = image(true);
    let newest = segments(&damaged).pop().unwrap();
    damaged.file_mut(&newest).unwrap().truncate(10);
    let disk = SimDisk::from_image(damaged);
    let mut expected = None;
    for round in 0..4_u64 {
        let log = open(&disk, SEGMENT).unwrap();
        let contents = read(&log);
        let lost = expected.get_or_insert_with(|| contents.gaps.clone());
        assert_eq!(contents.gaps, *lost, "round {round}");
        assert_eq!(log.next_offset(), RECORDS + round);
        append(&log, b"more").unwrap();
        log.close_blocking().unwrap();
    }
    assert_eq!(expected.unwrap().len(), 1);
    assert!(dir().ends_with("log"));
}
