//! Groups on JetStream whose consumer somebody else made, and dead letters where something is in their way.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod kept;

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, stream::Stream};
use thriftwood_core::ErrorKind;
use thriftwood_core::event::Delivery;
use thriftwood_nats::connect;
use thriftwood_test_support::NatsServer;
use tokio::io::AsyncWriteExt;

use kept::{CONSUMER, GROUP, TOPIC, bare, bus, next, publish, soon, subscribe};

async fn refuse(delivery: Delivery, reason: &str) {
    soon("the refusal", delivery.acknowledge.unwrap().nack(reason, Some(Duration::ZERO))).await.unwrap();
}

/// The stream of events, with this consumer in place of ours.
async fn with_consumer(nats: &NatsServer, change: impl FnOnce(&mut pull::Config)) -> Stream {
    bus(nats, "").await.close().await.unwrap();
    let stream = bare(nats).await.get_stream("FRUGAL").await.unwrap();
    let mut config = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        filter_subject: format!("frugal.{TOPIC}"),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        ..pull::Config::default()
    };
    change(&mut config);
    stream.create_consumer(config).await.unwrap();
    stream
}

async fn letters(nats: &NatsServer) -> u64 {
    bare(nats).await.get_stream("FRUGAL-DEAD").await.unwrap().cached_info().state.messages
}

/// As earlier versions made it: its position is kept, and its events become dead letters as well.
#[tokio::test]
async fn a_group_that_had_no_dead_letters_goes_on_where_it_was_and_has_them() {
    let Some(nats) = NatsServer::start("a_group_that_had_no_dead_letters_goes_on_where_it_was_and_has_them") else {
        return;
    };
    let stream = with_consumer(&nats, |_| {}).await;
    let before = bus(&nats, "").await;
    publish(&before, 0..2).await;
    let mut frames = subscribe(&before).await.unwrap();
    next(&mut frames).await.acknowledge.unwrap().ack().await.unwrap();
    // What lies ahead goes back.
    drop(frames);
    before.close().await.unwrap();
    let now = bus(&nats, "?max_attempts=3").await;
    let mut frames = subscribe(&now).await.unwrap();
    // It may have lain ahead of the first member once, and that counts.
    let mut attempts = Vec::new();
    while attempts.last() != Some(&3) {
        let event = next(&mut frames).await;
        assert_eq!(&event.frame[..], [1]);
        attempts.push(event.attempt);
        refuse(event, "").await;
    }
    assert!(attempts.is_sorted() && attempts.len() >= 2, "{attempts:?}");
    assert_eq!(letters(&nats).await, 1);
    let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
    assert_eq!(consumer.cached_info().num_ack_pending, 0, "it is given up");
    now.close().await.unwrap();
}

/// The server would leave out an event after so many deliveries, and nobody would know: before it is a dead letter, or, with a
/// higher limit, while its letter cannot be stored.
#[tokio::test]
async fn a_consumer_with_a_limit_of_its_own_is_changed_and_keeps_everything_else() {
    for limit in [1, 4] {
        let test = "a_consumer_with_a_limit_of_its_own_is_changed_and_keeps_everything_else";
        let Some(nats) = NatsServer::start(test) else { return };
        let stream = with_consumer(&nats, |config| {
            config.max_deliver = limit;
            config.max_ack_pending = 7;
        })
        .await;
        let bus = bus(&nats, "?max_attempts=3&ack_wait=45000").await;
        publish(&bus, 0..1).await;
        let mut frames = subscribe(&bus).await.unwrap();
        let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
        let config = &consumer.cached_info().config;
        assert_eq!(
            (config.max_deliver, config.ack_wait, config.max_ack_pending),
            (-1, Duration::from_secs(45), 7),
            "what the URL says, and what was there, with a limit of {limit}"
        );
        for attempt in 1..=3 {
            let event = next(&mut frames).await;
            assert_eq!(event.attempt, attempt);
            refuse(event, "no account").await;
        }
        assert_eq!(letters(&nats).await, 1);
        bus.close().await.unwrap();
    }
}

/// Those that are no group's, and those that may not be changed.
#[tokio::test]
async fn a_consumer_that_cannot_serve_is_refused_with_what_to_do_about_it() {
    let test = "a_consumer_that_cannot_serve_is_refused_with_what_to_do_about_it";
    // `fixed` may do anything but make and change consumers.
    let users = r#"authorization { users: [
        { user: free, password: free }
        { user: fixed, password: fixed, permissions: { publish: { deny: ["$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DURABLE.>"] } } }
    ] }
    no_auth_user: free"#;
    let Some(nats) = NatsServer::start_with(test, users) else { return };
    let stream = with_consumer(&nats, |config| config.headers_only = true).await;
    let free = bus(&nats, "").await;
    let error = subscribe(&free).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains(CONSUMER) && error.message().contains("headers only"), "{error}");
    stream.delete_consumer(CONSUMER).await.unwrap();
    let _ = with_consumer(&nats, |config| config.max_deliver = 2).await;
    let url = nats.url().replace("nats://", "jetstream://fixed:fixed@");
    let fixed = connect(&format!("{url}?timeout=500&max_attempts=2")).await.unwrap();
    let error = subscribe(&fixed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    for part in [CONSUMER, "at most 2 times", "any number of times", "nats consumer edit"] {
        assert!(error.message().contains(part), "no {part}: {error}");
    }
    // Where nothing is a dead letter, the limit is its owner's business.
    let modest = connect(&url).await.unwrap();
    assert!(subscribe(&modest).await.is_ok());
    for bus in [free, fixed, modest] {
        bus.close().await.unwrap();
    }
}

/// Another stream takes the letters already: then that one has them.
#[tokio::test]
async fn letters_go_to_the_stream_that_takes_their_subjects_whatever_its_name() {
    let Some(nats) = NatsServer::start("letters_go_to_the_stream_that_takes_their_subjects_whatever_its_name") else {
        return;
    };
    let bare = bare(&nats).await;
    let subjects = vec!["frugal-dead.>".to_owned()];
    let config = jetstream::stream::Config { name: "MORGUE".to_owned(), subjects, ..Default::default() };
    let mut morgue = bare.create_stream(config).await.unwrap();
    let bus = bus(&nats, "?max_attempts=1").await;
    publish(&bus, 0..1).await;
    let mut frames = subscribe(&bus).await.unwrap();
    refuse(next(&mut frames).await, "no account").await;
    assert_eq!(morgue.info().await.unwrap().state.messages, 1);
    let letter = morgue.get_raw_message(1).await.unwrap();
    assert_eq!(letter.subject.as_str(), format!("frugal-dead.FRUGAL.{GROUP}.{TOPIC}"));
    bus.close().await.unwrap();
}

/// A stream that is made again counts from 1 again, and the stream of letters knows names for an hour.
#[tokio::test]
async fn an_event_of_a_stream_that_was_made_again_has_a_letter_of_its_own() {
    let Some(nats) = NatsServer::start("an_event_of_a_stream_that_was_made_again_has_a_letter_of_its_own") else {
        return;
    };
    for letter in 1..=2 {
        let bus = bus(&nats, "?max_attempts=1").await;
        publish(&bus, 0..1).await;
        let mut frames = subscribe(&bus).await.unwrap();
        let event = next(&mut frames).await;
        assert_eq!(event.offset, Some(1));
        refuse(event, "no account").await;
        assert_eq!(letters(&nats).await, letter);
        bus.close().await.unwrap();
        bare(&nats).await.delete_stream("FRUGAL").await.unwrap();
    }
}

/// A peer of NATS may put into headers what it likes, and a letter has more of them.
#[tokio::test]
async fn an_event_that_is_almost_nothing_but_headers_has_a_letter() {
    const LIMIT: usize = 16 * 1024;
    let test = "an_event_that_is_almost_nothing_but_headers_has_a_letter";
    let Some(nats) = NatsServer::start_with(test, &format!("max_payload: {LIMIT}")) else { return };
    let bus = bus(&nats, "?max_attempts=1").await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("shop", "x".repeat(LIMIT - 100));
    let bare = bare(&nats).await;
    let sent = bare.publish_with_headers(format!("frugal.{TOPIC}"), headers, "event".into()).await.unwrap();
    sent.await.unwrap();
    let mut frames = subscribe(&bus).await.unwrap();
    refuse(next(&mut frames).await, "no account").await;
    let stream = bare.get_stream("FRUGAL-DEAD").await.unwrap();
    let letter = stream.get_raw_message(1).await.unwrap();
    assert!(letter.payload.is_empty() && letter.headers.get("shop").is_none());
    assert_eq!(letter.headers.get("dead-omitted").unwrap().as_str(), "5");
    assert_eq!(letter.headers.get("dead-reason").unwrap().as_str(), "no account");
    bus.close().await.unwrap();
}

/// The server says nothing to whom it does not let ask, so it looks as if it were slow.
#[tokio::test]
async fn a_stream_of_letters_of_which_the_server_says_nothing_is_a_timeout_and_says_what_may_be_the_cause() {
    let test = "a_stream_of_letters_of_which_the_server_says_nothing_is_a_timeout_and_says_what_may_be_the_cause";
    let users = r#"authorization { users: [ { user: shop, password: pw, permissions: {
        publish: { deny: ["$JS.API.STREAM.*.FRUGAL-DEAD"] } } } ] }"#;
    let Some(nats) = NatsServer::start_with(test, users) else { return };
    let url = nats.url().replace("nats://", "jetstream://shop:pw@");
    let bus = connect(&format!("{url}?timeout=500&max_attempts=2")).await.unwrap();
    let error = subscribe(&bus).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    for part in ["`FRUGAL-DEAD`", "max_attempts", "$JS.API.STREAM.CREATE.FRUGAL-DEAD"] {
        assert!(error.message().contains(part), "no {part}: {error}");
    }
    bus.close().await.unwrap();
}

/// An event whose letter has nowhere to go stays an event.
#[tokio::test]
async fn an_event_whose_letter_cannot_be_stored_is_kept() {
    let Some(nats) = NatsServer::start("an_event_whose_letter_cannot_be_stored_is_kept") else { return };
    let bus = bus(&nats, "?max_attempts=1").await;
    publish(&bus, 0..2).await;
    let mut frames = subscribe(&bus).await.unwrap();
    let bare = bare(&nats).await;
    bare.delete_stream("FRUGAL-DEAD").await.unwrap();
    refuse(next(&mut frames).await, "no account").await;
    // The group goes on meanwhile.
    let other = next(&mut frames).await;
    assert_eq!(&other.frame[..], [1]);
    other.acknowledge.unwrap().ack().await.unwrap();
    let stream = bare.get_stream("FRUGAL").await.unwrap();
    let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
    let info = consumer.cached_info();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence), (1, 0), "it comes again");
    bus.close().await.unwrap();
}

/// A member takes events ahead, and their time runs. What it does not come to in that time comes again, and once.
#[tokio::test]
async fn what_lay_ahead_for_longer_than_ack_wait_is_handled_once() {
    const WAIT: Duration = Duration::from_millis(600);
    let Some(nats) = NatsServer::start("what_lay_ahead_for_longer_than_ack_wait_is_handled_once") else { return };
    let bus = bus(&nats, &format!("?ack_wait={}", WAIT.as_millis())).await;
    publish(&bus, 0..5).await;
    let mut frames = subscribe(&bus).await.unwrap();
    // The first one alone may come before the others were asked for.
    for number in 0..2 {
        let slow = next(&mut frames).await;
        assert_eq!((&slow.frame[..], slow.attempt), (&[number][..], 1));
        let begun = Instant::now();
        while number == 1 && begun.elapsed() < 2 * WAIT {
            tokio::time::sleep(WAIT / 6).await;
            assert!(slow.acknowledge.as_ref().unwrap().in_progress().await.unwrap());
        }
        slow.acknowledge.unwrap().ack().await.unwrap();
    }
    let mut handled = Vec::new();
    while let Ok(event) = tokio::time::timeout(4 * WAIT, frames.next()).await {
        let event = event.unwrap().unwrap();
        assert!(event.attempt > 1, "{} did not go back", event.frame[0]);
        handled.push(event.frame[0]);
        event.acknowledge.unwrap().ack().await.unwrap();
    }
    handled.sort_unstable();
    assert_eq!(handled, [2, 3, 4]);
    bus.close().await.unwrap();
}

/// `nats consumer add --max-pull-batch --max-pull-expire`: whoever asks for more is refused, and has nothing.
#[tokio::test]
async fn a_consumer_that_gives_little_at_a_time_is_asked_for_no_more() {
    let Some(nats) = NatsServer::start("a_consumer_that_gives_little_at_a_time_is_asked_for_no_more") else { return };
    with_consumer(&nats, |config| {
        config.max_batch = 1;
        config.max_expires = Duration::from_millis(300);
    })
    .await;
    let bus = bus(&nats, "").await;
    publish(&bus, 0..5).await;
    let mut frames = subscribe(&bus).await.unwrap();
    for number in 0..5 {
        let event = next(&mut frames).await;
        assert_eq!((&event.frame[..], event.attempt), (&[number][..], 1));
        event.acknowledge.unwrap().ack().await.unwrap();
    }
    bus.close().await.unwrap();
}

/// The consumer is there all the while, so nothing else would be said of it.
#[tokio::test]
async fn a_consumer_that_refuses_requests_again_and_again_is_told_of() {
    let Some(nats) = NatsServer::start("a_consumer_that_refuses_requests_again_and_again_is_told_of") else { return };
    let stream = with_consumer(&nats, |config| config.max_waiting = 1).await;
    let consumer: PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
    // Somebody else waits already.
    let _batch = consumer.batch().expires(Duration::from_secs(60)).messages().await.unwrap();
    let bus = bus(&nats, "").await;
    let mut frames = subscribe(&bus).await.unwrap();
    let error = soon("an error", frames.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    for part in [CONSUMER, "is there", "409"] {
        assert!(error.message().contains(part), "no {part}: {error}");
    }
    bus.close().await.unwrap();
}

/// Headers are their publisher's, and what stands in the first line of them is too.
#[tokio::test]
async fn an_event_whose_headers_begin_with_a_status_is_an_event() {
    let Some(nats) = NatsServer::start("an_event_whose_headers_begin_with_a_status_is_an_event") else { return };
    let bus = bus(&nats, "").await;
    let mut frames = subscribe(&bus).await.unwrap();
    for (number, status) in ["409 Consumer Deleted", "408", "100", "503"].iter().enumerate() {
        let headers = format!("NATS/1.0 {status}\r\n\r\n");
        let (length, total) = (headers.len(), headers.len() + 1);
        let address = nats.url().replace("nats://", "");
        let mut peer = tokio::net::TcpStream::connect(address).await.unwrap();
        let sent = format!(
            "CONNECT {{\"verbose\":false,\"headers\":true}}\r\nHPUB frugal.{TOPIC} {length} {total}\r\n{headers}{number}\r\nPING\r\n"
        );
        peer.write_all(sent.as_bytes()).await.unwrap();
        let event = next(&mut frames).await;
        assert_eq!((&event.frame[..], event.attempt), (number.to_string().as_bytes(), 1), "{status}");
        event.acknowledge.unwrap().ack().await.unwrap();
    }
    bus.close().await.unwrap();
}
