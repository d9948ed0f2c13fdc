//! A producer that repeats what it is not sure of stores nothing twice, whatever happened in between.

use std::path::PathBuf;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Appended, Batch, Durability, Entry, Log, Producer, StoreError};

use crate::support::{Random, append, dir, open, read};

const SEGMENT: u64 = 2_000;

fn send(log: &Log, id: u64, epoch: u16, sequence: u32, count: u32) -> Result<Appended, StoreError> {
    let value = [sequence as u8; 60];
    let batch = Batch::of(&vec![Entry::of(&value).headers(&[("n", &value[..4])]); count as usize])?;
    log.append_blocking(batch.by(Producer { id, epoch, sequence })?, Durability::Durable)
}

#[test]
fn a_repetition_is_answered_with_the_offsets_of_the_first_time() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    append(&log, b"another's").unwrap();
    let first = send(&log, 7, 0, 0, 3).unwrap();
    append(&log, b"another's").unwrap();
    assert_eq!(send(&log, 7, 0, 0, 3).unwrap(), first);
    assert_eq!(send(&log, 7, 0, 3, 1).unwrap().first, 5);
    assert!(matches!(send(&log, 7, 0, 6, 1), Err(StoreError::Sequence { expected: 4, found: 6, .. })));
    assert!(matches!(send(&log, 7, 0, 0, 1), Err(StoreError::Sequence { expected: 4, found: 0, .. })));
    assert_eq!(send(&log, 8, 0, 0, 1).unwrap().first, 6, "another producer has its own numbers");
    assert_eq!(send(&log, 7, 1, 0, 1).unwrap().first, 7, "a new life");
    assert!(matches!(send(&log, 7, 0, 4, 1), Err(StoreError::Fenced { newer: 1, .. })));
    assert_eq!(log.next_offset(), 8);
}

#[test]
fn repetitions_are_known_after_closing_killing_and_power_cuts() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let mut disk = SimDisk::new();
        let mut log = open(&disk, SEGMENT).unwrap();
        let (mut sequence, mut offsets) = ([0_u32; 3], Vec::new());
        for step in 0..40 {
            let id = random.below(3);
            let count = random.below(3) as u32 + 1;
            let appended = send(&log, id, 0, sequence[id as usize], count).unwrap();
            offsets.push((id, sequence[id as usize], count, appended.first));
            sequence[id as usize] += count;
            match random.below(12) {
                0 => {
                    log.close_blocking().unwrap();
                    log = open(&disk, SEGMENT).unwrap();
                }
                1 => {
                    disk = SimDisk::from_image(disk.image().after_kill());
                    log = open(&disk, SEGMENT).unwrap();
                }
                2 => {
                    disk = SimDisk::from_image(disk.image().after_power_cut(|| random.next()));
                    log = open(&disk, SEGMENT).unwrap();
                }
                3 => {
                    append(&log, &[9; 300]).unwrap();
                }
                _ => {}
            }
            let next = log.next_offset();
            for (id, sequence, count, first) in offsets.iter().rev().take(2) {
                let again = send(&log, *id, 0, *sequence, *count).unwrap();
                assert_eq!(again.first, *first, "seed {seed}, step {step}");
            }
            assert_eq!(log.next_offset(), next, "seed {seed}, step {step}: nothing was stored twice");
        }
    }
}

#[test]
fn what_was_not_durable_is_not_remembered_after_a_power_cut() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let disk = SimDisk::new();
        let log = open(&disk, SEGMENT).unwrap();
        send(&log, 7, 0, 0, 1).unwrap();
        for sequence in 1..20 {
            let batch = Batch::of(&[Entry::of(&[sequence as u8; 60]).headers(&[("n", &[sequence as u8; 4])])]).unwrap();
            let producer = Producer { id: 7, epoch: 0, sequence };
            log.append_blocking(batch.by(producer).unwrap(), Durability::Buffered).unwrap();
        }
        let disk = SimDisk::from_image(disk.image().after_power_cut(|| random.next()));
        let log = open(&disk, SEGMENT).unwrap();
        let kept = log.next_offset() as u32;
        for sequence in kept.saturating_sub(1)..20 {
            send(&log, 7, 0, sequence, 1).unwrap();
        }
        let values: Vec<u8> = read(&log).records.iter().map(|(_, value)| value[0]).collect();
        assert!(values.into_iter().eq(0..20), "seed {seed}: {kept} were kept, and then all are there once");
    }
}

#[test]
fn a_damaged_file_of_producers_is_made_up_for_from_the_log() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    for sequence in 0..30 {
        send(&log, 7, 0, sequence, 1).unwrap();
    }
    log.close_blocking().unwrap();
    let image = disk.image();
    let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("producers");
    let files: Vec<PathBuf> = image.files().map(|(path, _)| path.to_owned()).filter(is_one).collect();
    assert!(!files.is_empty() && files.iter().all(|file| file.parent() == Some(dir())));
    for file in &files {
        let size = image.files().find(|(path, _)| path == file).unwrap().1.len();
        for at in 0..size {
            let mut damaged = image.clone();
            damaged.file_mut(file).unwrap()[at] ^= 0x20;
            let log = open(&SimDisk::from_image(damaged), SEGMENT).unwrap();
            assert_eq!(send(&log, 7, 0, 29, 1).unwrap().first, 29, "{} at {at}", file.display());
            assert!(send(&log, 7, 0, 31, 1).is_err(), "{} at {at}", file.display());
        }
    }
}

#[test]
fn what_could_not_be_written_is_not_remembered() {
    for operations in 0..30 {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20).unwrap();
        send(&log, 7, 0, 0, 1).unwrap();
        disk.fail_after(operations, std::io::ErrorKind::StorageFull);
        let (mut sequence, mut refused) = (1, 0);
        while sequence < 12 {
            match send(&log, 7, 0, sequence, 1) {
                Ok(appended) => {
                    assert_eq!(appended.first, u64::from(sequence), "operation {operations}");
                    sequence += 1;
                }
                Err(StoreError::Full { .. }) => refused += 1,
                // A sync that failed ended the log.
                Err(_) => break,
            }
        }
        assert!(refused <= 1, "operation {operations}");
    }
}
