//! What flows: large and small records, many readers, one who does not read, damage on the way.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use thriftwood_core::event::Start;
use thriftwood_core::{Bus, ErrorKind};
use thriftwood_log::store::{Batch, Durability, Entry, Log, LogOptions};
use thriftwood_log::{Config, ServeConfig};

use crate::raw::{Raw, fetch};
use crate::served::{Served, again, bus};
use crate::support::{next, publish, soon, subscribe, subscriber};

const STREAM: &str = "v1.{}.Numbers";

/// Publishes so many numbers at once.
async fn publish_all(bus: &Bus, numbers: std::ops::Range<i64>) {
    let all = numbers.map(|number| {
        let bus = bus.clone();
        async move { publish(&bus, "emea", number).await }
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_readers_in_one_process_each_see_every_event() {
    const READERS: usize = 1_000;
    const EVENTS: i64 = 10;
    let served = Served::new().await;
    let bus = served.bus().await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(subscribe(&subscriber(&bus, "emea")).await);
    }
    let reading = readers.into_iter().map(|mut reader| {
        tokio::spawn(async move {
            for number in 0..EVENTS {
                assert_eq!(*next(&mut reader).await, number);
            }
        })
    });
    let reading: Vec<_> = reading.collect();
    let publisher = served.bus().await;
    for number in 0..EVENTS {
        publish(&publisher, "emea", number).await;
    }
    for reader in reading {
        soon("a reader's end", reader).await.unwrap();
    }
}

/// The disk has several segments, and batches of all sizes: some smaller than what is asked for at once, some larger.
#[tokio::test]
async fn what_was_stored_before_comes_whole_over_several_segments() {
    const EVENTS: i64 = 6_000;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.log.segment_bytes = 100_000;
    let directory = config.open(folder.path()).await.unwrap();
    let serving = directory.serve("log://127.0.0.1:0", ServeConfig::default()).await.unwrap();
    let bus = bus(serving.local_addr().unwrap()).await;
    for first in (0..EVENTS).step_by(500) {
        publish_all(&bus, first..first + 500).await;
    }
    let segments = std::fs::read_dir(folder.path().join("streams").join(STREAM)).unwrap();
    let segments = segments.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "log"));
    assert!(segments.count() > 5);
    for (start, first) in [(Start::First, 0), (Start::Offset(3_456), 3_456)] {
        let mut events = subscribe(&subscriber(&bus, "emea").start(start)).await;
        let mut seen = std::collections::BTreeSet::new();
        for offset in first..EVENTS as u64 {
            let event = next(&mut events).await;
            assert_eq!(event.offset(), Some(offset));
            assert!(seen.insert(*event));
        }
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_ended_and_holds_up_nobody() {
    let mut config = ServeConfig::default();
    config.stall = Duration::from_millis(300);
    let served = Served::with(config).await;
    let bus = served.bus().await;
    publish(&bus, "emea", 0).await;
    // More than the buffers of any socket hold.
    let log = Log::open(served.folder.path().join("streams/large"), LogOptions::default()).unwrap();
    for _ in 0..40 {
        log.append(Batch::of(&[Entry::of(&[7; 1_000_000])]).unwrap(), Durability::Buffered).await.unwrap();
    }
    log.close().await.unwrap();
    let mut raw = Raw::greeted(&served.at()).await;
    for id in 1..200 {
        raw.say(&fetch(id, "large", 0, u32::MAX, Duration::ZERO)).await;
    }
    let began = std::time::Instant::now();
    for number in 1..50 {
        publish(&bus, "emea", number).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "others waited for {:?}", began.elapsed());
    // Nothing is read before the server has had its patience.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let sent = raw.up_to_the_end().await.len();
    assert!(sent < 200_000_000, "it was sent {sent} bytes that nobody had room for");
}

#[tokio::test]
async fn damage_is_told_once_and_what_is_around_it_is_read() {
    let served = Served::new().await;
    let at = served.at();
    let bus = served.bus().await;
    for number in 0..100 {
        publish(&bus, "emea", number).await;
    }
    let Served { folder, directory, serving } = served;
    serving.stop().await;
    directory.bus().close().await.unwrap();
    let path = folder.path().join("streams").join(STREAM).join("00000000000000000000.log");
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let (middle, mut byte) = (file.metadata().unwrap().len() / 2, [0]);
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[byte[0] ^ 0x55]).unwrap();
    let (_directory, _serving) = again(folder.path(), &at).await;
    let mut events = subscribe(&subscriber(&bus, "emea").start(Start::First)).await;
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    while seen.last() != Some(&99) {
        match soon("an event", events.next()).await.unwrap() {
            Ok(event) => seen.push(*event),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                told.push(error.to_string());
            }
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(seen.len() == 99 && told[0].contains("cannot be read"), "{} seen, {told:?}", seen.len());
}

/// A bus in the process that serves, and one elsewhere, are at the same logs.
#[tokio::test]
async fn an_embedded_bus_and_a_remote_one_share_streams_and_calls() {
    let served = Served::new().await;
    let (near, far) = (served.directory.bus(), served.bus().await);
    let mut events = subscribe(&subscriber(&far, "emea")).await;
    publish(&near, "emea", 7).await;
    assert_eq!(*next(&mut events).await, 7);
    let (echo, _heard) = crate::support::Echo::new();
    near.serve("echo", echo).await.unwrap();
    let answer = crate::support::call(&far, "echo", "hello", Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.as_deref(), Some("hello"));
}
