//! Who works: publishers, members of groups, a follower. None of them knows when the server is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thriftwood::event::Start;
use thriftwood::{Bus, Context, Event};
use thriftwood_conformance::idl::Things;

use crate::GROUPS;
use crate::account::Account;

/// The region of events that are counted, and of those of which only the last of each key matters.
const COUNTED: &str = "counted";
const KEYED: &str = "keyed";
const KEYS: i64 = 50;
/// Acknowledgements of one member under way: each waits for the server's disk, and they share it.
const UNDER_WAY: usize = 64;

/// Connects, however often that takes.
async fn connected(url: &str) -> Bus {
    loop {
        match thriftwood::connect(url).await {
            Ok(bus) => return bus,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn context() -> Context {
    Context::new().with_timeout(Duration::from_secs(30))
}

/// Publishes one number after the other, each when the one before it was acknowledged.
pub(crate) async fn publish(url: String, who: usize, account: Arc<Account>, stop: Arc<AtomicBool>) {
    let bus = connected(&url).await;
    let things = Things::publisher(&bus, who.to_string(), COUNTED);
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        match things.counted(&context(), number as i64).await {
            Ok(()) => {
                account.acked(who, number);
                number += 1;
            }
            // The server was away for too long. Published anew, it may be there twice.
            Err(_) => account.unsure(who),
        }
    }
}

/// Gives keys new values, in turns.
pub(crate) async fn publish_keyed(url: String, account: Arc<Account>, stop: Arc<AtomicBool>) {
    let bus = connected(&url).await;
    let things = Things::publisher(&bus, "state", KEYED);
    for value in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let key = format!("k{}", value % KEYS);
        account.keyed().tried.insert(key.clone(), value);
        if things.counted(&context().with_key(key.clone()), value).await.is_ok() {
            account.keyed().acked.insert(key, value);
        }
    }
}

/// A member of a group, which now and then does not handle what it is given.
pub(crate) async fn consume(url: String, group: &'static str, number: usize, account: Arc<Account>) {
    let bus = connected(&url).await;
    let mut events = loop {
        match Things::subscriber(&bus, "*", COUNTED).group(group).start(Start::First).counted().await {
            Ok(events) => break events,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let (mut taken, mut acks) = (0_u64, tokio::task::JoinSet::new());
    while let Some(event) = events.next().await {
        let Ok(event) = event else { continue };
        taken += 1;
        if acks.len() >= UNDER_WAY {
            acks.join_next().await;
        }
        if taken.is_multiple_of(97) {
            // It comes again, to this member or another.
            drop(event);
            continue;
        }
        account.seen(number, who(&event), *event as u64);
        // What could not be acknowledged comes again, and was seen all the same.
        acks.spawn(async move { event.ack().await.is_ok() });
    }
}

/// Follows everything from the beginning, without a group.
pub(crate) async fn follow(url: String, account: Arc<Account>) {
    let bus = connected(&url).await;
    let mut events = loop {
        match Things::subscriber(&bus, "*", COUNTED).start(Start::First).counted().await {
            Ok(events) => break events,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let mut last = None;
    while let Some(event) = events.next().await {
        let Ok(event) = event else { continue };
        assert!(last < event.offset(), "offset {:?} came behind {last:?}", event.offset());
        last = event.offset();
        account.seen(GROUPS.len(), who(&event), *event as u64);
    }
}

/// What is kept in the end of each key.
pub(crate) async fn last_of_each_key(url: String) -> BTreeMap<String, i64> {
    let bus = connected(&url).await;
    let mut events =
        Things::subscriber(&bus, "state", KEYED).start(Start::First).counted().await.expect("it is served");
    Things::publisher(&bus, "state", KEYED).counted(&context(), -1).await.expect("it is served");
    let mut last = BTreeMap::new();
    while let Some(event) = events.next().await {
        let event = event.expect("nothing is damaged");
        if *event == -1 {
            break;
        }
        last.insert(format!("k{}", *event % KEYS), *event);
    }
    last
}

fn who(event: &Event<i64>) -> usize {
    event.variable("user").and_then(|user| user.parse().ok()).expect("events tell their publisher")
}
