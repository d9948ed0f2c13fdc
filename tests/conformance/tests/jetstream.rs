//! The list of behaviours, over the JetStream of a real nats-server, each side with a connection of its own.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{HeaderMap, HeaderValue};
use futures_util::StreamExt;
use thriftwood::ErrorKind;
use thriftwood_conformance::Fixture;
use thriftwood_conformance::fixture::{patient, soon};
use thriftwood_conformance::idl::Things;
use thriftwood_conformance::kept::{TIME, events_in_line_wait_however_long_all_handlers_are_at_work};
use thriftwood_conformance::letters::{Letter, Letters};
use thriftwood_conformance::mortal::ATTEMPTS;
use thriftwood_test_support::NatsServer;

async fn connect(test: &str) -> Option<Fixture> {
    connected(test, "").await
}

async fn connect_impatient(test: &str) -> Option<Fixture> {
    connected(test, &format!("?ack_wait={}", TIME.as_millis())).await
}

async fn connected(test: &str, options: &str) -> Option<Fixture> {
    let nats = NatsServer::start(test)?;
    let url = format!("{}{options}", nats.url().replace("nats:", "jetstream:"));
    let server = thriftwood::connect(&url).await.expect("the server's side connects");
    let client = thriftwood::connect(&url).await.expect("the client's side connects");
    Some(Fixture::pair(server, client).burying(letters(nats.url())).holding(nats))
}

fn headers(headers: Option<&HeaderMap>) -> BTreeMap<String, String> {
    let lines = |values: &[HeaderValue]| values.iter().map(HeaderValue::as_str).collect::<Vec<_>>().join("\n");
    headers.into_iter().flat_map(HeaderMap::iter).map(|(name, values)| (name.to_string(), lines(values))).collect()
}

async fn connect_mortal(test: &str) -> Option<Fixture> {
    // What is sent to a member that is just leaving comes again when this is up.
    connected(test, &format!("?max_attempts={ATTEMPTS}&ack_wait=5000")).await
}

/// The dead letters, as any client of the server reads them.
fn letters(url: String) -> Letters {
    Box::new(move |group| {
        let url = url.clone();
        Box::pin(async move {
            let bare = async_nats::jetstream::new(async_nats::connect(url).await.expect("a bare connection"));
            // It is there as soon as somebody subscribed.
            let stream = bare.get_stream("FRUGAL-DEAD").await.expect("the stream of dead letters");
            let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
            let consumer = stream.create_consumer(config).await.expect("a consumer");
            let mut stored = consumer.fetch().max_messages(100).messages().await.expect("the letters");
            let mut letters = Vec::new();
            while let Some(letter) = stored.next().await {
                let letter = letter.expect("a letter");
                let [dead, stream, of, ..] = letter.subject.split('.').collect::<Vec<_>>()[..] else {
                    panic!("{}", letter.subject);
                };
                assert_eq!((dead, stream), ("frugal-dead", "FRUGAL"));
                if of == group {
                    letters.push(Letter { headers: headers(letter.headers.as_ref()), frame: letter.payload.clone() });
                }
            }
            letters
        })
    })
}

thriftwood_conformance::behaviours!(connect);
thriftwood_conformance::kept_behaviours!(connect);
thriftwood_conformance::time_limit_behaviours!(connect_impatient);
thriftwood_conformance::mortal_behaviours!(connect_mortal);

/// A second delivery would be a dead letter that no handler saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_in_line_are_no_dead_letters_where_one_attempt_is_the_limit() {
    let test = "events_in_line_are_no_dead_letters_where_one_attempt_is_the_limit";
    let Some(nats) = NatsServer::start(test) else { return };
    let url = format!("{}?max_attempts=1&ack_wait={}", nats.url().replace("nats:", "jetstream:"), TIME.as_millis());
    let bus = thriftwood::connect(&url).await.expect("the bus connects");
    let fixture = Fixture::shared(bus);
    events_in_line_wait_however_long_all_handlers_are_at_work(&fixture).await;
    let buried = letters(nats.url())("slow".to_owned()).await;
    assert!(buried.is_empty(), "{buried:?}");
    fixture.close().await;
}

/// The stream is on the server's disk, and a position with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_loses_no_event_and_no_position() {
    let Some(mut nats) = NatsServer::start("a_restart_of_the_server_loses_no_event_and_no_position") else { return };
    let bus = thriftwood::connect(&nats.url().replace("nats:", "jetstream:")).await.expect("the bus connects");
    let things = Things::publisher(&bus, "bill", "emea");
    let subscriber = Things::subscriber(&bus, "bill", "emea").group("steady");
    let mut events = subscriber.counted().await.expect("a group");
    let mut alone = Things::subscriber(&bus, "bill", "emea").counted().await.expect("a subscription");
    for number in 0..10 {
        things.counted(&patient(), number).await.expect("published");
    }
    for number in 0..5 {
        let event = soon("an event", events.next()).await.expect("open").expect("an event");
        assert_eq!(*event, number);
        event.ack().await.expect("acknowledged");
        assert_eq!(*soon("an event", alone.next()).await.expect("open").expect("an event"), number);
    }
    nats.restart();
    // Published as soon as the connection is there again; until then it says so.
    soon("the connection", async {
        while things.counted(&patient(), 10).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut seen = BTreeSet::new();
    while seen.len() < 6 {
        // Errors concern the moment: the next call goes on.
        if let Some(Ok(event)) = soon("an event", events.next()).await
            && *event >= 5
        {
            seen.insert(*event);
            let _ = event.ack().await;
        }
    }
    assert_eq!(seen, BTreeSet::from_iter(5..=10));
    let mut rest = Vec::new();
    while rest.len() < 6 {
        if let Some(Ok(event)) = soon("an event", alone.next()).await {
            rest.push(*event);
        }
    }
    assert_eq!(rest, [5, 6, 7, 8, 9, 10]);
    bus.close().await.expect("the bus closes");
}

/// Not a time-out some seconds later, and not a bus that loses what it is given.
#[tokio::test]
async fn a_stream_that_cannot_be_is_refused_at_once() {
    let Some(nats) = NatsServer::start("a_stream_that_cannot_be_is_refused_at_once") else { return };
    let url = nats.url().replace("nats:", "jetstream:");
    let first = thriftwood::connect(&format!("{url}?stream=SHOP&max_age=3600")).await.expect("a stream of that name");
    let error = thriftwood::connect(&url).await.expect_err("its subjects are taken");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("stream=NAME"), "{error}");
    first.close().await.expect("the bus closes");
}

/// Each event has a name, by which the stream knows one that it is sent again.
#[tokio::test]
async fn an_event_that_is_sent_again_is_kept_once() {
    let Some(nats) = NatsServer::start("an_event_that_is_sent_again_is_kept_once") else { return };
    let bus = thriftwood::connect(&nats.url().replace("nats:", "jetstream:")).await.expect("the bus connects");
    let things = Things::publisher(&bus, "bill", "emea");
    for number in 0..2 {
        things.counted(&patient(), number).await.expect("published");
    }
    let bare = async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("a bare connection"));
    let stream = bare.get_stream("FRUGAL").await.expect("the stream");
    for sequence in 1..=2 {
        let kept = stream.get_raw_message(sequence).await.expect("the event");
        let sent = bare.publish_with_headers(kept.subject.clone(), kept.headers.clone(), kept.payload.clone());
        let confirmed = sent.await.expect("sent again").await.expect("confirmed");
        assert!(confirmed.duplicate, "{confirmed:?}");
        assert_eq!(confirmed.sequence, sequence);
    }
    assert_eq!(stream.get_info().await.expect("its state").state.messages, 2);
    bus.close().await.expect("the bus closes");
}

/// The server gives a member so long, and then delivers the event to another: events that wait behind a failing one are kept
/// from that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_fails_for_longer_than_the_server_waits_keeps_its_order() {
    let Some(nats) = NatsServer::start("a_key_that_fails_for_longer_than_the_server_waits_keeps_its_order") else {
        return;
    };
    let url = format!("{}?ack_wait=2000", nats.url().replace("nats:", "jetstream:"));
    let bus = thriftwood::connect(&url).await.expect("the bus connects");
    let subscriber = Things::subscriber(&bus, "bill", "emea").group("patient");
    let counted = subscriber.counted().await.expect("a group");
    let things = Things::publisher(&bus, "bill", "emea");
    for number in 0..5 {
        things.counted(&patient().with_key("one"), number).await.expect("published");
    }
    let begun = std::time::Instant::now();
    let (seen, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let handling =
        tokio::spawn(counted.until(async { drop(stopped.await) }).for_each_concurrent(4, move |_, number| {
            let fails = number == 0 && begun.elapsed() < std::time::Duration::from_millis(4_500);
            let sent =
                if fails { Err("not yet".to_owned()) } else { seen.send(number).map_err(|error| error.to_string()) };
            async move { sent }
        }));
    let mut all = Vec::new();
    while all.len() < 5 {
        all.push(soon("an event", heard.recv()).await.expect("a number"));
    }
    assert_eq!(all, [0, 1, 2, 3, 4]);
    // Not by closing the bus: the word that the last is acknowledged may be on its way.
    stop.send(()).expect("it is waited for");
    soon("the end", handling).await.expect("no panic").expect("all acknowledged");
    bus.close().await.expect("the bus closes");
    assert_eq!(heard.recv().await, None, "each came once");
}
