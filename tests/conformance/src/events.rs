//! What an event does, on every transport.

use std::collections::BTreeSet;
use std::sync::Arc;

use thriftwood::ErrorKind;
use tokio::sync::Mutex;

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Item, Things};

/// Topic, variables, headers and payload are the publisher's.
pub async fn an_event_arrives_with_its_prefix_variable_and_headers(fixture: &Fixture) {
    let mut made = Things::subscriber(&fixture.server, "bill", "emea").made().await.unwrap();
    let ctx = patient().with_header("tenant", "blue");
    let item = Item::new("album").with_number(3);
    Things::publisher(&fixture.client, "bill", "emea").made(&ctx, &item).await.unwrap();
    let event = soon("the event", made.next()).await.unwrap().unwrap();
    assert_eq!(*event, item);
    assert_eq!(event.topic(), "v1.probe.bill.emea.Things.Made");
    assert_eq!((event.variable("user"), event.variable("region")), (Some("bill"), Some("emea")));
    assert_eq!(event.context().header("tenant"), Some("blue"));
    assert_eq!(event.context().correlation_id(), ctx.correlation_id());
    assert_eq!(event.attempt(), 1);
    event.ack().await.unwrap();
}

/// A payload need not be a struct, and another operation of the scope is another topic.
pub async fn a_bare_value_is_an_event_too(fixture: &Fixture) {
    let mut counted = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    let things = Things::publisher(&fixture.client, "bill", "emea");
    things.made(&patient(), &Item::new("not a count")).await.unwrap();
    things.counted(&patient(), -5).await.unwrap();
    let event = soon("the event", counted.next()).await.unwrap().unwrap();
    assert_eq!(*event, -5);
}

/// Each event goes to one of the two, and to a subscriber outside the group as well.
pub async fn two_members_of_a_group_share_the_events(fixture: &Fixture) {
    const EVENTS: i64 = 200;
    let seen: Arc<Mutex<Vec<(usize, i64)>>> = Arc::default();
    let mut members = Vec::new();
    for member in 0..2 {
        let things = Things::subscriber(&fixture.server, "bill", "emea").group("sharers");
        let mut counted = things.counted().await.unwrap();
        let seen = Arc::clone(&seen);
        members.push(tokio::spawn(async move {
            while let Some(event) = counted.next().await {
                let event = event.unwrap();
                seen.lock().await.push((member, *event));
                event.ack().await.unwrap();
            }
        }));
    }
    let mut alone = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in 0..EVENTS {
        things.counted(&patient(), number).await.unwrap();
    }
    for number in 0..EVENTS {
        let event = soon("the event", alone.next()).await.unwrap().unwrap();
        assert_eq!(*event, number, "one publisher's events come in order");
    }
    soon("all events at the group", async {
        while seen.lock().await.len() < EVENTS as usize {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let seen = seen.lock().await;
    let numbers: BTreeSet<i64> = seen.iter().map(|(_, number)| *number).collect();
    assert_eq!((seen.len(), numbers.len()), (EVENTS as usize, EVENTS as usize), "each event once");
    let first = seen.iter().filter(|(member, _)| *member == 0).count();
    assert!((1..EVENTS as usize).contains(&first), "one member got {first} of {EVENTS}");
    for member in members {
        member.abort();
    }
}

/// `*` in place of one variable, and only of that one.
pub async fn a_wildcard_takes_every_value_of_a_variable(fixture: &Fixture) {
    let mut counted = Things::subscriber(&fixture.server, "bill", "*").counted().await.unwrap();
    let regions = [("bill", "emea", 1), ("anna", "emea", 2), ("bill", "apac", 3), ("bill", "latam", 4)];
    for (user, region, number) in regions {
        Things::publisher(&fixture.client, user, region).counted(&patient(), number).await.unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = soon("the event", counted.next()).await.unwrap().unwrap();
        seen.push((event.variable("region").unwrap_or_default().to_owned(), *event));
    }
    assert_eq!(seen, [("emea".to_owned(), 1), ("apac".to_owned(), 3), ("latam".to_owned(), 4)]);
}

/// Without a group there is no sharing.
pub async fn subscribers_outside_a_group_each_get_every_event(fixture: &Fixture) {
    let mut first = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    let mut second = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    Things::publisher(&fixture.client, "bill", "emea").counted(&patient(), 11).await.unwrap();
    for subscription in [&mut first, &mut second] {
        assert_eq!(*soon("the event", subscription.next()).await.unwrap().unwrap(), 11);
    }
}

/// White space, nothing at all, and a publisher's wildcard.
pub async fn a_variable_that_cannot_be_in_a_topic_is_refused(fixture: &Fixture) {
    for bad in ["", "two words", "a..b", "*", "tail.>", "line\nbreak"] {
        let things = Things::publisher(&fixture.client, "bill", bad);
        let error = things.counted(&patient(), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad:?}");
        assert!(error.message().contains("region"), "{error}");
    }
    let error = Things::subscriber(&fixture.server, "", "emea").counted().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
}

/// `for_each` hands over payloads in order and acknowledges them.
pub async fn a_handler_gets_every_event(fixture: &Fixture) {
    let counted = Things::subscriber(&fixture.server, "bill", "emea").group("handlers").counted().await.unwrap();
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handling = tokio::spawn(counted.for_each(move |ctx, number| {
        let sent = seen_in.send((ctx.header("tenant").map(str::to_owned), number));
        async move { sent }
    }));
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in 0..20 {
        things.counted(&patient().with_header("tenant", "blue"), number).await.unwrap();
    }
    for number in 0..20 {
        assert_eq!(soon("the event", seen.recv()).await, Some((Some("blue".to_owned()), number)));
    }
    handling.abort();
}

/// So does one that takes the events themselves; where nothing comes again, it learns that when it asks for it, and later what it says of an
/// event whose handling is over.
pub async fn a_handler_that_takes_events_gets_every_one(fixture: &Fixture) {
    let counted = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handling = tokio::spawn(counted.for_each_event(move |event| {
        let seen = seen_in.clone();
        async move {
            if *event % 2 == 0 {
                let error = event.nack_after(std::time::Duration::from_secs(1), "busy").await.unwrap_err();
                return seen.send(Err(error.kind()));
            }
            assert!(event.in_progress().await.unwrap());
            seen.send(Ok(event))
        }
    }));
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in 0..4 {
        things.counted(&patient().with_header("tenant", "blue"), number).await.unwrap();
    }
    for number in 0..4 {
        match soon("the event", seen.recv()).await.unwrap() {
            Err(kind) => assert!(number % 2 == 0 && kind == ErrorKind::Unsupported, "{number}: {kind:?}"),
            Ok(event) => {
                assert_eq!((*event, event.context().header("tenant")), (number, Some("blue")));
                assert_eq!(event.variable("region"), Some("emea"));
            }
        }
    }
    things.counted(&patient(), 5).await.unwrap();
    let event = soon("the event", seen.recv()).await.unwrap().unwrap();
    // The next one comes when this one's handling is over.
    things.counted(&patient(), 7).await.unwrap();
    soon("the event", seen.recv()).await.unwrap().unwrap();
    assert!(!event.in_progress().await.unwrap());
    let error = event.ack().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    handling.abort();
}

/// Nothing is published on a closed bus, and the error says that it is closed.
pub async fn a_closed_bus_publishes_nothing(fixture: &Fixture) {
    fixture.client.close().await.unwrap();
    let error = Things::publisher(&fixture.client, "bill", "emea").counted(&patient(), 1).await.unwrap_err();
    assert!(error.is_closed(), "{error}");
}

/// There is nobody else to have it, so nobody takes it away.
pub async fn a_subscription_without_a_group_has_no_time_limit_and_gives_nothing_back(fixture: &Fixture) {
    let mut events = Things::subscriber(&fixture.server, "bill", "emea").counted().await.unwrap();
    Things::publisher(&fixture.client, "bill", "emea").counted(&patient(), 7).await.unwrap();
    let event = soon("the event", events.next()).await.unwrap().unwrap();
    assert!(event.in_progress().await.unwrap());
    let error = event.nack_after(std::time::Duration::from_secs(1), "busy").await.unwrap_err();
    assert_eq!(error.kind(), thriftwood::ErrorKind::Unsupported);
    assert!(error.message().contains("group"), "{error}");
}
