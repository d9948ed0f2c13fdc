//! What a member takes ahead of its consumer: how much, and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use thriftwood_core::event::{Durability, Publisher, Start};
use thriftwood_core::{Bus, Context, Subscription};
use thriftwood_log::{Config, ConnectConfig, GroupName, ServeConfig};

use crate::far::Far;
use crate::served::{Served, bus};
use crate::support::{COUNTED, NUMBERS, NumbersEvent, next, soon, subscribe, subscriber};

const TAKE: u8 = 6;
const TRIP: Duration = Duration::from_millis(4);

/// Publishes so many numbers, each with this key if there is one, in order.
async fn publish_all(bus: &Bus, numbers: std::ops::Range<i64>, key: impl Fn(i64) -> Option<String>) {
    let publisher = Publisher::new(bus, &NUMBERS, vec!["emea".to_owned()]);
    for number in numbers {
        let context = Context::new().with_durability(Durability::Buffered);
        let context = if let Some(key) = key(number) { context.with_key(key) } else { context };
        publisher.publish(&context, &COUNTED, &number, NumbersEvent::Counted).await.unwrap();
    }
}

/// Has a member come into its stride: it takes `events` without waiting for anything else.
async fn run_in(member: &mut Subscription<i64>, events: i64) {
    let mut acks = tokio::task::JoinSet::new();
    for _ in 0..events {
        acks.spawn(next(member).await.ack());
    }
    for ack in acks.join_all().await {
        ack.unwrap();
    }
}

/// Waits until the group has handed out more than this.
async fn more_outstanding_than(at: &str, records: u64) {
    let many = async {
        while outstanding(at).await <= records {
            tokio::task::yield_now().await;
        }
    };
    soon("what is taken ahead", many).await;
}

async fn outstanding(at: &str) -> u64 {
    let served = ConnectConfig::default().served(&format!("log://{at}")).await.unwrap();
    let group = GroupName::new("v1.{}.Numbers", "mailer", "v1.emea.Numbers.Counted");
    served.lag(&group).await.unwrap().1.outstanding
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_far_away_pays_no_round_trip_for_each_event() {
    const EVENTS: i64 = 2_000;
    let served = Served::new().await;
    publish_all(&served.directory.bus(), 0..EVENTS, |_| None).await;
    let far = Far::from(served.at(), TRIP).await;
    let bus = bus(&far.at).await;
    let mut member = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut member, EVENTS).await;
    let takes = far.requests(TAKE);
    assert!(takes < EVENTS as usize / 10, "{EVENTS} events were asked for {takes} times");
    assert_eq!(outstanding(&served.at()).await, 0);
}

#[tokio::test]
async fn what_was_taken_ahead_goes_back_at_once_when_a_member_stops_and_counts_as_no_attempt() {
    const EVENTS: i64 = 300;
    let served = Served::new().await;
    publish_all(&served.directory.bus(), 0..EVENTS, |_| None).await;
    let far = Far::from(served.at(), TRIP).await;
    let bus = bus(&far.at).await;
    let mut first = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut first, 100).await;
    let held = next(&mut first).await;
    more_outstanding_than(&served.at(), 1).await;
    let mut second = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let begun = Instant::now();
    drop(first);
    for number in 101..EVENTS {
        let event = next(&mut second).await;
        assert_eq!((*event, event.attempt()), (number, 1), "in order, as if nobody had had it");
        event.ack().await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
    held.ack().await.unwrap();
    assert_eq!(outstanding(&served.at()).await, 0);
}

/// The one that was begun with counts, those behind it do not: what kills its handler takes nothing else to the dead letters.
#[tokio::test]
async fn of_a_client_that_dies_only_what_it_had_begun_with_counts_as_an_attempt() {
    const EVENTS: i64 = 300;
    let served = Served::new().await;
    let near = served.bus().await;
    publish_all(&near, 0..EVENTS, |_| None).await;
    let far = Far::from(served.at(), TRIP).await;
    let dying = bus(&far.at).await;
    let mut first = subscribe(&subscriber(&dying, "emea").group("mailer")).await;
    run_in(&mut first, 100).await;
    let held = next(&mut first).await;
    // An acknowledgement goes the same way as the word that it was begun with, and behind it.
    next(&mut first).await.ack().await.unwrap();
    more_outstanding_than(&served.at(), 1).await;
    far.severed.cancel();
    let mut second = subscribe(&subscriber(&near, "emea").group("mailer")).await;
    let mut attempts = std::collections::BTreeMap::new();
    for _ in 102..=EVENTS {
        let event = next(&mut second).await;
        attempts.insert(*event, event.attempt());
        event.ack().await.unwrap();
    }
    assert_eq!(attempts.remove(&100), Some(2));
    assert!(attempts.iter().map(|(number, attempt)| (*number, *attempt)).eq((102..EVENTS).map(|number| (number, 1))));
    drop(held);
}

#[tokio::test]
async fn no_more_than_max_in_flight_is_taken_ahead() {
    let served = Served::new().await;
    let near = served.bus().await;
    publish_all(&near, 0..100, |_| None).await;
    let far = Far::from(served.at(), TRIP).await;
    let bus = bus(&far.at).await;
    let mut one = subscribe(&subscriber(&bus, "emea").group("mailer")).await.max_in_flight(1);
    let mut three = subscribe(&subscriber(&bus, "emea").group("mailer")).await.max_in_flight(3);
    run_in(&mut one, 30).await;
    run_in(&mut three, 30).await;
    let (held, also) = (next(&mut one).await, next(&mut three).await);
    // Whoever takes more does so at once, and has it for a second.
    for _ in 0..200 {
        let outstanding = outstanding(&served.at()).await;
        assert!(outstanding <= 4, "{outstanding} were handed out, one to the one and three to the other at most");
    }
    let begun = Instant::now();
    let mut other = subscribe(&subscriber(&near, "emea").group("mailer")).await;
    // Two more may be ahead of the one that has three.
    for _ in 62..98 {
        let event = next(&mut other).await;
        assert!(*event != *held && *event != *also);
        event.ack().await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn what_a_stuck_consumer_does_not_come_for_goes_to_the_others() {
    const EVENTS: i64 = 300;
    let served = Served::new().await;
    let near = served.bus().await;
    publish_all(&near, 0..EVENTS, |_| None).await;
    let far = Far::from(served.at(), TRIP).await;
    let bus = bus(&far.at).await;
    let mut stuck = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut stuck, 100).await;
    let held = next(&mut stuck).await;
    let mut other = subscribe(&subscriber(&near, "emea").group("mailer")).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 101..EVENTS {
        let event = next(&mut other).await;
        assert_eq!(event.attempt(), 1);
        seen.insert(*event);
        event.ack().await.unwrap();
    }
    assert!(seen.into_iter().eq(101..EVENTS), "all but the one that is in its hands");
    held.ack().await.unwrap();
}

/// With a deadline, an event has all of it from when its handler begins, however long it lay ahead.
#[tokio::test]
async fn the_deadline_of_an_event_begins_with_its_handler() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.groups.deadline = Some(Duration::from_secs(2));
    let directory = config.open(folder.path()).await.unwrap();
    let serving = directory.serve("log://127.0.0.1:0", ServeConfig::default()).await.unwrap();
    let bus = bus(serving.local_addr().unwrap()).await;
    publish_all(&bus, 0..200, |_| None).await;
    let mut member = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut member, 100).await;
    // Each lies ahead of its handler for a while, and the last has more than the deadline behind it by then.
    for number in 100..115 {
        let event = next(&mut member).await;
        assert_eq!((*event, event.attempt()), (number, 1));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(event.in_progress().await.unwrap(), "it is still its own");
        event.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_of_keys_is_kept_though_members_take_ahead_and_stop() {
    const EVENTS: i64 = 400;
    let served = Served::new().await;
    let near = served.bus().await;
    let far = Far::from(served.at(), TRIP).await;
    let bus = bus(&far.at).await;
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let join = |bus: &Bus| {
        let (bus, seen_in) = (bus.clone(), seen_in.clone());
        tokio::spawn(async move {
            let member = subscribe(&subscriber(&bus, "emea").group("mailer").start(Start::First)).await;
            let handler = move |_, number| {
                let seen_in = seen_in.clone();
                async move {
                    tokio::task::yield_now().await;
                    seen_in.send(number).map_err(|_| "over")
                }
            };
            member.for_each_concurrent(16, handler).await
        })
    };
    let members = [join(&bus), join(&bus), join(&near)];
    publish_all(&near, 0..EVENTS, |number| Some((number % 40).to_string())).await;
    let mut last = [-1; 40];
    let mut count = 0;
    while count < EVENTS {
        let number = soon("an event", seen.recv()).await.unwrap();
        let of_its_key = &mut last[number as usize % 40];
        // One that was being handled when its member was stopped comes again.
        if number > *of_its_key {
            assert_eq!(number, if *of_its_key < 0 { number % 40 } else { *of_its_key + 40 }, "it overtook another");
            *of_its_key = number;
            count += 1;
        }
        if count == EVENTS / 2 {
            members[0].abort();
        }
    }
    for member in &members {
        member.abort();
    }
}

/// Handles events of one key, and gives each number with how many others were being handled.
fn handling(member: Subscription<i64>) -> tokio::sync::mpsc::UnboundedReceiver<(i64, usize)> {
    let running = Arc::new(AtomicUsize::new(0));
    let (seen_in, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(member.for_each_concurrent(16, move |_, number| {
        let (running, seen_in) = (Arc::clone(&running), seen_in.clone());
        async move {
            let others = running.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            seen_in.send((number, others)).map_err(|_| "over")
        }
    }));
    seen
}

/// One that is asked for the order of keys late has taken events without it by then.
#[tokio::test]
async fn what_was_taken_without_the_order_of_keys_is_given_back_when_it_is_asked_for() {
    let served = Served::new().await;
    let bus = served.bus().await;
    publish_all(&bus, 0..200, |_| Some("one".to_owned())).await;
    let mut member = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut member, 100).await;
    let mut seen = handling(member);
    for number in 100..200 {
        assert_eq!(soon("an event", seen.recv()).await, Some((number, 0)), "one at a time");
    }
}

/// And has asked for more without it.
#[tokio::test]
async fn what_was_asked_for_without_the_order_of_keys_is_given_back_as_well() {
    let served = Served::new().await;
    let bus = served.bus().await;
    publish_all(&bus, 0..100, |_| Some("one".to_owned())).await;
    let mut member = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    run_in(&mut member, 100).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), member.next()).await.is_err(), "it asks, and waits");
    let mut seen = handling(member);
    // Together, so that one answer has several.
    let publisher = Publisher::new(&bus, &NUMBERS, vec!["emea".to_owned()]);
    let context = Context::new().with_key("one");
    let publishing = (100..200).map(|number| {
        let (publisher, context) = (&publisher, context.clone());
        async move { publisher.publish(&context, &COUNTED, &number, NumbersEvent::Counted).await.unwrap() }
    });
    futures_util::future::join_all(publishing).await;
    for _ in 100..200 {
        let (number, others) = soon("an event", seen.recv()).await.unwrap();
        assert_eq!(others, 0, "{number} was handled beside another of its key");
    }
}
