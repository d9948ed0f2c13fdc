//! Generated publishers write the captured events, and generated subscribers read them.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use thriftwood::codec::Protocol;
use thriftwood::{Bus, Context, Event, Subscription};
use thriftwood_interop::capture::{assert_same, renumbered};
use thriftwood_interop::idl::wire::{Events, EventsPublisher, EventsSubscriber, Fixed, Plain, Point};
use thriftwood_interop::peer::everything;
use thriftwood_interop::tape::Tape;
use thriftwood_interop::{Capture, Origin, captures};

/// A peer that publishes in a protocol.
type From = (Origin, Protocol);

/// All of them.
fn froms() -> impl Iterator<Item = From> {
    let go = [Protocol::Binary, Protocol::Compact].map(|protocol| (Origin::Go, protocol));
    go.into_iter().chain(Protocol::ALL.map(|protocol| (Origin::Python, protocol)))
}

/// The captured event on this subject.
fn captured(from: From, subject: &str) -> Capture {
    let found =
        captures().into_iter().find(|capture| (capture.origin, capture.protocol) == from && capture.subject == subject);
    found.unwrap_or_else(|| panic!("no capture of {from:?} on {subject}"))
}

fn context() -> Context {
    let ctx = Context::new().with_correlation_id("cid-pub").with_timeout(Duration::from_secs(2));
    ctx.with_header("trace", "t-1")
}

fn publisher(bus: &Bus, user: &str) -> EventsPublisher {
    Events::publisher(bus, user, "eu")
}

fn subscriber(tape: &Tape, user: &str) -> EventsSubscriber {
    Events::subscriber(&Bus::new(tape.clone()), user, "eu")
}

/// Compares what was published last with the captured event, but for the operation id, which is a counter.
fn check_published(tape: &Tape, from: From, subject: &str) {
    let capture = captured(from, subject);
    let [(topic, frame)] = tape.sent().try_into().unwrap();
    assert_eq!(format!("frugal.{topic}"), subject);
    let their_id = capture.frame().operation_id().unwrap().to_string();
    assert_same(&renumbered(&frame, &their_id), &capture.bytes, subject);
}

/// Gives the captured event to a subscription and takes it out again.
async fn receive<T: thriftwood::codec::Wire + Clone + Send + 'static>(
    tape: &Tape,
    from: From,
    subject: &str,
    mut subscription: Subscription<T>,
) -> Event<T> {
    let topic = subject.strip_prefix("frugal.").unwrap();
    let [filter] = tape.subscribed().try_into().unwrap();
    assert!(filter.matches(topic), "{filter:?} does not take {topic}");
    tape.event(topic, &captured(from, subject).bytes);
    let event = subscription.next().await.unwrap().unwrap();
    assert_eq!(event.context().correlation_id(), "cid-pub");
    assert_eq!(event.context().header("trace"), Some("t-1"));
    event
}

#[tokio::test]
async fn what_is_published_is_what_the_peers_publish() {
    for from in froms() {
        publish_all(from).await;
    }
}

async fn publish_all(from: From) {
    let (tape, ctx) = (Tape::default(), context());
    let bus = Bus::new(tape.clone()).with_protocol(from.1);
    let ann = publisher(&bus, "ann");
    let created = Point::default().with_x(1).with_y(2).with_label("L");
    ann.created(&ctx, &created).await.unwrap();
    check_published(&tape, from, "frugal.v1.ann.eu.Events.Created");
    publisher(&bus, "bob").count(&ctx, -77).await.unwrap();
    check_published(&tape, from, "frugal.v1.bob.eu.Events.Count");
    ann.name(&ctx, "näme").await.unwrap();
    check_published(&tape, from, "frugal.v1.ann.eu.Events.Name");
    ann.names(&ctx, &vec!["a".to_owned(), "b".to_owned()]).await.unwrap();
    check_published(&tape, from, "frugal.v1.ann.eu.Events.Names");
    ann.blob(&ctx, Bytes::from_static(&[1, 2, 255])).await.unwrap();
    check_published(&tape, from, "frugal.v1.ann.eu.Events.Blob");
    ann.all(&ctx, &everything()).await.unwrap();
    check_published(&tape, from, "frugal.v1.ann.eu.Events.All");
    let tick = Point::default().with_x(5).with_y(6);
    Plain::publisher(&bus).tick(&ctx, &tick).await.unwrap();
    check_published(&tape, from, "frugal.Plain.Tick");
    Fixed::publisher(&bus).tick(&ctx, &tick).await.unwrap();
    check_published(&tape, from, "frugal.foo.bar.Fixed.Tick");
}

#[tokio::test]
async fn what_the_peers_published_is_received() {
    for from in froms() {
        receive_all(from).await;
    }
}

async fn receive_all(from: From) {
    let tape = Tape::default();
    let ann = subscriber(&tape, "ann");
    let created = receive(&tape, from, "frugal.v1.ann.eu.Events.Created", ann.created().await.unwrap()).await;
    assert_eq!(*created, Point::default().with_x(1).with_y(2).with_label("L"));
    assert_eq!((created.variable("user"), created.variable("region")), (Some("ann"), Some("eu")));
    let count = subscriber(&tape, "*").count().await.unwrap();
    let count = receive(&tape, from, "frugal.v1.bob.eu.Events.Count", count).await;
    assert_eq!((*count, count.variable("user")), (-77, Some("bob")));
    let name = receive(&tape, from, "frugal.v1.ann.eu.Events.Name", ann.name().await.unwrap()).await;
    assert_eq!(*name, "näme");
    let names = receive(&tape, from, "frugal.v1.ann.eu.Events.Names", ann.names().await.unwrap()).await;
    assert_eq!(*names, ["a", "b"]);
    let blob = receive(&tape, from, "frugal.v1.ann.eu.Events.Blob", ann.blob().await.unwrap()).await;
    assert_eq!(blob[..], [1, 2, 255]);
    let all = receive(&tape, from, "frugal.v1.ann.eu.Events.All", ann.all().await.unwrap()).await;
    assert_eq!(*all, everything());
    let tick = Point::default().with_x(5).with_y(6);
    let plain = Plain::subscriber(&Bus::new(tape.clone())).tick().await.unwrap();
    assert_eq!(*receive(&tape, from, "frugal.Plain.Tick", plain).await, tick);
    let fixed = Fixed::subscriber(&Bus::new(tape.clone())).tick().await.unwrap();
    assert_eq!(*receive(&tape, from, "frugal.foo.bar.Fixed.Tick", fixed).await, tick);
}
