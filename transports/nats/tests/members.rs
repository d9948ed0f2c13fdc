//! Members of a group on JetStream that come and go, and to which something happens in between.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod kept;

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use bytes::Bytes;
use thriftwood_core::event::{Delivery, PublishOptions, Topic};
use thriftwood_core::transport::Frames;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_nats::connect;
use thriftwood_test_support::NatsServer;

use kept::{CONSUMER, TOPIC, bare, bus, next, publish, soon, subscribe};

/// Much less than the time after which an event of which nothing is said comes again.
const SOON: Duration = Duration::from_secs(8);

async fn ack(delivery: Delivery) -> Result<(), Error> {
    soon("the acknowledgement", delivery.acknowledge.unwrap().ack()).await
}

async fn trouble(frames: &mut Frames) -> Error {
    soon("an error", frames.next()).await.unwrap().unwrap_err()
}

/// Has asked for events, and waits.
async fn idle(frames: &mut Frames) {
    assert!(tokio::time::timeout(Duration::from_millis(50), frames.next()).await.is_err(), "nothing is there yet");
}

fn signal(server: &NatsServer, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &server.id().to_string()]).status().unwrap();
    assert!(sent.success(), "{name}");
}

/// Until none of its threads does anything any more.
fn stop(server: &NatsServer) {
    signal(server, "-STOP");
    let threads = format!("/proc/{}/task", server.id());
    let stands = |thread: &std::path::Path| std::fs::read_to_string(thread.join("stat")).unwrap().contains(") T ");
    while !std::fs::read_dir(&threads).unwrap().all(|thread| stands(&thread.unwrap().path())) {
        std::thread::yield_now();
    }
}

/// The server sends it to a request of the one that leaves; nobody would hear of it for 30 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_sent_to_a_member_as_it_leaves_goes_to_another_at_once() {
    let test = "an_event_that_is_sent_to_a_member_as_it_leaves_goes_to_another_at_once";
    let Some(nats) = NatsServer::start(test) else { return };
    let (publishing, leaving, staying) = (bus(&nats, "").await, bus(&nats, "").await, bus(&nats, "").await);
    for round in 0..4 {
        let mut frames = subscribe(&leaving).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(5), frames.next()).await.is_err());
        let left = tokio::spawn(async move {
            // At another moment of the way each time.
            for _ in 0..u32::from(round) * 20 {
                tokio::task::yield_now().await;
            }
            drop(frames);
        });
        publish(&publishing, round..round + 1).await;
        left.await.unwrap();
        let mut frames = subscribe(&staying).await.unwrap();
        let event = tokio::time::timeout(SOON, next(&mut frames)).await;
        let event = event.unwrap_or_else(|_| panic!("nobody had it after round {round}"));
        assert_eq!(&event.frame[..], [round]);
        ack(event).await.unwrap();
    }
    for bus in [publishing, leaving, staying] {
        bus.close().await.unwrap();
    }
}

/// Its request is still with the server when the events come back to it, and nobody else asks for any then.
#[tokio::test]
async fn what_lay_ahead_of_a_member_that_left_comes_again_once_and_in_order() {
    let Some(nats) = NatsServer::start("what_lay_ahead_of_a_member_that_left_comes_again_once_and_in_order") else {
        return;
    };
    let bus = bus(&nats, "").await;
    publish(&bus, 0..5).await;
    let mut leaving = subscribe(&bus).await.unwrap();
    for number in 0..2 {
        let event = next(&mut leaving).await;
        assert_eq!(&event.frame[..], [number]);
        ack(event).await.unwrap();
    }
    drop(leaving);
    // As long as another process may take to be there.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut frames = subscribe(&bus).await.unwrap();
    let mut seen = Vec::new();
    while let Ok(event) = tokio::time::timeout(Duration::from_secs(1), frames.next()).await {
        let event = event.unwrap().unwrap();
        seen.push((event.frame[0], event.attempt));
        ack(event).await.unwrap();
    }
    assert_eq!(seen, [(2, 2), (3, 2), (4, 2)]);
    bus.close().await.unwrap();
}

/// Somebody types `nats consumer rm`: with it goes the group's position, and nobody can tell what to begin with but who removed it.
#[tokio::test]
async fn a_removed_consumer_is_told_of_and_members_go_on_with_one_that_is_made_instead() {
    let test = "a_removed_consumer_is_told_of_and_members_go_on_with_one_that_is_made_instead";
    let Some(nats) = NatsServer::start(test) else { return };
    let bus = bus(&nats, "").await;
    publish(&bus, 0..1).await;
    let mut frames = subscribe(&bus).await.unwrap();
    let event = next(&mut frames).await;
    idle(&mut frames).await;
    let stream = bare(&nats).await.get_stream("FRUGAL").await.unwrap();
    stream.delete_consumer(CONSUMER).await.unwrap();
    let error = trouble(&mut frames).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    for part in [CONSUMER, "FRUGAL", "position", "nats consumer add"] {
        assert!(error.message().contains(part), "no {part}: {error}");
    }
    // Nobody has recorded it, and nobody is told so.
    let error = ack(event).await.unwrap_err();
    assert!(error.message().contains("consumer is gone"), "{error}");
    publish(&bus, 1..2).await;
    let config = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        filter_subject: format!("frugal.{TOPIC}"),
        ack_policy: AckPolicy::Explicit,
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 2 },
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap();
    let event = next(&mut frames).await;
    assert_eq!((&event.frame[..], event.attempt), (&[1][..], 1));
    ack(event).await.unwrap();
    bus.close().await.unwrap();
}

/// And `nats stream rm`: a stream that is made again has nothing that the group has seen.
#[tokio::test]
async fn a_removed_stream_is_told_of_and_a_group_begins_with_the_one_that_is_made_again() {
    let test = "a_removed_stream_is_told_of_and_a_group_begins_with_the_one_that_is_made_again";
    let Some(nats) = NatsServer::start(test) else { return };
    let first = bus(&nats, "").await;
    publish(&first, 0..3).await;
    let mut frames = subscribe(&first).await.unwrap();
    for _ in 0..3 {
        ack(next(&mut frames).await).await.unwrap();
    }
    idle(&mut frames).await;
    bare(&nats).await.delete_stream("FRUGAL").await.unwrap();
    let error = trouble(&mut frames).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains("the stream `FRUGAL` was removed"), "{error}");
    let second = bus(&nats, "").await;
    publish(&second, 7..8).await;
    let event = next(&mut frames).await;
    assert_eq!((&event.frame[..], event.offset), (&[7][..], Some(1)));
    ack(event).await.unwrap();
    for bus in [first, second] {
        bus.close().await.unwrap();
    }
}

/// A request ends with its connection, and the server would not hear of another before it is up.
#[tokio::test]
async fn a_member_asks_again_as_soon_as_the_connection_is_there_again() {
    let Some(mut nats) = NatsServer::start("a_member_asks_again_as_soon_as_the_connection_is_there_again") else {
        return;
    };
    let bus = bus(&nats, "").await;
    let mut frames = subscribe(&bus).await.unwrap();
    idle(&mut frames).await;
    nats.restart();
    let client = bare(&nats).await;
    client.publish(format!("frugal.{TOPIC}"), "x".into()).await.unwrap().await.unwrap();
    let begun = Instant::now();
    let event = next(&mut frames).await;
    assert_eq!((&event.frame[..], event.attempt), (&b"x"[..], 1));
    assert!(begun.elapsed() < Duration::from_secs(4), "it came after {:?}", begun.elapsed());
    ack(event).await.unwrap();
    bus.close().await.unwrap();
}

/// What it was told while it stood still it hears when it goes on.
#[tokio::test]
async fn a_server_that_stands_still_is_said_to_be_silent_and_hears_an_acknowledgement_when_it_goes_on() {
    let test = "a_server_that_stands_still_is_said_to_be_silent_and_hears_an_acknowledgement_when_it_goes_on";
    let Some(nats) = NatsServer::start(test) else { return };
    let bus = bus(&nats, "?timeout=500&ack_wait=3000").await;
    publish(&bus, 0..1).await;
    let mut frames = subscribe(&bus).await.unwrap();
    let event = next(&mut frames).await;
    stop(&nats);
    let error = ack(event).await.unwrap_err();
    signal(&nats, "-CONT");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    publish(&bus, 1..2).await;
    let event = next(&mut frames).await;
    assert_eq!((&event.frame[..], event.attempt), (&[1][..], 1), "the first was acknowledged");
    ack(event).await.unwrap();
    let stream = bare(&nats).await.get_stream("FRUGAL").await.unwrap();
    let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
    let info = consumer.cached_info();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence), (0, 2));
    bus.close().await.unwrap();
}

/// It lies ahead of handlers that have enough to do: another member has it long before its time is up, and in order.
#[tokio::test]
async fn what_a_member_does_not_come_to_goes_to_another_in_half_of_its_time() {
    let test = "what_a_member_does_not_come_to_goes_to_another_in_half_of_its_time";
    let Some(nats) = NatsServer::start(test) else { return };
    let bus = bus(&nats, "?ack_wait=3000").await;
    publish(&bus, 0..6).await;
    let mut busy = subscribe(&bus).await.unwrap();
    let mut held = Vec::new();
    for number in 0..2 {
        held.push(next(&mut busy).await);
        assert_eq!(&held[usize::from(number)].frame[..], [number]);
    }
    let begun = Instant::now();
    let mut other = subscribe(&bus).await.unwrap();
    for number in 2..6 {
        let event = next(&mut other).await;
        assert_eq!(&event.frame[..], [number], "in order");
        ack(event).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(2_500), "{:?}", begun.elapsed());
    for event in held {
        ack(event).await.unwrap();
    }
    bus.close().await.unwrap();
}

/// The server says nothing to whom it does not let ask, as if it were busy: that is not a server without JetStream.
#[tokio::test]
async fn a_server_that_does_not_answer_is_told_from_one_without_jetstream() {
    let test = "a_server_that_does_not_answer_is_told_from_one_without_jetstream";
    let configuration = r#"accounts {
        WITH { jetstream: enabled, users: [ { user: shop, password: pw, permissions: {
            publish: { deny: ["$JS.API.STREAM.*.FRUGAL"] } } } ] }
        WITHOUT { users: [ { user: other, password: pw } ] }
    }"#;
    let Some(nats) = NatsServer::start_with(test, configuration) else { return };
    let url = |user: &str| nats.url().replace("nats://", &format!("jetstream://{user}:pw@"));
    let error = connect(&format!("{}?timeout=300", url("shop"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    for part in ["`FRUGAL`", "did not answer in time", "$JS.API.STREAM.CREATE.FRUGAL"] {
        assert!(error.message().contains(part), "no {part}: {error}");
    }
    let error = connect(&url("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("no JetStream"), "{error}");
}

/// It has found the consumer that another made on the stream that was made again. That one somebody removes: it did not go with its stream.
#[tokio::test]
async fn a_consumer_that_is_removed_after_its_stream_was_made_again_is_not_made_again() {
    let test = "a_consumer_that_is_removed_after_its_stream_was_made_again_is_not_made_again";
    let Some(nats) = NatsServer::start(test) else { return };
    let first = bus(&nats, "").await;
    let mut frames = subscribe(&first).await.unwrap();
    idle(&mut frames).await;
    bare(&nats).await.delete_stream("FRUGAL").await.unwrap();
    trouble(&mut frames).await;
    let second = bus(&nats, "").await;
    let mut other = subscribe(&second).await.unwrap();
    publish(&second, 0..1).await;
    ack(next(&mut other).await).await.unwrap();
    drop(other);
    publish(&second, 1..2).await;
    let event = next(&mut frames).await;
    assert_eq!(&event.frame[..], [1]);
    ack(event).await.unwrap();
    idle(&mut frames).await;
    let stream = bare(&nats).await.get_stream("FRUGAL").await.unwrap();
    stream.delete_consumer(CONSUMER).await.unwrap();
    let error = trouble(&mut frames).await;
    assert!(error.message().contains("position"), "{error}");
    stream.get_consumer::<pull::Config>(CONSUMER).await.unwrap_err();
    for bus in [first, second] {
        bus.close().await.unwrap();
    }
}

/// Whoever waited for an event may stop waiting, as a subscriber that ends on a signal does. What comes then is for others, and is not
/// taken again.
#[tokio::test]
async fn an_event_for_which_nobody_waits_any_more_goes_to_another_after_one_delivery() {
    let test = "an_event_for_which_nobody_waits_any_more_goes_to_another_after_one_delivery";
    let Some(nats) = NatsServer::start(test) else { return };
    for (round, options) in ["?ack_wait=1000", "?ack_wait=1000&max_attempts=5"].iter().enumerate() {
        let bus = bus(&nats, options).await;
        let mut gone = subscribe(&bus).await.unwrap();
        idle(&mut gone).await;
        let number = u8::try_from(round).unwrap();
        publish(&bus, number..number + 1).await;
        // Enough to take it a few times more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut other = subscribe(&bus).await.unwrap();
        let event = tokio::time::timeout(SOON, next(&mut other)).await.expect("it goes back");
        assert_eq!((&event.frame[..], event.attempt), (&[number][..], 2), "{options}");
        ack(event).await.unwrap();
        bus.close().await.unwrap();
    }
}

/// What is said of events stands in a queue of the client's until the connection is there again, and the queue is full.
#[tokio::test]
async fn a_bus_is_closed_in_time_while_there_is_no_server_and_events_lie_ahead() {
    let test = "a_bus_is_closed_in_time_while_there_is_no_server_and_events_lie_ahead";
    let Some(nats) = NatsServer::start(test) else { return };
    let bus = bus(&nats, "?timeout=500").await;
    publish(&bus, 0..5).await;
    let mut frames = subscribe(&bus).await.unwrap();
    let event = next(&mut frames).await;
    // The others are there too.
    ack(next(&mut frames).await).await.unwrap();
    drop(nats);
    let topic = Topic { name: TOPIC.to_owned(), stream: "v1.Winners".into() };
    let publishers: Vec<_> = (0..4_000)
        .map(|_| {
            let (bus, topic) = (bus.clone(), topic.clone());
            tokio::spawn(async move { bus.publish_frame(&topic, Bytes::new(), PublishOptions::default()).await })
        })
        .collect();
    // Whoever finds the queue full waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let _ = tokio::time::timeout(SOON * 2, bus.close()).await.expect("the close comes to an end");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    drop((event, publishers));
}

/// The server goes by the consumer's name and the event's number, and both are the same again.
#[tokio::test]
async fn what_is_said_of_an_event_of_a_removed_stream_is_not_said_of_one_of_the_stream_made_again() {
    let test = "what_is_said_of_an_event_of_a_removed_stream_is_not_said_of_one_of_the_stream_made_again";
    let Some(nats) = NatsServer::start(test) else { return };
    for options in ["", "?max_attempts=3"] {
        let first = bus(&nats, options).await;
        publish(&first, 0..3).await;
        let mut frames = subscribe(&first).await.unwrap();
        let mut old = vec![next(&mut frames).await, next(&mut frames).await, next(&mut frames).await];
        idle(&mut frames).await;
        bare(&nats).await.delete_stream("FRUGAL").await.unwrap();
        let error = trouble(&mut frames).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let second = bus(&nats, options).await;
        publish(&second, 7..10).await;
        let mut new = vec![next(&mut frames).await, next(&mut frames).await, next(&mut frames).await];
        assert!(new.iter().map(|event| event.offset).eq([Some(1), Some(2), Some(3)]));
        assert!(!old[0].acknowledge.as_ref().unwrap().in_progress().await.unwrap(), "it is not this member's any more");
        let error = ack(old.remove(0)).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Storage && error.message().contains("consumer is gone"), "{error}");
        old.remove(0).acknowledge.unwrap().nack("no account", Some(Duration::ZERO)).await.unwrap_err();
        let dead = old.remove(0).acknowledge.unwrap().dead_letter("no account").await.unwrap_err();
        assert_eq!(dead.kind(), ErrorKind::Storage, "{dead}");
        let stream = bare(&nats).await.get_stream("FRUGAL").await.unwrap();
        let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
        let info = consumer.cached_info();
        assert_eq!((info.num_ack_pending, info.num_redelivered, info.ack_floor.stream_sequence), (3, 0, 0));
        ack(new.remove(0)).await.unwrap();
        for bus in [first, second] {
            bus.close().await.unwrap();
        }
        bare(&nats).await.delete_stream("FRUGAL").await.unwrap();
    }
}
