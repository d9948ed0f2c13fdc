//! Fetching from segments that were compacted: their offsets have holes, and what was asked for may be in one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use thriftwood_core::event::{Durability, Publisher, Start};
use thriftwood_core::{Bus, Context, Subscription};
use thriftwood_log::store::{Compaction, From, Log, LogOptions};
use thriftwood_log::{Config, Directory};

use crate::served::{again, bus};
use crate::support::{COUNTED, NUMBERS, NumbersEvent, next, subscribe, subscriber};

const STREAM: &str = "v1.{}.Numbers";
const KEYS: i64 = 10;
const EVENTS: i64 = 3_000;

async fn opened(dir: &Path) -> Directory {
    let mut config = Config::default();
    config.log.segment_bytes = 16 * 1024;
    config.open(dir).await.unwrap()
}

/// Publishes these numbers, of `KEYS` keys by turns but every 100th, which has a key of its own.
async fn publish(bus: &Bus, numbers: std::ops::Range<i64>) {
    let publisher = Publisher::new(bus, &NUMBERS, vec!["emea".to_owned()]);
    for number in numbers {
        let context = Context::new().with_durability(Durability::Buffered).with_key(key(number));
        publisher.publish(&context, &COUNTED, &number, NumbersEvent::Counted).await.unwrap();
    }
}

fn key(number: i64) -> String {
    if number % 100 == 0 { format!("once {number}") } else { format!("key {}", number % KEYS) }
}

/// Compacts the stream, which nobody has open. What is left: offsets, and when each was stored.
async fn compact(dir: &Path) -> Vec<(u64, SystemTime)> {
    let log = Log::open(dir.join("streams").join(STREAM), LogOptions::default()).unwrap();
    let done = log.compact(Compaction::default()).await.unwrap();
    assert!(done.records > 1_000 && done.segments > 3, "{done:?}");
    let mut reader = log.reader(From::First).unwrap();
    let mut left = Vec::new();
    while let Some(record) = reader.next_ready().unwrap() {
        left.push((record.offset(), record.time()));
    }
    log.close().await.unwrap();
    left
}

/// Every event up to the last one that was published: offsets and numbers. They are the same here.
async fn all(events: &mut Subscription<i64>) -> Vec<u64> {
    let mut offsets = Vec::new();
    while offsets.last() != Some(&(EVENTS as u64 - 1)) {
        let event = next(events).await;
        assert_eq!(event.offset(), Some(*event as u64), "an event has kept its offset");
        offsets.push(*event as u64);
        event.ack().await.unwrap();
    }
    offsets
}

#[tokio::test]
async fn what_is_left_of_compacted_segments_is_fetched_from_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let directory = opened(folder.path()).await;
    publish(&directory.bus(), 0..EVENTS).await;
    directory.bus().close().await.unwrap();
    let left = compact(folder.path()).await;
    let (_directory, serving) = again(folder.path(), "127.0.0.1:0").await;
    let bus = bus(serving.local_addr().unwrap()).await;
    let offsets = |from: usize| left[from..].iter().map(|(offset, _)| *offset).collect::<Vec<_>>();
    let at = |start| subscriber(&bus, "emea").start(start);

    let seen = all(&mut subscribe(&at(Start::First)).await).await;
    assert_eq!(seen, offsets(0));
    let mut last = BTreeMap::new();
    for offset in seen {
        last.insert(key(offset as i64), offset as i64);
    }
    let published = (0..EVENTS).map(|number| (key(number), number)).collect::<BTreeMap<_, _>>();
    assert_eq!(last, published, "the last event of each key is there");

    // In a hole within a segment, in one over the edge of segments, at what is left, and at both ends.
    let holes = left.windows(2).enumerate().filter(|(_, pair)| pair[1].0 - pair[0].0 > 50);
    let holes: Vec<(usize, u64)> = holes.map(|(place, pair)| (place + 1, pair[0].0 + 1)).step_by(4).collect();
    assert!(holes.len() > 5, "{holes:?}");
    let mut places = vec![(0, 0), (1, left[1].0), (left.len() - 1, EVENTS as u64 - 1)];
    places.extend(holes.iter().copied());
    places.extend(holes.iter().map(|(place, _)| (*place, left[*place].0 - 1)));
    for (place, offset) in places {
        let mut events = subscribe(&at(Start::Offset(offset))).await;
        assert_eq!(all(&mut events).await, offsets(place), "from offset {offset}");
        let mut group = subscribe(&at(Start::Offset(offset)).group(format!("from {offset}"))).await;
        assert_eq!(all(&mut group).await, offsets(place), "a group from offset {offset}");
    }
    for place in [1, left.len() / 2, left.len() - 1] {
        let time = left[place].1;
        let first = left.iter().position(|(_, stored)| *stored >= time).unwrap();
        assert_eq!(all(&mut subscribe(&at(Start::Time(time))).await).await, offsets(first), "from {time:?}");
    }
}

/// A follower knows a position in a file that is not what it was, a group has acknowledged what is gone and was given what is gone.
#[tokio::test]
async fn whoever_was_in_the_middle_of_what_is_compacted_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = opened(folder.path()).await;
    publish(&directory.bus(), 0..EVENTS).await;
    let serving = directory.serve("log://127.0.0.1:0", thriftwood_log::ServeConfig::default()).await.unwrap();
    let at = serving.local_addr().unwrap().to_owned();
    let bus = bus(&at).await;
    let mut alone = subscribe(&subscriber(&bus, "emea").start(Start::First)).await;
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    // Not at the edge of what is asked for at once.
    for number in 0..1_234 {
        assert_eq!(*next(&mut alone).await, number);
    }
    for number in 0..150 {
        let event = next(&mut group).await;
        assert_eq!(*event, number);
        event.ack().await.unwrap();
    }
    let held = next(&mut group).await;
    serving.stop().await;
    directory.bus().close().await.unwrap();
    let left = compact(folder.path()).await;
    let (_directory, _serving) = again(folder.path(), &at).await;
    let left: Vec<u64> = left.into_iter().map(|(offset, _)| offset).collect();
    assert!(!left.contains(&(*held as u64)), "it is one of those that are gone");
    held.ack().await.unwrap();
    let seen = all(&mut group).await;
    assert_eq!(seen, left.iter().copied().filter(|offset| *offset > 150).collect::<Vec<_>>());
    let seen = all(&mut alone).await;
    // What was fetched before is still given; behind it there is what is left.
    let fetched = seen.iter().position(|offset| left.contains(offset) && !seen.contains(&(offset - 1))).unwrap();
    assert!(seen[..fetched].iter().copied().eq(1_234..1_234 + fetched as u64), "without a gap");
    let behind = seen[fetched];
    assert_eq!(seen[fetched..], left.iter().copied().filter(|offset| *offset >= behind).collect::<Vec<_>>());
}
