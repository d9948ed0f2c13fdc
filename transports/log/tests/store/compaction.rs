//! Compaction by key: what is left is what a plain list says, whatever happens while it runs.

use std::io::ErrorKind;
use std::time::Duration;

use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{
    Batch, Compaction, Durability, Entry, From, Group, GroupOptions, Log, SimClock, StoreError,
};

use crate::keyed::{
    DAY, Oracle, Stored, append, assert_is, assert_is_between, batch, compact, filled, open, options, read,
    some_records,
};
use crate::support::{Random, dir, with};

#[test]
fn a_log_that_is_compacted_does_what_a_list_does() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let (mut disk, clock, mut day) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()), 1_000);
        let mut log = open(&disk, &clock).unwrap();
        let mut oracle = Oracle::default();
        for step in 0..60 {
            let what = format!("seed {seed}, step {step}");
            match random.below(12) {
                0..=6 => {
                    let records = some_records(&mut random, day);
                    append(&log, &records, &mut random);
                    oracle.records.extend(records);
                }
                7 | 8 => {
                    compact(&log).unwrap();
                    oracle.compact(day);
                    assert_is(&log, &oracle, &what);
                }
                9 => {
                    clock.advance(DAY);
                    day += 1;
                }
                10 => {
                    log.close_blocking().unwrap();
                    log = open(&disk, &clock).unwrap();
                    assert_is(&log, &oracle, &what);
                }
                _ => {
                    disk = SimDisk::from_image(disk.image().after_kill());
                    log = open(&disk, &clock).unwrap();
                    assert_is(&log, &oracle, &what);
                }
            }
        }
        let days: Vec<u64> = oracle.kept(0).iter().map(|(_, record)| record.day).collect();
        for wanted in 1_000..=day {
            let time = std::time::UNIX_EPOCH + DAY * wanted as u32;
            let at = days.iter().position(|day| *day >= wanted).unwrap_or(days.len());
            let found = read(&log, From::Time(time)).unwrap();
            assert_eq!(found, oracle.kept(0)[at..], "seed {seed}, from day {wanted}");
        }
    }
}

#[test]
fn a_power_cut_at_any_operation_of_a_compaction_leaves_each_segment_as_it_was_or_compacted() {
    let mut images = 0;
    for seed in 0..8 {
        let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
        let (log, oracle) = filled(&disk, &clock, seed);
        log.close_blocking().unwrap();
        let log = open(&disk, &clock).unwrap();
        disk.record();
        let done = compact(&log).unwrap();
        assert!(done.segments >= 3 && done.records > 20, "seed {seed}: {done:?}");
        let mut after = oracle.clone();
        after.compact(1_003);
        for (moment, (_, state)) in disk.history().iter().enumerate() {
            for fate in 0..4 {
                let mut dice = Random(seed << 32 | (moment as u64) << 8 | fate);
                let disk = SimDisk::from_image(state.after_power_cut(|| dice.next()));
                let what = format!("seed {seed}, moment {moment}, fate {fate}");
                let log = open(&disk, &clock).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_is_between(&log, &oracle, &after, &what);
                let left =
                    disk.image().files().any(|(path, _)| path.extension().is_some_and(|end| end == "compacting"));
                assert!(!left, "{what}: an unfinished file is left");
                if fate == 0 {
                    compact(&log).unwrap();
                    assert_is(&log, &after, &format!("{what}, compacted again"));
                }
                images += 1;
            }
        }
    }
    assert!(images > 1_500, "{images} images");
}

#[test]
fn an_operation_that_fails_in_a_compaction_loses_nothing_and_the_next_one_succeeds() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
    let (log, oracle) = filled(&disk, &clock, 5);
    log.close_blocking().unwrap();
    let image = disk.image();
    let mut after = oracle.clone();
    after.compact(1_003);
    let (mut met, mut operations) = (0, 0);
    loop {
        let mut failed = false;
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            let disk = SimDisk::from_image(image.after_kill());
            let log = open(&disk, &clock).unwrap();
            disk.fail_short_after(operations, kind);
            let done = compact(&log);
            let what = format!("operation {operations}, {kind}: {done:?}");
            failed |= done.is_err();
            assert_is_between(&log, &oracle, &after, &what);
            drop(log);
            let log = open(&SimDisk::from_image(disk.image().after_kill()), &clock).unwrap();
            compact(&log).unwrap();
            assert_is(&log, &after, &what);
        }
        met += u64::from(failed);
        operations += 1;
        // A failure of a cache tells nobody, so there may be successes between failures.
        if operations > 400 || (!failed && operations > met + 60) {
            break;
        }
    }
    assert!(met > 30, "only {met} failures came through");
}

#[test]
fn whoever_reads_a_segment_that_is_replaced_goes_on_in_the_old_one() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
    let (log, oracle) = filled(&disk, &clock, 7);
    let mut reader = log.reader(From::First).unwrap();
    let first = reader.next_ready().unwrap().unwrap();
    assert_eq!(first.offset(), 0);
    let done = compact(&log).unwrap();
    assert!(done.bytes > 1_000, "{done:?}");
    let mut after = oracle.clone();
    after.compact(1_003);
    let found: Vec<u64> = std::iter::from_fn(|| reader.next_ready().unwrap()).map(|record| record.offset()).collect();
    // All of the first segment, and of the others what was kept.
    let split = found.iter().zip(1..).take_while(|(offset, n)| *offset == n).count() as u64;
    assert!(split > 3, "{found:?}");
    assert!(found[split as usize..].iter().copied().eq(after.kept(split + 1).into_iter().map(|(offset, _)| offset)));
    assert_is(&log, &after, "whoever comes afterwards");
}

fn bytes(image: &SimImage) -> usize {
    image
        .files()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "log"))
        .map(|(_, bytes)| bytes.len())
        .sum()
}

#[test]
fn a_log_with_the_option_compacts_itself_as_it_grows() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
    let mut options = options(&disk, &clock);
    options.compaction = Some(Compaction::default());
    let log = Log::open(dir(), options.clone()).unwrap();
    let mut random = Random(1);
    let mut oracle = Oracle::default();
    // 400 KB of records of nine keys at least, and as many more as it takes the log to catch up. Something is left of every segment.
    let mut appended = 0;
    for round in 0.. {
        for _ in 0..200 {
            let mut records = some_records(&mut random, 1_000);
            records.iter_mut().for_each(|record| record.key = record.key.or(Some(0)));
            append(&log, &records, &mut random);
            appended += records.iter().map(|record| record.value.len()).sum::<usize>();
            oracle.records.extend(records);
        }
        let left = bytes(&disk.image());
        if round >= 5 && left < appended / 8 {
            break;
        }
        assert!(round < 60, "{left} bytes are left of {appended}");
    }
    let mut after = oracle.clone();
    after.compact(1_000);
    assert_is_between(&log, &oracle, &after, "while it runs");
    log.close_blocking().unwrap();
    let log = Log::open(dir(), options).unwrap();
    compact(&log).unwrap();
    assert_is(&log, &after, "in the end");
}

#[test]
fn a_damaged_segment_is_left_as_it_is_and_what_was_deleted_in_it_stays_deleted() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
    let log = open(&disk, &clock).unwrap();
    let append = |records: &[Stored]| log.append_blocking(batch(records), Durability::Durable).unwrap();
    let stored = |key, value: &[u8]| Stored { key: Some(key), value: value.to_vec(), day: 1_000 };
    // Key 1 in a segment that will be damaged, and its deletion in one that will not.
    append(&[stored(2, &[1; 900]), stored(5, &[2; 900])]);
    append(&[stored(1, &[3; 1_900])]);
    append(&[stored(1, b""), stored(4, &[4; 1_800])]);
    append(&[stored(2, &[5; 900]), stored(4, &[6; 900])]);
    log.close_blocking().unwrap();
    let mut image = disk.image();
    let second = image.files().map(|(path, _)| path.to_owned()).find(|path| path.ends_with("00000000000000000002.log"));
    let damaged = image.file_mut(&second.unwrap()).unwrap();
    damaged[500] ^= 1;
    let before = damaged.clone();
    clock.advance(DAY * 5);
    let disk = SimDisk::from_image(image);
    let log = open(&disk, &clock).unwrap();
    compact(&log).unwrap();
    let mut reader = log.reader(From::First).unwrap();
    let (mut found, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match reader.next_ready() {
            Ok(Some(record)) => found.push(record.offset()),
            Ok(None) => break,
            Err(StoreError::Corrupt { from, to, .. }) => gaps.push((from, to)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((found, gaps), (vec![1, 3, 5, 6], vec![(2, 3)]), "the deletion stays, at 3");
    let image = disk.image();
    let after = image.files().find(|(path, _)| path.ends_with("00000000000000000002.log")).unwrap();
    assert!(after.1 == before, "not a byte of it changed");
}

#[test]
fn more_keys_than_fit_into_memory_take_more_passes() {
    let disk = SimDisk::new();
    let log = Log::open(dir(), with(&disk, |options| options.segment_bytes = 4 << 20)).unwrap();
    let key = |n: u32| {
        let mut key = vec![7; 4096];
        key[..4].copy_from_slice(&n.to_le_bytes());
        key
    };
    // 5,000 keys of 4 KiB, each twice.
    for n in (0..10_000_u32).step_by(100) {
        let keys: Vec<Vec<u8>> = (n..n + 100).map(|n| key(n % 5_000)).collect();
        let entries: Vec<Entry<'_>> = keys.iter().map(|key| Entry::of(b"value").key(key)).collect();
        log.append_blocking(Batch::of(&entries).unwrap(), Durability::Buffered).unwrap();
    }
    let done = compact(&log).unwrap();
    assert_eq!(done.records, 5_000, "{done:?}");
    let mut reader = log.reader(From::First).unwrap();
    for n in 5_000..10_000 {
        let record = reader.next_ready().unwrap().unwrap();
        assert_eq!((record.offset(), record.key().unwrap() == &key(n % 5_000)), (u64::from(n), true));
    }
    assert!(reader.next_ready().unwrap().is_none());
    assert!(log.first_offset() > 0, "segments of which nothing is left are gone");
}

#[test]
fn a_log_that_is_closed_while_it_is_compacted_closes_and_is_whole() {
    let clock = SimClock::at(1_000 * DAY.as_secs());
    for seed in 0..20 {
        let disk = SimDisk::new();
        let (log, oracle) = filled(&disk, &clock, seed);
        let compacting = log.clone();
        let thread = std::thread::spawn(move || compact(&compacting));
        log.close_blocking().unwrap();
        // It was done, or was told that the log is closed; either is an answer.
        let outcome = thread.join().unwrap();
        assert!(matches!(outcome, Ok(_) | Err(StoreError::Closed { .. })), "{outcome:?}");
        let mut after = oracle.clone();
        after.compact(u64::MAX);
        let log = open(&disk, &clock).unwrap();
        assert_is_between(&log, &oracle, &after, &format!("seed {seed}"));
    }
}

#[tokio::test]
async fn a_group_goes_through_a_compacted_log_and_is_at_its_end() {
    let (disk, clock) = (SimDisk::new(), SimClock::at(1_000 * DAY.as_secs()));
    let filling = (disk.clone(), clock.clone());
    let (log, mut oracle) = tokio::task::spawn_blocking(move || filled(&filling.0, &filling.1, 3)).await.unwrap();
    log.compact(Compaction::default()).await.unwrap();
    oracle.compact(1_003);
    let mut group_options = GroupOptions::default();
    group_options.journal = options(&disk, &clock);
    let of_group = log.clone();
    let group = tokio::task::spawn_blocking(move || Group::open(&of_group, "log/group", group_options).unwrap());
    let group = group.await.unwrap();
    let mut member = group.member();
    for (offset, _) in oracle.kept(0) {
        let claim = tokio::time::timeout(Duration::from_secs(20), member.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(claim.record().offset(), offset);
        claim.ack().await.unwrap();
    }
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(member.poll_next(cx).is_pending())).await;
    assert!(polled, "nothing is left");
    assert_eq!(group.lag().outstanding, 0);
}
