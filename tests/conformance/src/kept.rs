//! What becomes of events on a transport that keeps them.

use std::time::{Duration, Instant, SystemTime};

use thriftwood::event::{Envelope, Guarantee, Start};
use thriftwood::middleware::{Next, from_fn};
use thriftwood::{Error, Event, Subscription};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Things, ThingsEvent};

pub(crate) async fn publish(fixture: &Fixture, numbers: impl IntoIterator<Item = i64>) {
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in numbers {
        things.counted(&patient(), number).await.unwrap();
    }
}

pub(crate) async fn group(fixture: &Fixture, name: &str) -> Subscription<i64> {
    Things::subscriber(&fixture.server, "bill", "emea").group(name).counted().await.unwrap()
}

async fn next(subscription: &mut Subscription<i64>) -> Event<i64> {
    soon("the event", subscription.next()).await.unwrap().unwrap()
}

/// What was published before anybody subscribed, in order, with offsets that rise and times that do not fall.
pub async fn a_new_group_starts_with_the_first_event(fixture: &Fixture) {
    let before = SystemTime::now() - Duration::from_secs(1);
    publish(fixture, 0..50).await;
    let mut late = group(fixture, "late").await;
    let mut last = None;
    for number in 0..50 {
        let event = next(&mut late).await;
        assert_eq!((*event, event.attempt(), event.guarantee()), (number, 1, Guarantee::AtLeastOnce));
        let at = (event.offset().unwrap(), event.time().unwrap());
        assert!(last.is_none_or(|(offset, time)| at.0 > offset && at.1 >= time), "{last:?} then {at:?}");
        assert!(at.1 > before);
        last = Some(at);
        event.ack().await.unwrap();
    }
}

/// Acknowledged is done with, over the end of the subscription; what was not comes again.
pub async fn a_group_goes_on_where_it_left_off(fixture: &Fixture) {
    publish(fixture, 0..10).await;
    let mut first = group(fixture, "mailer").await;
    for number in 0..4 {
        let event = next(&mut first).await;
        assert_eq!(*event, number);
        event.ack().await.unwrap();
    }
    let unfinished = next(&mut first).await;
    assert_eq!(*unfinished, 4);
    drop((unfinished, first));
    let mut second = group(fixture, "mailer").await;
    let mut rest = Vec::new();
    while rest.len() < 6 {
        let event = next(&mut second).await;
        rest.push(*event);
        event.ack().await.unwrap();
    }
    rest.sort_unstable();
    assert_eq!(rest, [4, 5, 6, 7, 8, 9]);
}

/// By name, and by being dropped; each further delivery says so.
pub async fn an_event_that_was_not_handled_comes_again(fixture: &Fixture) {
    publish(fixture, [7]).await;
    let mut events = group(fixture, "clumsy").await;
    let event = next(&mut events).await;
    assert_eq!(event.attempt(), 1);
    event.nack().await.unwrap();
    let event = next(&mut events).await;
    assert_eq!((*event, event.attempt()), (7, 2));
    drop(event);
    let event = next(&mut events).await;
    assert_eq!((*event, event.attempt()), (7, 3));
    event.ack().await.unwrap();
    publish(fixture, [8]).await;
    let event = next(&mut events).await;
    assert_eq!((*event, event.attempt()), (8, 1), "what was acknowledged does not come again");
}

/// The delay that was asked for, and not the usual one; through middleware as well.
pub async fn an_event_given_back_with_a_delay_comes_after_it_and_holds_up_no_other(fixture: &Fixture) {
    const DELAY: Duration = Duration::from_millis(1_500);
    publish(fixture, [7, 8]).await;
    let subscriber = |group: &str| Things::subscriber(&fixture.server, "bill", "emea").group(group);
    for subscriber in [subscriber("busy"), subscriber("layered").layer(from_fn(passed_on))] {
        let mut events = subscriber.counted().await.unwrap();
        let event = next(&mut events).await;
        assert_eq!((*event, event.attempt()), (7, 1));
        let begun = Instant::now();
        event.nack_after(DELAY, "the mail server is busy").await.unwrap();
        let other = next(&mut events).await;
        assert_eq!(*other, 8);
        other.ack().await.unwrap();
        let event = next(&mut events).await;
        assert_eq!((*event, event.attempt()), (7, 2));
        // The server's clock, which began a moment later, may have ticked a little faster.
        assert!(begun.elapsed() > DELAY - Duration::from_millis(100), "it came after {:?}", begun.elapsed());
        event.ack().await.unwrap();
    }
}

/// A handler may say itself what becomes of its event; what it has not said when it ends is said for it.
pub async fn a_handler_that_takes_the_event_says_what_becomes_of_it_or_leaves_it(fixture: &Fixture) {
    const DELAY: Duration = Duration::from_millis(700);
    publish(fixture, [1, 2, 3, 4, 5]).await;
    for (name, limit) in [("one", None), ("several", Some(8))] {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let handler = move |event: Event<i64>| {
            tell.send((*event, event.attempt(), Instant::now())).unwrap();
            async move {
                match (*event, event.attempt()) {
                    (1, 1) => event.nack_after(DELAY, "the mail server is busy").await.map_err(|e| e.to_string()),
                    (2, 1) => Err("there is no such box".to_owned()),
                    (3, 1) => panic!("as asked"),
                    // What it said counts, and not how it ended.
                    (4, 1) => event.ack().await.map_err(|e| e.to_string()).and(Err("too late".to_owned())),
                    _ => Ok(()),
                }
            }
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let events = group(fixture, name).await.until(async { drop(stopped.await) });
        let handling = match limit {
            None => tokio::spawn(events.for_each_event(handler)),
            Some(limit) => tokio::spawn(events.for_each_event_concurrent(limit, handler)),
        };
        let mut handled = Vec::new();
        while handled.len() < 8 {
            handled.push(soon("a delivery", told.recv()).await.unwrap());
        }
        let when = |number, attempt| handled.iter().find(|at| (at.0, at.1) == (number, attempt)).map(|at| at.2);
        for number in [1, 2, 3] {
            assert!(when(number, 2).is_some(), "{name}: {number} did not come again: {handled:?}");
        }
        let waited = when(1, 2).unwrap() - when(1, 1).unwrap();
        assert!(waited > DELAY - Duration::from_millis(100), "{name}: it came after {waited:?}");
        drop(stop);
        soon("the end of what is under way", handling).await.unwrap().unwrap();
        let more = told.try_recv();
        assert!(more.is_err(), "{name}: {more:?}");
    }
}

pub(crate) async fn passed_on(envelope: Envelope<ThingsEvent>, next: Next<Envelope<ThingsEvent>>) -> Result<(), Error> {
    next.run(envelope).await
}

/// All of it, at once: nothing lies ahead of a member that may not begin with it. Through middleware as well.
pub async fn what_a_member_at_its_limit_does_not_take_goes_to_another(fixture: &Fixture) {
    const EVENTS: i64 = 20;
    publish(fixture, 0..EVENTS).await;
    let subscriber = |group: &str| Things::subscriber(&fixture.server, "bill", "emea").group(group);
    for (name, limited) in
        [("plain", subscriber("plain")), ("layered", subscriber("layered").layer(from_fn(passed_on)))]
    {
        let mut first = limited.counted().await.unwrap().max_in_flight(1);
        let held = next(&mut first).await;
        let mut second = group(fixture, name).await;
        for number in 1..EVENTS {
            let event = next(&mut second).await;
            assert_eq!((*event, event.attempt()), (number, 1), "{name}");
            event.ack().await.unwrap();
        }
        held.ack().await.unwrap();
    }
}

/// How long a subscriber may have an event, where [`time_limit_behaviours!`](crate::time_limit_behaviours) are run.
pub const TIME: Duration = Duration::from_millis(1_500);

/// Longer than it may have it, for as long as it says so; through middleware as well.
pub async fn an_event_in_progress_stays_with_its_subscriber_and_goes_to_another_afterwards(fixture: &Fixture) {
    publish(fixture, [7]).await;
    let slow = Things::subscriber(&fixture.server, "bill", "emea").group("slow").layer(from_fn(passed_on));
    let mut first = slow.counted().await.unwrap();
    let event = next(&mut first).await;
    assert_eq!((*event, event.attempt()), (7, 1));
    let mut second = group(fixture, "slow").await;
    let begun = Instant::now();
    while begun.elapsed() < 2 * TIME {
        assert!(event.in_progress().await.unwrap(), "it was lost after {:?}", begun.elapsed());
        let others = tokio::time::timeout(TIME / 6, second.next()).await;
        assert!(others.is_err(), "another got it after {:?}: {others:?}", begun.elapsed());
    }
    let again = next(&mut second).await;
    // JetStream may have given it to the first one's next request in between.
    assert!(*again == 7 && again.attempt() >= 2, "{again:?}");
    if fixture.server.scheme() == "log" {
        assert!(!event.in_progress().await.unwrap(), "it is another's");
    }
    again.ack().await.unwrap();
}

/// The same of a handler: it keeps the event as long as it says so, and another member has it when it stops saying so.
pub async fn a_handler_keeps_its_event_for_as_long_as_it_says_that_it_is_in_progress(fixture: &Fixture) {
    publish(fixture, [7]).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let first = group(fixture, "slow").await;
    let handling = tokio::spawn(first.for_each_event(move |event| {
        let tell = tell.clone();
        async move {
            let begun = Instant::now();
            tell.send("begun").unwrap();
            while begun.elapsed() < 2 * TIME {
                assert!(event.in_progress().await.unwrap(), "it was lost after {:?}", begun.elapsed());
                tokio::time::sleep(TIME / 6).await;
            }
            tell.send("done").unwrap();
            Ok::<_, String>(())
        }
    }));
    assert_eq!(soon("the beginning", told.recv()).await, Some("begun"));
    let mut second = group(fixture, "slow").await;
    tokio::select! {
        other = second.next() => panic!("another got it: {other:?}"),
        done = soon("the end of the handler", told.recv()) => assert_eq!(done, Some("done")),
    }
    // Acknowledged by its end: it comes to nobody any more.
    let other = tokio::time::timeout(TIME + TIME / 3, second.next()).await;
    assert!(other.is_err(), "another got it: {other:?}");
    handling.abort();
}

/// With all handlers at work for longer than that: what waits in line behind their events waits, and has all its deliveries before it.
pub async fn events_in_line_wait_however_long_all_handlers_are_at_work(fixture: &Fixture) {
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for (number, key) in [(0, "one"), (1, "one"), (2, "one"), (3, "two")] {
        things.counted(&patient().with_key(key), number).await.unwrap();
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (stop, stopped) = tokio::sync::watch::channel(());
    let handler = move |event: Event<i64>| {
        let tell = tell.clone();
        async move {
            tell.send((*event, event.attempt())).unwrap();
            // The first of each key.
            let begun = Instant::now();
            while matches!(*event, 0 | 3) && begun.elapsed() < 2 * TIME {
                assert!(event.in_progress().await.unwrap(), "it was lost after {:?}", begun.elapsed());
                tokio::time::sleep(TIME / 6).await;
            }
            tell.send((*event, 0)).unwrap();
            Ok::<_, String>(())
        }
    };
    let mut handling = Vec::new();
    let mut heard = Vec::new();
    for _ in 0..2 {
        let mut stopped = stopped.clone();
        let member = group(fixture, "slow").await.until(async move { drop(stopped.changed().await) });
        handling.push(tokio::spawn(member.for_each_event_concurrent(2, handler.clone())));
        // The second has nothing to do before the first has done something.
        while heard.len() < 2 {
            heard.push(soon("the beginning", told.recv()).await.unwrap());
        }
    }
    while heard.len() < 8 {
        heard.push(soon("the handlers", told.recv()).await.unwrap());
    }
    let one: Vec<_> = heard.iter().filter(|(number, _)| *number != 3).copied().collect();
    assert_eq!(one, [(0, 1), (0, 0), (1, 1), (1, 0), (2, 1), (2, 0)], "each once, in order: {heard:?}");
    drop(stop);
    for handling in handling {
        soon("the end", handling).await.unwrap().unwrap();
    }
}

/// At the first, at an offset, at a time; and two groups do not share.
pub async fn a_subscription_starts_where_it_is_told(fixture: &Fixture) {
    publish(fixture, 0..5).await;
    let subscriber = |start| Things::subscriber(&fixture.server, "bill", "emea").start(start);
    let mut all = subscriber(Start::First).counted().await.unwrap();
    let mut offsets = Vec::new();
    for number in 0..5 {
        let event = next(&mut all).await;
        assert_eq!((*event, event.guarantee()), (number, Guarantee::AtMostOnce));
        offsets.push(event.offset().unwrap());
    }
    let mut from = subscriber(Start::Offset(offsets[3])).counted().await.unwrap();
    assert_eq!(*next(&mut from).await, 3);
    let mut new = subscriber(Start::Next).counted().await.unwrap();
    // A clock is read twice within its own step otherwise.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let now = SystemTime::now();
    publish(fixture, [5]).await;
    let mut since = subscriber(Start::Time(now)).counted().await.unwrap();
    assert_eq!((*next(&mut new).await, *next(&mut since).await), (5, 5));
    let mut grouped = subscriber(Start::Next).group("fresh").counted().await.unwrap();
    publish(fixture, [6]).await;
    assert_eq!(*next(&mut grouped).await, 6);
}
