//! Groups: sharing, acknowledging in any order, redelivery, and a position that outlives the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thriftwood_core::event::{Guarantee, Start};

use thriftwood_log::store::dead_letter::REASON;
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogOptions, LogView};

use crate::support::{connect, next, publish, soon, subscribe, subscriber};

#[tokio::test]
async fn a_new_group_starts_at_the_first_event_and_goes_on_where_it_left_off() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let bus = connect(folder.path()).await;
        for number in 0..5 {
            publish(&bus, "emea", round * 5 + number).await;
        }
        let mut group = subscribe(&subscriber(&bus, "emea").group("mailer").start(Start::First)).await;
        for number in 0..5 {
            let event = next(&mut group).await;
            assert_eq!((*event, event.attempt()), (round * 5 + number, 1));
            assert_eq!(event.guarantee(), Guarantee::AtLeastOnce);
            event.ack().await.unwrap();
        }
        // Alternately closed and dropped.
        if round % 2 == 0 {
            bus.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_reopening_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    for number in 0..10 {
        publish(&bus, "emea", number).await;
    }
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let mut held = Vec::new();
    for number in 0..10 {
        let event = next(&mut group).await;
        if [2, 3, 7].contains(&number) { held.push(event) } else { event.ack().await.unwrap() }
    }
    bus.close().await.unwrap();
    for event in held {
        assert!(event.ack().await.unwrap_err().is_closed(), "too late");
    }
    drop(group);
    drop(bus);

    let bus = connect(folder.path()).await;
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    publish(&bus, "emea", 10).await;
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let event = next(&mut group).await;
        seen.insert(*event);
        event.ack().await.unwrap();
    }
    assert_eq!(seen, BTreeSet::from([2, 3, 7, 10]));
}

#[tokio::test]
async fn an_event_that_was_refused_or_dropped_comes_again_later_and_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    for number in 0..3 {
        publish(&bus, "emea", number).await;
    }
    let begun = Instant::now();
    next(&mut group).await.nack().await.unwrap();
    drop(next(&mut group).await);
    let event = next(&mut group).await;
    assert_eq!((*event, event.attempt()), (2, 1), "the third is not held up");
    event.ack().await.unwrap();
    let mut again = BTreeSet::new();
    for _ in 0..2 {
        let event = next(&mut group).await;
        again.insert((*event, event.attempt()));
        event.ack().await.unwrap();
    }
    assert_eq!(again, BTreeSet::from([(0, 2), (1, 2)]));
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn what_a_member_had_goes_to_another_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mailer = subscriber(&bus, "emea").group("mailer");
    let mut leaving = subscribe(&mailer).await;
    let mut staying = subscribe(&mailer).await;
    publish(&bus, "emea", 7).await;
    let event = next(&mut leaving).await;
    drop(leaving);
    drop(event);
    let event = next(&mut staying).await;
    assert_eq!((*event, event.attempt()), (7, 2));
    event.ack().await.unwrap();
}

#[tokio::test]
async fn members_share_and_groups_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mut members = tokio::task::JoinSet::new();
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for member in 0..4 {
        let group = ["mailer", "auditor"][member / 2];
        let mut subscription = subscribe(&subscriber(&bus, "emea").group(group)).await;
        let seen_in = seen_in.clone();
        members.spawn(async move {
            while let Some(event) = subscription.next().await {
                let event = event.unwrap();
                seen_in.send((member, *event)).unwrap();
                event.ack().await.unwrap();
            }
        });
    }
    for number in 0..100 {
        publish(&bus, "emea", number).await;
    }
    let mut by_group = [BTreeSet::new(), BTreeSet::new()];
    let mut by_member = [0; 4];
    for _ in 0..200 {
        let (member, number) = soon("all events", seen.recv()).await.unwrap();
        assert!(by_group[member / 2].insert(number), "{number} came twice");
        by_member[member] += 1;
    }
    assert!(by_member.iter().all(|count| *count > 0), "{by_member:?}");
    bus.close().await.unwrap();
    members.join_all().await;
}

#[tokio::test]
async fn a_group_keeps_a_position_for_each_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    publish(&bus, "emea", 1).await;
    publish(&bus, "apac", 2).await;
    let mut emea = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let event = next(&mut emea).await;
    assert_eq!(*event, 1);
    event.ack().await.unwrap();
    // Had the group one position for all, this member would have missed what it was not yet there for.
    let mut apac = subscribe(&subscriber(&bus, "apac").group("mailer")).await;
    assert_eq!(*next(&mut apac).await, 2);
}

#[tokio::test]
async fn acknowledgements_by_the_thousand_survive_the_journal_being_shortened() {
    const EVENTS: i64 = 6_000;
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let publishers = (0..60).map(|publisher| {
        let bus = bus.clone();
        tokio::spawn(async move {
            for number in 0..EVENTS / 60 {
                publish(&bus, "emea", publisher * (EVENTS / 60) + number).await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let mut acks = tokio::task::JoinSet::new();
    let mut kept = BTreeSet::new();
    for n in 0..EVENTS {
        let event = next(&mut group).await;
        if n % 1000 == 500 {
            kept.insert(*event);
            std::mem::forget(event);
        } else {
            acks.spawn(event.ack());
        }
    }
    while let Some(ack) = acks.join_next().await {
        ack.unwrap().unwrap();
    }
    drop(group);
    drop(bus);
    let bus = connect(folder.path()).await;
    let mut group = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    publish(&bus, "emea", EVENTS).await;
    let mut seen = BTreeSet::new();
    loop {
        let event = next(&mut group).await;
        let number = *event;
        event.ack().await.unwrap();
        if number == EVENTS {
            break;
        }
        seen.insert(number);
    }
    assert_eq!(seen, kept);
    let journal = std::fs::read_dir(folder.path().join("streams/v1.{}.Numbers/groups/mailer/v1.emea.Numbers.Counted"));
    let size: u64 = journal.unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 700_000, "the journal is {size} bytes");
}

#[tokio::test]
async fn an_event_that_nobody_can_handle_goes_to_the_dead_letters_of_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = thriftwood_log::Config::default();
    config.groups.max_attempts = Some(3);
    config.groups.first_delay = Duration::from_millis(1);
    let bus = config.connect(folder.path()).await.unwrap();
    for number in 0..3 {
        publish(&bus, "emea", number).await;
    }
    let mut mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let mut attempts = Vec::new();
    while attempts.len() < 3 {
        let event = next(&mut mailer).await;
        if *event == 1 {
            attempts.push(event.attempt());
            event.nack().await.unwrap();
        } else {
            event.ack().await.unwrap();
        }
    }
    assert_eq!(attempts, [1, 2, 3]);
    // The last event of all shows that the one before it is not delivered any more.
    publish(&bus, "emea", 3).await;
    let last = loop {
        let event = next(&mut mailer).await;
        let number = *event;
        event.ack().await.unwrap();
        if number == 3 {
            break number;
        }
    };
    assert_eq!(last, 3);
    drop(mailer);
    bus.close().await.unwrap();
    let groups = folder.path().join("streams/v1.{}.Numbers/groups/mailer");
    let pattern = std::fs::read_dir(groups).unwrap().next().unwrap().unwrap();
    let log = thriftwood_log::store::Log::open(pattern.path().join("dead"), LogOptions::default()).unwrap();
    assert_eq!(log.next_offset(), 1, "one dead letter");
}

#[tokio::test]
async fn a_dead_letter_has_what_the_handler_said() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut config) = thriftwood_log::Config::from_url("data?max_attempts=2").unwrap();
    config.groups.first_delay = Duration::from_millis(1);
    let bus = config.connect(folder.path()).await.unwrap();
    publish(&bus, "emea", 1).await;
    publish(&bus, "emea", 2).await;
    let mailer = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let (handled, mut is_handled) = tokio::sync::mpsc::unbounded_channel();
    let handling = tokio::spawn(mailer.for_each_concurrent(2, move |_, number| {
        let handled = handled.clone();
        async move {
            if number == 1 { Err("no such account".to_owned()) } else { handled.send(()).map_err(|e| e.to_string()) }
        }
    }));
    soon("the other event", is_handled.recv()).await.unwrap();
    let dead = folder.path().join("streams/v1.{}.Numbers/groups/mailer/v1.emea.Numbers.Counted/dead");
    let letter = soon("the dead letter", async {
        loop {
            let view = LogView::open(&dead, Arc::new(RealDisk)).and_then(|view| view.reader(From::First));
            if let Ok(Some(letter)) = view.and_then(|mut reader| reader.next_ready()) {
                return letter;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(letter.header(REASON).as_deref(), Some(&b"no such account"[..]));
    bus.close().await.unwrap();
    soon("the end", handling).await.unwrap().unwrap();
}
