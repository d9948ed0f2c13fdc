//! What stays of events: as durable as was asked, with their keys, and no longer than they are to be kept.

use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::event::{Durability, Publisher, Start};
use thriftwood_core::frame::event_key;
use thriftwood_core::{Bus, Context};
use thriftwood_log::Config;
use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{Compaction, From, Log, LogOptions, LogView, SimClock};

use crate::support::{COUNTED, NUMBERS, NumbersEvent, connect, next, publish, soon, subscribe, subscriber};

const STREAM: &str = "data/streams/v1.{}.Numbers";

async fn connect_on(disk: &SimDisk, change: impl FnOnce(&mut Config)) -> Bus {
    let mut config = Config::default();
    config.log.disk = Arc::new(disk.clone());
    change(&mut config);
    config.connect("data").await.unwrap()
}

async fn publish_with(bus: &Bus, ctx: &Context, number: i64) {
    let publisher = Publisher::new(bus, &NUMBERS, vec!["emea".to_owned()]);
    publisher.publish(ctx, &COUNTED, &number, NumbersEvent::Counted).await.unwrap();
}

/// How many events there are on a disk.
fn events_in(image: SimImage) -> u64 {
    let mut options = LogOptions::default();
    options.disk = Arc::new(SimDisk::from_image(image));
    Log::open(STREAM, options).unwrap().next_offset()
}

/// Nothing that was not synced is kept.
fn at_worst() -> u64 {
    0
}

/// With the syncs held back nothing gets to the disk, so what resolves has not waited for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_waits_for_what_its_context_asks_whatever_the_bus_is_set_to() {
    let buffered = Context::new().with_durability(Durability::Buffered);
    let durable = Context::new().with_durability(Durability::Durable);
    for is_set in [thriftwood_log::store::Durability::Durable, thriftwood_log::store::Durability::Buffered] {
        let disk = SimDisk::new();
        let bus = connect_on(&disk, |config| config.durability = is_set).await;
        publish_with(&bus, &durable, 0).await;
        assert_eq!(events_in(disk.image().after_power_cut(at_worst)), 1, "{is_set:?}");
        let held = disk.hold_syncs();
        publish_with(&bus, &buffered, 1).await;
        assert_eq!(events_in(disk.image().after_kill()), 2, "the system has it");
        assert_eq!(events_in(disk.image().after_power_cut(at_worst)), 1, "and the disk has not");
        drop(held);
        publish_with(&bus, &durable, 2).await;
        assert_eq!(events_in(disk.image().after_power_cut(at_worst)), 3);
        bus.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_is_stored_with_the_record_and_is_in_the_frame() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mut events = subscribe(&subscriber(&bus, "emea")).await;
    publish_with(&bus, &Context::new().with_key("B000"), 7).await;
    publish_with(&bus, next(&mut events).await.context(), 8).await;
    assert_eq!(next(&mut events).await.key(), None, "what is published while handling an event has no part in its key");
    bus.close().await.unwrap();
    let log = Log::open(folder.path().join("streams/v1.{}.Numbers"), LogOptions::default()).unwrap();
    let record = log.reader(From::First).unwrap().next_ready().unwrap().unwrap();
    assert_eq!(record.key().unwrap().as_ref(), b"B000");
    assert_eq!(event_key(record.value()), Some(&b"B000"[..]));
}

/// Segments are 64 KiB at the least; an event takes some 150 bytes.
#[tokio::test]
async fn what_exceeds_the_size_goes_and_a_group_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}?keep_bytes=256KiB&durability=buffered", folder.path().display());
    let bus = thriftwood_log::connect_url(&url).await.unwrap();
    let mut slow = subscribe(&subscriber(&bus, "emea").group("slow")).await;
    publish(&bus, "emea", 0).await;
    let held = next(&mut slow).await;
    for number in 1..8_000 {
        publish(&bus, "emea", number).await;
    }
    let mut first = subscribe(&subscriber(&bus, "emea").start(Start::First)).await;
    let kept = next(&mut first).await;
    assert!((4_000..7_900).contains(&*kept), "{} is the first that is kept", *kept);
    let bytes: u64 = std::fs::read_dir(folder.path().join("streams/v1.{}.Numbers")).unwrap().fold(0, |sum, entry| {
        let entry = entry.unwrap();
        let is_log = entry.path().extension().is_some_and(|ending| ending == "log");
        sum + if is_log { entry.metadata().unwrap().len() } else { 0 }
    });
    assert!(bytes <= 320 * 1024, "{bytes} bytes");
    // What the group had taken ahead is still its own; then it goes on with the first event that is kept.
    let mut seen = Vec::new();
    while seen.last() != Some(&7_999) {
        let event = next(&mut slow).await;
        assert_eq!((*event, event.offset()), (*event, Some(u64::try_from(*event).unwrap())), "offsets do not move");
        seen.push(*event);
        event.ack().await.unwrap();
    }
    assert!(seen.is_sorted() && seen.len() < 4_000, "it missed what was gone: {} came", seen.len());
    held.ack().await.unwrap();
}

#[tokio::test]
async fn what_is_older_than_it_may_get_goes_and_offsets_stay() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let (disk, clock) = (SimDisk::new(), SimClock::at(20_000 * DAY.as_secs()));
    let (_, mut config) = Config::from_url("data?keep_age=8d").unwrap();
    config.log.disk = Arc::new(disk.clone());
    config.log.clock = Arc::new(clock.clone());
    let bus = config.connect("data").await.unwrap();
    for number in 0..30 {
        publish(&bus, "emea", number).await;
        clock.advance(DAY);
    }
    let mut first = subscribe(&subscriber(&bus, "emea").start(Start::First)).await;
    let event = soon("an event", first.next()).await.unwrap().unwrap();
    assert!((20..=22).contains(&*event), "{} is the oldest", *event);
    assert_eq!(event.offset(), Some(u64::try_from(*event).unwrap()));
    bus.close().await.unwrap();
}

/// Whole segments go, so a small number of records is kept to only if segments are as small.
#[tokio::test]
async fn what_exceeds_the_number_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut config) = Config::from_url("data?keep_records=500&durability=buffered").unwrap();
    config.log.segment_bytes = 16 * 1024;
    let bus = config.connect(folder.path()).await.unwrap();
    for number in 0..3_000 {
        publish(&bus, "emea", number).await;
    }
    let mut first = subscribe(&subscriber(&bus, "emea").start(Start::First)).await;
    assert!((2_300..=2_500).contains(&*next(&mut first).await));
    bus.close().await.unwrap();
}

/// Two events of one key that nobody can handle are two dead letters, also where the stream keeps only the last one of a key.
#[tokio::test]
async fn a_log_of_dead_letters_is_never_compacted() {
    let disk = SimDisk::new();
    let bus = connect_on(&disk, |config| {
        config.log.segment_bytes = 4_096;
        config.log.compaction = Some(Compaction::default());
        (config.groups.max_attempts, config.groups.first_delay) = (Some(1), Duration::ZERO);
    })
    .await;
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    for number in 0..100 {
        publish_with(&bus, &Context::new().with_key("same"), number).await;
        next(&mut mailer).await.nack().await.unwrap();
    }
    let dir = format!("{STREAM}/groups/mailer/v1.emea.Numbers.Counted/dead");
    let letters = || {
        let view = LogView::open(&dir, Arc::new(disk.clone())).unwrap();
        let mut reader = view.reader(From::First).unwrap();
        std::iter::from_fn(|| reader.next_ready().unwrap()).count()
    };
    // Members bury what had its deliveries when they look for the next event.
    publish_with(&bus, &Context::new(), 100).await;
    soon("the last event", mailer.next()).await.unwrap().unwrap();
    soon("the letters", async {
        while letters() < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    bus.close().await.unwrap();
    assert_eq!(letters(), 100);
}
