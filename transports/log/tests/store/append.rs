//! Appending, reading and reopening, on the disk of this machine and on a simulated one.

use std::fs::File;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Durability, Entry, From, Log, LogOptions, StoreError, StoreErrorKind};

use crate::support::{append, append_with, open, read, read_from};

#[test]
fn what_was_appended_is_read_and_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        let log = Log::open(folder.path(), LogOptions::default()).unwrap();
        assert_eq!(read(&log).records, expected, "round {round}");
        for size in [0, 1, 100, 5_000, 300_000] {
            let value = vec![round; size];
            let offset = append(&log, &value).unwrap();
            expected.push((offset, value));
        }
        assert_eq!(read(&log).records, expected);
    }
    assert!(expected.iter().map(|(offset, _)| *offset).eq(0..15), "offsets have no gaps");
}

#[test]
fn a_batch_keeps_its_records_together_and_in_order() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    let values: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; usize::from(n)]).collect();
    let entries: Vec<Entry<'_>> = values.iter().map(|value| Entry::of(value)).collect();
    let appended = log.append_blocking(Batch::of(&entries).unwrap(), Durability::Durable).unwrap();
    assert_eq!((appended.first, appended.count), (0, 100));
    let mut reader = log.reader(From::Offset(37)).unwrap();
    for n in 37..100_u8 {
        let record = reader.next_ready().unwrap().unwrap();
        assert_eq!((record.offset(), &record.value()[..]), (u64::from(n), &values[usize::from(n)][..]));
        assert_eq!(record.header("n"), None);
    }
    assert!(reader.next_ready().unwrap().is_none());
    assert_eq!(Batch::of(&[]).unwrap_err().kind(), StoreErrorKind::TooLarge);
}

#[test]
fn a_log_of_many_segments_is_read_from_any_offset() {
    let disk = SimDisk::new();
    let log = open(&disk, 2_000).unwrap();
    for n in 0..200_u32 {
        append_with(&log, &n.to_le_bytes().repeat(25), Durability::Buffered).unwrap();
    }
    let segments =
        disk.image().files().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "log")).count();
    assert!(segments > 5, "{segments} segments");
    for reopened in [false, true] {
        let log = if reopened {
            log.close_blocking().unwrap();
            open(&disk, 2_000).unwrap()
        } else {
            log.clone()
        };
        for from in 0..=200 {
            let records = read_from(&log, From::Offset(from)).records;
            assert!(records.iter().map(|(offset, _)| *offset).eq(from..200), "from {from}");
        }
    }
}

#[test]
fn a_reader_starts_at_a_time() {
    let disk = SimDisk::new();
    let log = open(&disk, 500).unwrap();
    let mut times = Vec::new();
    for n in 0..30_u8 {
        let batch = Batch::of(&[Entry::of(&[n])]).unwrap();
        times.push(log.append_blocking(batch, Durability::Buffered).unwrap().time());
    }
    assert!(times.is_sorted());
    for time in &times {
        let mut reader = log.reader(From::Time(*time)).unwrap();
        let first = times.iter().position(|other| other == time).unwrap();
        assert_eq!(reader.next_ready().unwrap().unwrap().offset(), first as u64);
    }
    let future = SystemTime::now() + Duration::from_secs(3600);
    assert_eq!(log.reader(From::Time(future)).unwrap().offset(), 30);
    assert_eq!(log.reader(From::Time(SystemTime::UNIX_EPOCH)).unwrap().offset(), 0);
}

#[tokio::test]
async fn a_reader_at_the_end_wakes_when_something_is_appended_and_ends_when_the_log_is_closed() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    let mut reader = log.reader(From::Next).unwrap();
    let following = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(record) = reader.next().await {
            seen.push(record.unwrap().value()[0]);
        }
        seen
    });
    for n in 0..50 {
        let batch = Batch::of(&[Entry::of(&[n])]).unwrap();
        log.append(batch, Durability::Durable).await.unwrap();
    }
    log.close().await.unwrap();
    assert!(following.await.unwrap().into_iter().eq(0..50));
    let batch = Batch::of(&[Entry::default()]).unwrap();
    assert_eq!(log.append(batch, Durability::Durable).await.unwrap_err().kind(), StoreErrorKind::Closed);
    log.close().await.unwrap();
}

#[tokio::test]
async fn concurrent_appends_share_their_syncs() {
    const PRODUCERS: u64 = 64;
    const ROUNDS: u64 = 20;
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    let before = disk.syncs();
    for _ in 0..ROUNDS {
        // While one sync is under way all the others ask for theirs.
        let held = disk.hold_syncs();
        let mut producers = tokio::task::JoinSet::new();
        for _ in 0..PRODUCERS {
            let log = log.clone();
            producers.spawn(async move {
                let batch = Batch::of(&[Entry::of(b"event")]).unwrap();
                log.append(batch, Durability::Durable).await.unwrap();
            });
        }
        // On this one thread each has its turn before this goes on.
        tokio::task::yield_now().await;
        drop(held);
        producers.join_all().await;
    }
    let syncs = disk.syncs() - before;
    assert_eq!(log.next_offset(), PRODUCERS * ROUNDS);
    assert!(syncs <= 2 * ROUNDS, "{syncs} syncs for {} appends", PRODUCERS * ROUNDS);
}

#[test]
fn a_lone_durable_append_is_one_sync_and_a_buffered_one_is_none() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    append(&log, b"opens the first segment").unwrap();
    let syncs_of = |durability| {
        let before = disk.syncs();
        for _ in 0..10 {
            append_with(&log, b"event", durability).unwrap();
        }
        disk.syncs() - before
    };
    // On a machine so busy that 50 ms pass in between, the checkpoint is brought up to date as well: then once more.
    let durable: Vec<u64> = (0..20).map(|_| syncs_of(Durability::Durable)).collect();
    assert!(durable.iter().all(|syncs| *syncs >= 10) && durable.contains(&10), "{durable:?}");
    let buffered: Vec<u64> = (0..20).map(|_| syncs_of(Durability::Buffered)).collect();
    assert!(buffered.contains(&0), "{buffered:?}");
}

#[test]
fn a_lone_tasks_buffered_append_is_done_when_it_is_first_polled_and_a_durable_one_does_not_hold_it_up() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    append(&log, b"opens the first segment").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batch = || Batch::of(&[Entry::of(b"event")]).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut at_once = 0;
    for offset in 1..=100 {
        let mut appending = pin!(log.append(batch(), Durability::Buffered));
        let polled = appending.as_mut().poll(&mut cx);
        at_once += u32::from(polled.is_ready());
        let appended = match polled {
            Poll::Ready(appended) => appended,
            // The log's thread was looking whether there is something to sync.
            Poll::Pending => runtime.block_on(appending),
        };
        assert_eq!(appended.unwrap().first, offset);
    }
    assert!(at_once > 50, "{at_once} of 100");

    let held = disk.hold_syncs();
    let mut appending = pin!(log.append(batch(), Durability::Durable));
    assert!(appending.as_mut().poll(&mut cx).is_pending());
    drop(held);
    runtime.block_on(appending).unwrap();
}

#[test]
fn what_a_task_appends_without_a_pause_is_synced_beside_it() {
    let disk = SimDisk::new();
    // No new segment, which would have the one before synced.
    let log = open(&disk, 1 << 30).unwrap();
    append(&log, b"opens the first segment").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (begun, before) = (Instant::now(), disk.syncs());
    while disk.syncs() == before {
        let batch = Batch::of(&[Entry::of(b"event")]).unwrap();
        runtime.block_on(log.append(batch, Durability::Buffered)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "none of {} is synced", log.next_offset());
    }
}

#[test]
fn the_space_behind_a_small_durable_append_was_written_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), LogOptions::default()).unwrap();
    append(&log, b"event").unwrap();
    let segment = File::open(folder.path().join("00000000000000000000.log")).unwrap();
    let size = segment.metadata().unwrap().len();
    // Space that is only set aside counts as a hole, where a file system knows it from what was written.
    let hole = rustix::fs::seek(&segment, rustix::fs::SeekFrom::Hole(0)).unwrap();
    assert!(size >= 64 * 1024 && hole == size, "a hole at {hole} of {size} bytes");
}

#[test]
fn a_second_opener_is_told_who_has_the_log_and_gets_it_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), LogOptions::default()).unwrap();
    let error = Log::open(folder.path(), LogOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Locked);
    assert!(matches!(&error, StoreError::Locked { pid: Some(pid), .. } if *pid == std::process::id()), "{error}");
    assert!(error.to_string().contains("this process"), "{error}");
    let clone = log.clone();
    drop(log);
    assert_eq!(Log::open(folder.path(), LogOptions::default()).unwrap_err().kind(), StoreErrorKind::Locked);
    drop(clone);
    Log::open(folder.path(), LogOptions::default()).unwrap();
}

#[test]
fn whole_segments_before_an_offset_can_be_removed() {
    let disk = SimDisk::new();
    let log = open(&disk, 1_000).unwrap();
    for n in 0..50_u8 {
        append(&log, &[n; 100]).unwrap();
    }
    let mut early = log.reader(From::First).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.trim(30)).unwrap();
    let first = log.first_offset();
    assert!(first > 0 && first <= 30, "{first}");
    assert!(read(&log).records.iter().map(|(offset, _)| *offset).eq(first..50));
    assert_eq!(early.next_ready().unwrap().unwrap().offset(), first);
    runtime.block_on(log.trim(u64::MAX)).unwrap();
    drop(log);
    let log = open(&disk, 1_000).unwrap();
    assert_eq!(append(&log, b"more").unwrap(), 50, "the newest segment stays, and with it the next offset");
}

#[test]
fn a_name_that_no_directory_can_have_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    let error = Log::open(&file, LogOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Io);
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn an_opening_after_a_close_syncs_nothing_but_its_checkpoint() {
    let disk = SimDisk::new();
    for n in 0..5 {
        let before = disk.syncs();
        let log = open(&disk, 300).unwrap();
        // The first one makes the log, and writes both slots.
        assert!(n == 0 || disk.syncs() == before + 1, "{} syncs", disk.syncs() - before);
        append(&log, &[n; 200]).unwrap();
        log.close_blocking().unwrap();
    }
}
