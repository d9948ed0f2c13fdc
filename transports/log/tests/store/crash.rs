//! The power is cut between any two operations of the disk, with everything that disks do to what was not synced.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Durability, Entry, Group, GroupOptions, Log, LogOptions};

use crate::support::{Random, append_with, open, read};

/// Ways in which one moment's unsynced writes are lost.
const FATES: u64 = 5;
/// Images of a crash that one run of the tests looks at; more with `THRIFTWOOD_CRASH_IMAGES=5000000 cargo test --release -p
/// thriftwood-log --test store power_cut`.
const IMAGES: u64 = 20_000;

#[test]
fn whatever_was_acknowledged_as_durable_is_there_after_a_power_cut_at_any_operation() {
    let wanted = std::env::var("THRIFTWOOD_CRASH_IMAGES").map_or(IMAGES, |images| images.parse().unwrap());
    let (seeds, images) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while images.load(Ordering::Relaxed) < wanted {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    images.fetch_add(live_and_crash(seed), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} images of {} lives", images.into_inner(), seeds.into_inner());
}

/// Lives once, and crashes at every operation of that life. Gives the number of images that were looked at.
fn live_and_crash(seed: u64) -> u64 {
    let mut random = Random(seed);
    let disk = SimDisk::new();
    disk.record();
    let log = open(&disk, 1_500).unwrap();
    let mut sent = Vec::new();
    for _ in 0..20 {
        let value = random.bytes(600);
        sent.push(value.clone());
        let durable = random.below(3) > 0;
        append_with(&log, &value, if durable { Durability::Durable } else { Durability::Buffered }).unwrap();
        if durable {
            disk.mark(sent.len() as u64);
        }
    }
    log.close_blocking().unwrap();
    let history = disk.history();
    for (moment, (acknowledged, state)) in history.iter().enumerate() {
        for fate in 0..FATES {
            let mut dice = Random(seed << 32 | (moment as u64) << 8 | fate);
            let disk = SimDisk::from_image(state.after_power_cut(|| dice.next()));
            let what = format!("seed {seed}, moment {moment}, fate {fate}");
            assert_survives(&disk, &sent, *acknowledged as usize, &what);
        }
    }
    history.len() as u64 * FATES
}

/// A first segment whose name was not on the disk, and a second one whose name was: lives 107 and 162 of the test above came to it.
#[test]
fn a_segment_whose_predecessor_lost_its_name_in_a_power_cut_is_no_beginning() {
    let disk = SimDisk::new();
    let log = open(&disk, 300).unwrap();
    let held = disk.hold_syncs();
    for n in 0..2 {
        append_with(&log, &[n; 200], Durability::Buffered).unwrap();
    }
    let mut image = disk.image().after_kill();
    drop(held);
    drop(log);
    image.remove(Path::new("log/00000000000000000000.log"));
    let mut names: Vec<_> = image.files().map(|(path, _)| path.to_owned()).collect();
    names.retain(|path| path.extension().is_some_and(|end| end == "log"));
    assert!(!names.is_empty(), "there are later ones");
    let disk = SimDisk::from_image(image);
    let log = open(&disk, 300).unwrap();
    assert_eq!((log.first_offset(), log.next_offset(), log.damage()), (0, 0, &[][..]));
    assert_eq!(append_with(&log, b"after", Durability::Durable).unwrap(), 0);
    assert_eq!(read(&log).records, [(0, b"after".to_vec())]);
}

#[test]
fn a_power_cut_while_segments_are_removed_leaves_the_end_of_the_log() {
    let mut images = 0;
    for seed in 0..10 {
        let mut random = Random(seed);
        let disk = SimDisk::new();
        let log = open(&disk, 1_000).unwrap();
        for n in 0..40_u64 {
            append_with(&log, &n.to_le_bytes().repeat(20), Durability::Durable).unwrap();
        }
        disk.record();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for before in [10, 11, 20, 35] {
            runtime.block_on(log.trim(before)).unwrap();
        }
        for (moment, (_, state)) in disk.history().iter().enumerate() {
            let disk = SimDisk::from_image(state.after_power_cut(|| random.next()));
            let log = open(&disk, 1_000).unwrap();
            let (first, found) = (log.first_offset(), read(&log));
            let what = format!("seed {seed}, moment {moment}");
            assert!(found.gaps.is_empty() && log.damage().is_empty(), "{what}: {:?}", found.gaps);
            assert!(found.records.iter().map(|(offset, _)| *offset).eq(first..40), "{what}: from {first}");
            images += 1;
        }
    }
    assert!(images > 100, "{images} images");
}

/// Opens it, looks, goes on, and opens it again.
fn assert_survives(disk: &SimDisk, sent: &[Vec<u8>], acknowledged: usize, what: &str) {
    let log = open(disk, 1_500).unwrap_or_else(|error| panic!("{what}: {error}"));
    let contents = read(&log);
    assert_eq!((contents.gaps.as_slice(), log.damage()), (&[][..], &[][..]), "{what}");
    let values: Vec<&Vec<u8>> = contents.records.iter().map(|(_, value)| value).collect();
    assert!(values.len() >= acknowledged, "{what}: {acknowledged} were acknowledged, {} are there", values.len());
    assert!(values.iter().copied().eq(sent.iter().take(values.len())), "{what}: not what was sent");
    let next = append_with(&log, b"after", Durability::Durable).unwrap();
    assert_eq!(next as usize, values.len(), "{what}");
    drop(log);
    let again = read(&open(disk, 1_500).unwrap());
    assert_eq!(again.records.len(), values.len() + 1, "{what}: what was cut off came back");
    assert_eq!(again.records.last(), Some(&(next, b"after".to_vec())), "{what}");
}

#[tokio::test]
async fn what_a_group_acknowledged_does_not_come_again_after_a_power_cut_and_nothing_else_is_left_out() {
    const EVENTS: u64 = 30;
    let disk = SimDisk::new();
    let mut options = LogOptions::default();
    options.disk = std::sync::Arc::new(disk.clone());
    let (dir, journal) = (Path::new("log"), Path::new("log/group"));
    let log = Log::open(dir, options.clone()).unwrap();
    for n in 0..EVENTS as u8 {
        log.append(Batch::of(&[Entry::of(&[n])]).unwrap(), Durability::Durable).await.unwrap();
    }
    disk.record();
    let group = open_group(&log, journal, &options).await;
    let mut member = group.member();
    let mut held = Vec::new();
    let mut acknowledged = Vec::new();
    for _ in 0..EVENTS {
        let claim = member.next().await.unwrap().unwrap();
        let offset = claim.record().offset();
        if offset % 7 == 3 {
            held.push(claim);
        } else {
            claim.ack().await.unwrap();
            acknowledged.push(offset);
            disk.mark(acknowledged.len() as u64);
        }
    }
    for (moment, (marked, state)) in disk.history().iter().enumerate() {
        let mut dice = Random(moment as u64);
        let disk = SimDisk::from_image(state.after_power_cut(|| dice.next()));
        let mut options = LogOptions::default();
        options.disk = std::sync::Arc::new(disk);
        let log = Log::open(dir, options.clone()).unwrap();
        let group = open_group(&log, journal, &options).await;
        let mut member = group.member();
        let safe: BTreeSet<u64> = acknowledged.iter().copied().take(*marked as usize).collect();
        // One more may have been recorded, and not told.
        let recorded: BTreeSet<u64> = acknowledged.iter().copied().take(*marked as usize + 1).collect();
        let mut seen = BTreeSet::new();
        while !(0..EVENTS).all(|offset| seen.contains(&offset) || recorded.contains(&offset)) {
            let claim = tokio::time::timeout(Duration::from_secs(10), member.next()).await;
            let Ok(claim) = claim else { panic!("moment {moment}: only {seen:?} came") };
            seen.insert(claim.unwrap().unwrap().record().offset());
        }
        assert!(seen.is_disjoint(&safe), "moment {moment}: {:?} came again", seen.intersection(&safe));
    }
}

async fn open_group(log: &Log, journal: &Path, options: &LogOptions) -> Group {
    let (log, journal) = (log.clone(), journal.to_owned());
    let mut group = GroupOptions::default();
    group.journal = options.clone();
    tokio::task::spawn_blocking(move || Group::open(&log, journal, group).unwrap()).await.unwrap()
}
