//! One topic that is kept by JetStream, and its one group.

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use thriftwood_core::Bus;
use thriftwood_core::event::{Delivery, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::transport::Frames;
use thriftwood_nats::connect;
use thriftwood_test_support::NatsServer;

/// What is published to.
pub(crate) const TOPIC: &str = "v1.Winners.Winner";
/// The group of all members.
pub(crate) const GROUP: &str = "mailer";
/// Its consumer.
pub(crate) const CONSUMER: &str = "mailer@frugal-v1-Winners-Winner";

/// Fails rather than waits for ever.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A bus that keeps events.
pub(crate) async fn bus(nats: &NatsServer, options: &str) -> Bus {
    connect(&format!("{}{options}", nats.url().replace("nats:", "jetstream:"))).await.unwrap()
}

/// Publishes an event for each number.
pub(crate) async fn publish(bus: &Bus, numbers: std::ops::Range<u8>) {
    let topic = Topic { name: TOPIC.to_owned(), stream: "v1.Winners".into() };
    for number in numbers {
        bus.publish_frame(&topic, Bytes::from(vec![number]), PublishOptions::default()).await.unwrap();
    }
}

/// A member of the group.
pub(crate) async fn subscribe(bus: &Bus) -> Result<Frames, thriftwood_core::Error> {
    let topic = TopicFilter { pattern: TOPIC.to_owned(), stream: "v1.Winners".into() };
    bus.subscribe_frames(topic, SubscribeOptions::default().group(GROUP)).await
}

/// The next event.
pub(crate) async fn next(frames: &mut Frames) -> Delivery {
    soon("an event", frames.next()).await.unwrap().unwrap()
}

/// The server, as any of its clients sees it.
pub(crate) async fn bare(nats: &NatsServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap())
}
