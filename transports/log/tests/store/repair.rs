//! Looking at a log that is open elsewhere, and putting one in order that is damaged.

use std::path::PathBuf;
use std::sync::Arc;

use thriftwood_log::store::disk::{RealDisk, SimDisk, SimImage};
use thriftwood_log::store::{From, Log, LogOptions, LogView, StoreError, repair};

use crate::support::{append, dir, open, read};

const SEGMENT: u64 = 1_000;
const RECORDS: u64 = 40;

fn image() -> SimImage {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    for n in 0..RECORDS {
        append(&log, &[n as u8; 100]).unwrap();
    }
    log.close_blocking().unwrap();
    disk.image()
}

fn files(image: &SimImage, ending: &str) -> Vec<PathBuf> {
    let all = image.files().map(|(path, _)| path.to_owned());
    all.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

fn offsets(view: &LogView) -> Vec<u64> {
    let mut reader = view.reader(From::First).unwrap();
    std::iter::from_fn(|| reader.next_ready().unwrap()).map(|record| record.offset()).collect()
}

#[test]
fn a_log_can_be_looked_at_beside_its_owner_and_nothing_is_changed_by_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LogOptions::default();
    options.segment_bytes = SEGMENT;
    let log = Log::open(folder.path(), options).unwrap();
    for n in 0..RECORDS {
        append(&log, &[n as u8; 100]).unwrap();
    }
    let names = || {
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = names.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect();
        names.sort();
        names
    };
    for index in names().iter().filter(|(name, _)| name.to_str().unwrap().ends_with("index")) {
        std::fs::remove_file(folder.path().join(&index.0)).unwrap();
    }
    let before = names();
    let view = LogView::open(folder.path(), Arc::new(RealDisk)).unwrap();
    assert_eq!((view.id(), view.first_offset(), view.next_offset()), (log.id(), 0, RECORDS));
    assert!(offsets(&view).into_iter().eq(0..RECORDS));
    assert_eq!(view.reader(From::Offset(33)).unwrap().next_ready().unwrap().unwrap().offset(), 33);
    let segments = view.segments().unwrap();
    assert!(segments.len() > 3 && segments.windows(2).all(|pair| pair[0].next == pair[1].base), "{segments:?}");
    let found = view.verify(|_| {}).unwrap();
    assert_eq!((found.records, found.damage.len()), (RECORDS, 0));
    append(&log, b"later").unwrap();
    assert_eq!(view.next_offset(), RECORDS, "it is as it was looked at");
    assert_eq!(LogView::open(folder.path(), Arc::new(RealDisk)).unwrap().next_offset(), RECORDS + 1);
    assert_eq!(names(), before);
}

#[test]
fn damage_that_was_given_up_is_passed_over_and_still_told_to_whoever_looks_for_it() {
    let mut damaged = image();
    let path = files(&damaged, "log").remove(1);
    let base: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    damaged.file_mut(&path).unwrap()[60] ^= 1;
    let disk = SimDisk::from_image(damaged);
    assert_eq!(read(&open(&disk, SEGMENT).unwrap()).gaps, [(base, base + 1)]);
    let done = repair(dir(), Arc::new(disk.clone()), false).unwrap();
    assert!(!done.checkpoint && done.given_up.iter().map(|range| (range.start, range.end)).eq([(base, base + 1)]));
    let found = read(&open(&disk, SEGMENT).unwrap());
    assert!(found.gaps.is_empty());
    assert!(found.records.iter().map(|(offset, _)| *offset).eq((0..RECORDS).filter(|offset| *offset != base)));
    let view = LogView::open(dir(), Arc::new(disk.clone())).unwrap();
    let verified = view.verify(|_| {}).unwrap();
    assert_eq!((verified.damage.len(), &verified.given_up), (1, &verified.damage));
    assert!(repair(dir(), Arc::new(disk), false).unwrap().given_up.is_empty(), "there is nothing more to do");
}

#[test]
fn a_lost_checkpoint_is_made_again_from_what_an_index_tells() {
    let mut lost = image();
    lost.file_mut(&dir().join("checkpoint")).unwrap().fill(0);
    let disk = SimDisk::from_image(lost);
    assert!(matches!(open(&disk, SEGMENT), Err(StoreError::Identity { .. })));
    assert!(repair(dir(), Arc::new(disk.clone()), false).unwrap().checkpoint);
    let log = open(&disk, SEGMENT).unwrap();
    assert!(read(&log).records.iter().map(|(offset, _)| *offset).eq(0..RECORDS));
    assert_eq!(append(&log, b"more").unwrap(), RECORDS);
}

#[test]
fn an_index_of_another_log_does_not_lend_its_id() {
    let mut lost = image();
    lost.remove(&dir().join("checkpoint"));
    let (other, indexes) = (image(), files(&lost, "index"));
    for index in &indexes {
        let bytes = other.files().find(|(path, _)| path == index).unwrap().1.to_vec();
        *lost.file_mut(index).unwrap() = bytes;
    }
    let error = repair(dir(), Arc::new(SimDisk::from_image(lost)), false).unwrap_err();
    assert!(matches!(error, StoreError::Identity { .. }), "{error}");
}

#[test]
fn a_newest_segment_that_is_gone_is_given_up_only_by_whoever_says_so() {
    let mut without = image();
    let newest = files(&without, "log").pop().unwrap();
    without.remove(&newest);
    let disk = SimDisk::from_image(without);
    assert!(matches!(repair(dir(), Arc::new(disk.clone()), false), Err(StoreError::TailMissing { .. })));
    assert_eq!(repair(dir(), Arc::new(disk.clone()), true).unwrap().given_up.len(), 1);
    let log = open(&disk, SEGMENT).unwrap();
    assert_eq!(append(&log, b"more").unwrap(), RECORDS);
    assert!(read(&log).gaps.is_empty());
}
