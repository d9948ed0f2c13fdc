//! What becomes of events that nobody handles, where so many deliveries are the limit.

use std::time::Duration;

use thriftwood::Subscription;
use thriftwood::event::{Start, SubscribeOptions, TopicFilter};
use thriftwood::middleware::from_fn;
use tokio::sync::{mpsc, oneshot};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::Things;
use crate::kept::{group, passed_on, publish};
use crate::letters::Letter;

/// How many deliveries an event has, where these behaviours are run.
pub const ATTEMPTS: u32 = 3;

/// The group's letters, while a member waits for more and gets nothing.
async fn letters(fixture: &Fixture, group: &str, letters: usize, member: &mut Subscription<i64>) -> Vec<Letter> {
    tokio::select! {
        letters = fixture.letters(group, letters) => letters,
        event = member.next() => panic!("nothing is to be delivered any more: {event:?}"),
    }
}

fn header<'a>(letter: &'a Letter, name: &str) -> &'a str {
    letter.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", letter.headers))
}

/// It has its deliveries, each with its number, and then is a letter that tells all of it. The others are not touched.
pub async fn an_event_that_nobody_can_handle_becomes_a_dead_letter_with_its_reasons(fixture: &Fixture) {
    publish(fixture, 0..3).await;
    let mut mailer = group(fixture, "mailer").await;
    let (mut attempts, mut others, mut offset) = (Vec::new(), Vec::new(), None);
    while attempts.len() < ATTEMPTS as usize || others.len() < 2 {
        let event = soon("an event", mailer.next()).await.unwrap().unwrap();
        if *event == 1 {
            attempts.push(event.attempt());
            offset = event.offset();
            let reason = format!("no account, try {}\nof many", event.attempt());
            event.nack_because(&reason).await.unwrap();
        } else {
            others.push(*event);
            event.ack().await.unwrap();
        }
    }
    assert_eq!((&attempts[..], &others[..]), (&[1, 2, 3][..], &[0, 2][..]));
    let letters = letters(fixture, "mailer", 1, &mut mailer).await;
    let [letter] = &letters[..] else { panic!("one letter: {letters:?}") };
    assert_eq!(header(letter, "topic"), "v1.probe.bill.emea.Things.Counted");
    assert_eq!(header(letter, "dead-offset"), offset.unwrap().to_string());
    assert_eq!(header(letter, "dead-attempts"), "3");
    assert!(header(letter, "dead-reason").starts_with("no account, try 3"), "{letter:?}");
    let history: Vec<&str> = header(letter, "dead-history").lines().collect();
    assert_eq!(history.len(), 3, "{history:?}");
    for (line, attempt) in history.iter().zip(["1", "2", "3"]) {
        let [number, time, reason] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(number, attempt);
        assert!(time.parse::<u64>().unwrap() > 1_700_000_000_000_000, "{time}");
        assert_eq!(reason, format!("no account, try {attempt} of many"));
    }
    // The event, byte for byte: it can be published again.
    let topic =
        TopicFilter { pattern: "v1.probe.bill.emea.Things.Counted".to_owned(), stream: "v1.probe.{}.{}.Things".into() };
    let from = SubscribeOptions::default().start(Start::Offset(offset.unwrap()));
    let mut frames = fixture.server.subscribe_frames(topic, from).await.unwrap();
    assert_eq!(soon("the event", frames.next()).await.unwrap().unwrap().frame, letter.frame);
    // A group that starts again goes on behind it.
    drop(mailer);
    publish(fixture, [3]).await;
    let event = soon("the next event", group(fixture, "mailer").await.next()).await.unwrap().unwrap();
    assert_eq!(*event, 3);
}

/// Whatever deliveries it has left, and with the ones it had told; through middleware as well. The others are not touched.
pub async fn an_event_that_can_never_be_handled_becomes_a_dead_letter_at_once(fixture: &Fixture) {
    publish(fixture, 0..2).await;
    let subscriber = |group: &str| Things::subscriber(&fixture.server, "bill", "emea").group(group);
    for (last, name, subscriber) in
        [(10, "sure", subscriber("sure")), (11, "layered", subscriber("layered").layer(from_fn(passed_on)))]
    {
        let mut member = subscriber.counted().await.unwrap();
        let mut is_done = false;
        while !is_done {
            let event = soon("an event", member.next()).await.unwrap().unwrap();
            is_done = (*event, event.attempt()) == (0, 2);
            match *event {
                0 if is_done => event.dead_letter("no such account").await.unwrap(),
                0 => event.nack_because("the mail server is down").await.unwrap(),
                _ => event.ack().await.unwrap(),
            }
        }
        publish(fixture, [last]).await;
        loop {
            let event = soon("the last event", member.next()).await.unwrap().unwrap();
            let number = *event;
            assert_ne!(number, 0, "{name}: it came again");
            event.ack().await.unwrap();
            if number == last {
                break;
            }
        }
        let letters = letters(fixture, name, 1, &mut member).await;
        let [letter] = &letters[..] else { panic!("one letter: {letters:?}") };
        assert_eq!(
            (header(letter, "dead-attempts"), header(letter, "dead-reason")),
            ("2", "no such account"),
            "{name}"
        );
        let history: Vec<&str> = header(letter, "dead-history").lines().collect();
        assert!(history.len() == 2 && history[0].ends_with("the mail server is down"), "{history:?}");
    }
}

/// A delivery that ends without a word counts too, and behind the last one no delay is waited for.
pub async fn a_dropped_delivery_counts_and_the_last_one_waits_for_no_delay(fixture: &Fixture) {
    publish(fixture, [7]).await;
    let mut hasty = group(fixture, "hasty").await;
    for attempt in 1..=ATTEMPTS {
        let event = soon("the event", hasty.next()).await.unwrap().unwrap();
        assert_eq!((*event, event.attempt()), (7, attempt));
        match attempt {
            ATTEMPTS => event.nack_after(Duration::from_secs(3_600), "come back in an hour").await.unwrap(),
            _ => drop(event),
        }
    }
    let first = letters(fixture, "hasty", 1, &mut hasty).await;
    assert_eq!((first.len(), header(&first[0], "dead-reason")), (1, "come back in an hour"));
    publish(fixture, [8]).await;
    for attempt in 1..=ATTEMPTS {
        let event = soon("the other event", hasty.next()).await.unwrap().unwrap();
        assert_eq!((*event, event.attempt()), (8, attempt));
    }
    let both = self::letters(fixture, "hasty", 2, &mut hasty).await;
    assert_eq!((both.len(), header(&both[1], "dead-reason")), (2, ""));
}

/// One that fails each time holds back its key for as many deliveries as there are, and no longer.
pub async fn a_key_goes_on_behind_its_dead_letter(fixture: &Fixture) {
    let counted = group(fixture, "ordered").await;
    let (seen, mut heard) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let handling =
        tokio::spawn(counted.until(async { drop(stopped.await) }).for_each_concurrent(4, move |_, number| {
            let told = seen.send(number);
            async move {
                told.map_err(|error| error.to_string())?;
                if number == 0 { Err("no such account".to_owned()) } else { Ok(()) }
            }
        }));
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in 0..3 {
        things.counted(&patient().with_key("one"), number).await.unwrap();
    }
    let mut all = Vec::new();
    while all.len() < 5 {
        all.push(soon("an event", heard.recv()).await.unwrap());
    }
    assert_eq!(all, [0, 0, 0, 1, 2]);
    let letters = fixture.letters("ordered", 1).await;
    let [letter] = &letters[..] else { panic!("one letter: {letters:?}") };
    assert_eq!((header(letter, "dead-attempts"), header(letter, "dead-reason")), ("3", "no such account"));
    assert_eq!(header(letter, "dead-history").lines().count(), 3);
    stop.send(()).unwrap();
    soon("the end", handling).await.unwrap().unwrap();
}
