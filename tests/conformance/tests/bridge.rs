//! Events taken from a log to NATS and back, byte for byte: the frame that is stored is the frame that travels.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use futures_util::StreamExt;
use thriftwood::Bus;
use thriftwood::bytes::Bytes;
use thriftwood::event::{PublishOptions, Start, SubscribeOptions, Topic, TopicFilter};
use thriftwood_conformance::fixture::{patient, soon};
use thriftwood_conformance::idl::{Item, Things};
use thriftwood_log::store::{From, Log, LogOptions};
use thriftwood_test_support::NatsServer;

const EVENTS: usize = 20;
const STREAM: &str = "v1.probe.{}.{}.Things";

/// The events of the scope.
fn all() -> TopicFilter {
    TopicFilter { pattern: "v1.probe.>".to_owned(), stream: STREAM.into() }
}

/// Takes so many events from one bus to another, each acknowledged when it is there.
async fn bridge(from: &Bus, to: &Bus, events: usize, start: Start) {
    let options = SubscribeOptions::default().group("bridge").start(start);
    let mut frames = from.subscribe_frames(all(), options).await.unwrap();
    for _ in 0..events {
        let delivery = soon("a frame", frames.next()).await.unwrap().unwrap();
        let topic = Topic { name: delivery.topic, stream: STREAM.into() };
        to.publish_frame(&topic, delivery.frame, PublishOptions::default()).await.unwrap();
        if let Some(acknowledge) = delivery.acknowledge {
            acknowledge.ack().await.unwrap();
        }
    }
}

/// What a log holds: topics, keys and frames.
fn stored(dir: &Path) -> Vec<(Bytes, Option<Bytes>, Bytes)> {
    let log = Log::open(dir.join("streams").join(STREAM), LogOptions::default()).unwrap();
    let mut reader = log.reader(From::First).unwrap();
    let records = std::iter::from_fn(|| reader.next_ready().unwrap());
    records.map(|record| (record.header("topic").unwrap(), record.key().cloned(), record.value().clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_goes_from_a_log_to_nats_and_back_byte_for_byte() {
    let Some(nats) = NatsServer::start("an_event_goes_from_a_log_to_nats_and_back_byte_for_byte") else { return };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = thriftwood::connect(&format!("log:{}", here.path().display())).await.unwrap();
    for number in 0..EVENTS {
        let things = Things::publisher(&log, "bill", ["emea", "apac"][number % 2]);
        let item = Item::new(format!("item {number}"));
        things.made(&patient().with_key(format!("k{number}")).with_header("tenant", "blue"), &item).await.unwrap();
    }
    // Whoever listens on NATS knows nothing of a log.
    let bare = async_nats::connect(nats.url()).await.unwrap();
    let mut heard = bare.subscribe("frugal.>").await.unwrap();
    bare.flush().await.unwrap();
    let stream = thriftwood::connect(&nats.url().replace("nats:", "jetstream:")).await.unwrap();
    bridge(&log, &stream, EVENTS, Start::Default).await;
    let other = thriftwood::connect(&format!("log:{}", there.path().display())).await.unwrap();
    bridge(&stream, &other, EVENTS, Start::First).await;
    log.close().await.unwrap();
    other.close().await.unwrap();
    let before = stored(here.path());
    assert_eq!(before.len(), EVENTS);
    for (topic, _, frame) in &before {
        let message = soon("a message", heard.next()).await.unwrap();
        assert_eq!(message.subject.as_bytes(), [b"frugal.", &topic[..]].concat());
        assert_eq!(message.payload, frame);
    }
    assert_eq!(stored(there.path()), before, "with keys, which are in the frames");
    stream.close().await.unwrap();
}
