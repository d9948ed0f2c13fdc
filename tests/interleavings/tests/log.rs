//! A log that several threads append to, one follows, and one closes: in every order of their steps that was tried, nothing is lost,
//! nobody waits for ever, and what was acknowledged as durable is on the disk.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;
use thriftwood_interleavings::store::disk::SimDisk;
use thriftwood_interleavings::store::{
    Appended, Batch, Compaction, Durability, Entry, From, Log, LogOptions, LogView, StoreError,
};

/// Orders that one run of a test tries; more with `THRIFTWOOD_ORDERS=100000 cargo test -p thriftwood-interleavings`.
const ORDERS: usize = 300;

/// Tries half of the orders step by step at random, and half with few changes of who goes on, at random places: what needs two
/// threads to meet in one place is found by the second kind (Burckhardt and others, 2010).
fn check(test: impl Fn() + Copy + Send + Sync + 'static) {
    let orders = std::env::var("THRIFTWOOD_ORDERS").map_or(ORDERS, |orders| orders.parse().unwrap());
    shuttle::check_random(test, orders / 2);
    shuttle::check_pct(test, orders / 2, 3);
}

fn open(disk: &SimDisk, segment_bytes: u64) -> Log {
    let mut options = LogOptions::default();
    (options.disk, options.segment_bytes) = (Arc::new(disk.clone()), segment_bytes);
    Log::open(Path::new("log"), options).unwrap()
}

fn batch(value: u8) -> Batch {
    Batch::of(&[Entry::of(&[value; 40]).key(&[value % 2])]).unwrap()
}

/// Everything is on the disk that was appended before this, if the power is cut now and takes with it all that it can.
fn assert_durable(disk: &SimDisk, appended: Appended) {
    let after = SimDisk::from_image(disk.image().after_power_cut(|| 0));
    let view = LogView::open(Path::new("log"), Arc::new(after)).unwrap();
    assert!(view.next_offset() > appended.first, "{appended:?} is gone, there is {}", view.next_offset());
}

#[test]
fn whoever_appends_is_answered_and_whoever_follows_sees_it_in_whatever_order_they_go_on() {
    check(|| {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20);
        let mut threads = Vec::new();
        for value in 0..2 {
            let (log, disk) = (log.clone(), disk.clone());
            threads.push(thread::spawn(move || {
                for n in 0..2 {
                    let appended = block_on(log.append(batch(10 * value + n), Durability::Durable)).unwrap();
                    assert_durable(&disk, appended);
                }
            }));
        }
        let task = log.clone();
        threads.push(thread::spawn(move || {
            let first = block_on(task.append(batch(30), Durability::Buffered)).unwrap();
            let second = block_on(task.append(batch(31), Durability::Buffered)).unwrap();
            assert!(first.first < second.first);
        }));
        let (alone, its_disk) = (log.clone(), disk.clone());
        threads.push(thread::spawn(move || {
            let first = alone.append_blocking(batch(20), Durability::Buffered).unwrap();
            let second = alone.append_blocking(batch(21), Durability::Durable).unwrap();
            assert!(first.first < second.first);
            assert_durable(&its_disk, second);
        }));
        let mut reader = log.reader(From::First).unwrap();
        let follower = thread::spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < 8 {
                let record = block_on(reader.next()).unwrap().unwrap();
                assert_eq!(record.offset(), seen.len() as u64);
                seen.push(record.value()[0]);
            }
            (seen, reader)
        });
        // Before anything else happens that might wake it.
        let (mut seen, mut reader) = follower.join().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        log.close_blocking().unwrap();
        assert!(block_on(reader.next()).is_none(), "it was closed");
        for pair in [[0, 1], [10, 11], [20, 21], [30, 31]] {
            let at = |value| seen.iter().position(|seen| *seen == value).unwrap();
            assert!(at(pair[0]) < at(pair[1]), "one producer's are in its order: {seen:?}");
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 10, 11, 20, 21, 30, 31]);
    });
}

#[test]
fn a_log_that_is_closed_while_others_append_tells_each_of_them_and_keeps_what_it_acknowledged() {
    check(|| {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20);
        let threads: Vec<_> = (0..3)
            .map(|value| {
                let log = log.clone();
                thread::spawn(move || match value {
                    0 => log.append_blocking(batch(value), Durability::Buffered),
                    1 => log.append_blocking(batch(value), Durability::Durable),
                    _ => block_on(log.append(batch(value), Durability::Durable)),
                })
            })
            .collect();
        log.close_blocking().unwrap();
        let outcomes: Vec<Result<Appended, StoreError>> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        let refused = |error: &StoreError| matches!(error, StoreError::Closed { .. });
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().err().is_none_or(refused)), "{outcomes:?}");
        let after = SimDisk::from_image(disk.image().after_power_cut(|| 0));
        assert_eq!(LogView::open(Path::new("log"), Arc::new(after)).unwrap().next_offset(), kept, "{outcomes:?}");
    });
}

#[test]
fn what_a_lone_producer_left_unsynced_is_synced_by_the_logs_thread() {
    check(|| {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20);
        let wait_until_synced = |records| {
            // The thread was asleep with nothing to do; if it was not woken, nothing more ever happens.
            let mut rounds = 0;
            while LogView::open(Path::new("log"), Arc::new(SimDisk::from_image(disk.image().after_power_cut(|| 0))))
                .map_or(0, |view| view.next_offset())
                < records
            {
                thread::yield_now();
                rounds += 1;
                assert!(rounds < 2_000, "nobody synced it");
            }
        };
        log.append_blocking(batch(0), Durability::Buffered).unwrap();
        wait_until_synced(1);
        block_on(log.append(batch(1), Durability::Buffered)).unwrap();
        wait_until_synced(2);
        log.close_blocking().unwrap();
    });
}

#[test]
fn a_compaction_beside_appends_and_a_close_ends_and_loses_nothing() {
    check(|| {
        let disk = SimDisk::new();
        let log = open(&disk, 200);
        for value in 0..4 {
            log.append_blocking(batch(value), Durability::Durable).unwrap();
        }
        let compacting = log.clone();
        let compaction = thread::spawn(move || block_on(compacting.compact(Compaction::default())));
        let appending = log.clone();
        let append = thread::spawn(move || appending.append_blocking(batch(5), Durability::Durable));
        let appended = append.join().unwrap().unwrap();
        log.close_blocking().unwrap();
        let outcome = compaction.join().unwrap();
        assert!(matches!(outcome, Ok(_) | Err(StoreError::Closed { .. })), "{outcome:?}");
        let view = LogView::open(Path::new("log"), Arc::new(disk)).unwrap();
        let mut reader = view.reader(From::First).unwrap();
        let mut found = Vec::new();
        while let Some(record) = reader.next_ready().unwrap() {
            found.push(record.offset());
        }
        assert!(found.ends_with(&[appended.first]) && found.contains(&2), "{found:?}");
        assert!(outcome.is_err() || !found.contains(&0), "{found:?}");
    });
}
