//! Events that can never be handled: dead letters at once where there are some, and never lost where there are none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::codec::Writer;
use thriftwood_core::event::{Envelope, Operation, Publisher, ScopeEvent};
use thriftwood_core::middleware::{Next, from_fn};
use thriftwood_core::{Bus, Context, Error, ErrorKind};
use thriftwood_log::Config;
use thriftwood_log::store::dead_letter::{ATTEMPTS, OFFSET, REASON};
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogView, Record};

use crate::support::{COUNTED, NUMBERS, NumbersEvent, next, publish, soon, subscribe, subscriber};

/// What is said as a `Counted` by somebody with another contract.
#[derive(Clone, Debug)]
struct Text(String);

impl ScopeEvent for Text {
    fn operation(&self) -> &'static Operation {
        &COUNTED
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        w.write_string(&self.0);
    }
}

pub(crate) async fn publish_text(bus: &Bus) {
    let publisher = Publisher::new(bus, &NUMBERS, vec!["emea".to_owned()]);
    publisher.publish(&Context::new(), &COUNTED, &"abc".to_owned(), Text).await.unwrap();
}

pub(crate) fn config(max_attempts: Option<u32>) -> Config {
    let mut config = Config::default();
    (config.groups.max_attempts, config.groups.first_delay) = (max_attempts, Duration::from_millis(1));
    config
}

/// The dead letters of the group `mailer`.
pub(crate) fn letters(dir: &Path) -> Vec<Record> {
    let dead = dir.join("streams/v1.{}.Numbers/groups/mailer/v1.emea.Numbers.Counted/dead");
    let mut reader = LogView::open(&dead, Arc::new(RealDisk)).unwrap().reader(From::First).unwrap();
    std::iter::from_fn(|| reader.next_ready().unwrap()).collect()
}

pub(crate) fn header(letter: &Record, name: &str) -> String {
    String::from_utf8(letter.header(name).unwrap().to_vec()).unwrap()
}

async fn passed_on(envelope: Envelope<NumbersEvent>, next: Next<Envelope<NumbersEvent>>) -> Result<(), Error> {
    next.run(envelope).await
}

#[tokio::test]
async fn an_event_that_can_never_be_handled_is_a_dead_letter_at_once_and_does_not_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let bus = config(Some(5)).connect(folder.path()).await.unwrap();
    for number in 0..3 {
        publish(&bus, "emea", number).await;
    }
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    next(&mut mailer).await.dead_letter("no such account").await.unwrap();
    assert_eq!(letters(folder.path()).len(), 1, "it is there when the call resolves");
    drop(mailer);
    // Through middleware, and after a delivery that failed.
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer").layer(from_fn(passed_on))).await;
    let event = next(&mut mailer).await;
    assert_eq!((*event, event.attempt()), (1, 1));
    event.nack_because("the mail server is down").await.unwrap();
    loop {
        let event = next(&mut mailer).await;
        match *event {
            1 => break event.dead_letter("no such account either").await.unwrap(),
            _ => event.ack().await.unwrap(),
        }
    }
    drop(mailer);
    bus.close().await.unwrap();

    let told: Vec<[String; 3]> = letters(folder.path())
        .iter()
        .map(|letter| [OFFSET, ATTEMPTS, REASON].map(|name| header(letter, name)))
        .collect();
    assert_eq!(told, [["0", "1", "no such account"], ["1", "2", "no such account either"]]);
    let bus = config(Some(5)).connect(folder.path()).await.unwrap();
    publish(&bus, "emea", 3).await;
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let event = next(&mut mailer).await;
    assert!(*event >= 2, "{} came again", *event);
}

#[tokio::test]
async fn without_dead_letters_an_event_that_can_never_be_handled_comes_again_and_whoever_said_so_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bus = config(None).connect(folder.path()).await.unwrap();
    publish(&bus, "emea", 7).await;
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let error = next(&mut mailer).await.dead_letter("no such account").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("max_attempts"), "{error}");
    let event = next(&mut mailer).await;
    assert_eq!((*event, event.attempt()), (7, 2));
    drop(mailer);
    // Nor has a subscription without a group any.
    let mut alone = subscribe(&subscriber(&bus, "emea").start(thriftwood_core::event::Start::First)).await;
    let error = next(&mut alone).await.dead_letter("no such account").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("group"), "{error}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_dead_letter_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let bus = config(Some(5)).connect(folder.path()).await.unwrap();
    publish_text(&bus).await;
    publish(&bus, "emea", 1).await;
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let error = soon("word of it", mailer.next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("offset 0 cannot be read"), "{error}");
    next(&mut mailer).await.ack().await.unwrap();
    soon("the dead letter", async {
        while letters(folder.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let letters = letters(folder.path());
    assert!(letters.len() == 1 && header(&letters[0], ATTEMPTS) == "1");
    assert_eq!(header(&letters[0], REASON), error.to_string());
}

/// Whoever deploys a subscriber with the wrong contract loses nothing: one with the right contract gets all of it.
#[tokio::test]
async fn without_dead_letters_an_event_that_cannot_be_read_waits_for_a_subscriber_who_can() {
    let folder = tempfile::tempdir().unwrap();
    let bus = config(None).connect(folder.path()).await.unwrap();
    publish_text(&bus).await;
    let mut wrong = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    for _ in 0..2 {
        let error = soon("word of it", wrong.next()).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("offset 0 cannot be read"), "{error}");
    }
    drop(wrong);
    let texts =
        thriftwood_core::event::Subscriber::<Text>::new(&bus, &NUMBERS, vec!["emea".to_owned()]).group("mailer");
    let mut right = texts.subscribe(&COUNTED, Text, |Text(text)| Some(text)).await.unwrap();
    let event = soon("the event", right.next()).await.unwrap().unwrap();
    assert_eq!(*event, "abc");
    assert!(event.attempt() >= 3);
    event.ack().await.unwrap();
}
