//! kill -9, many times, at moments that nobody chose: what was acknowledged is there, in order, and nothing was invented.
//!
//! The processes tell through a pipe what was acknowledged to them. The pipe outlives them, so what is in it is exactly
//! what somebody outside could have relied on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use thriftwood::event::Start;
use thriftwood::{Bus, Context};
use thriftwood_conformance::idl::{ProbeClient, Things};
use thriftwood_faults::{CONCURRENCY, GROUP, PRODUCERS, Process, REGION, Random, SERVICE};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");

async fn connect(dir: &Path) -> Bus {
    thriftwood::connect(&format!("log:{}", dir.display())).await.unwrap()
}

/// Lets a process get ready and tell some more lines, then kills it. Gives all it told after that it was ready. Now and then
/// it is killed while it still starts.
fn live_and_die(mut process: Process, random: &mut Random, most: u64) -> Vec<String> {
    let mut told = Vec::new();
    if random.below(8) > 0 {
        let lines = random.below(most);
        let ready = process.line();
        assert_eq!(ready.as_deref(), Some("ready"), "{}", process.complaint());
        told.extend((0..lines).map_while(|_| process.line()));
        assert_eq!(told.len() as u64, lines, "it ended by itself or fell silent: {}", process.complaint());
    }
    told.extend(process.kill().into_iter().filter(|line| line != "ready"));
    told
}

/// Every event in the log, by producer, in the order of the log. `mark` is published to know where it ends.
async fn stored(bus: &Bus, mark: i64) -> BTreeMap<usize, Vec<i64>> {
    let mut all = Things::subscriber(bus, "*", REGION).start(Start::First).counted().await.unwrap();
    Things::publisher(bus, "reader", REGION).counted(&Context::new(), mark).await.unwrap();
    let mut stored: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for offset in 0.. {
        let event = all.next().await.unwrap().unwrap();
        assert_eq!(event.offset(), Some(offset), "offsets have no gap");
        match event.variable("user").unwrap().parse() {
            Ok(producer) => stored.entry(producer).or_default().push(*event),
            Err(_) if *event == mark => break,
            Err(_) => {}
        }
    }
    stored
}

#[tokio::test]
async fn every_acknowledged_event_is_there_in_order_and_none_is_invented() {
    const ROUNDS: i64 = 30;
    let mut random = Random::seeded("publish");
    let folder = tempfile::tempdir().unwrap();
    let mut expected: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let first = round * 1_000_000;
        let publishing = Process::start(PROGRAM, "publish", folder.path(), &[&first.to_string()]).unwrap();
        let mut acked: BTreeMap<usize, i64> = BTreeMap::new();
        for line in live_and_die(publishing, &mut random, 300) {
            let (producer, number) = line.split_once(' ').unwrap();
            let (producer, number) = (producer.parse().unwrap(), number.parse().unwrap());
            let due = acked.insert(producer, number).map_or(first, |last| last + 1);
            assert_eq!(number, due, "acknowledgements to one producer come in order");
            acknowledged += 1;
        }
        let bus = connect(folder.path()).await;
        let stored = stored(&bus, round).await;
        bus.close().await.unwrap();
        assert!(stored.keys().all(|producer| *producer < PRODUCERS));
        for producer in 0..PRODUCERS {
            let known = expected.entry(producer).or_default();
            let stored = stored.get(&producer).map_or(&[][..], Vec::as_slice);
            assert!(stored.starts_with(known), "round {round}: what was there stays as it was");
            // Each producer waits for its acknowledgement, so at most one event more than those can be there.
            let new = &stored[known.len()..];
            let acked = acked.get(&producer).map_or(0, |last| (last - first + 1) as usize);
            assert!(
                new.len() == acked || new.len() == acked + 1,
                "round {round}: {acked} acknowledged, {} stored",
                new.len()
            );
            assert!(new.iter().copied().eq((first..).take(new.len())), "round {round}: {new:?}");
            known.extend_from_slice(new);
        }
    }
    assert!(acknowledged > 500, "only {acknowledged} events were acknowledged in all rounds");
    println!("{acknowledged} events were acknowledged, in {ROUNDS} rounds");
}

#[tokio::test]
async fn a_group_misses_no_event_and_sees_no_acknowledged_one_again() {
    const EVENTS: i64 = 600;
    let mut random = Random::seeded("consume");
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let things = Things::publisher(&bus, "anybody", REGION);
    for number in 0..EVENTS {
        things.counted(&Context::new(), number).await.unwrap();
    }
    bus.close().await.unwrap();

    let mut acked = BTreeSet::new();
    let mut rounds = 0;
    // What is left has to outlast what a round waits for, and an acknowledgement a round that was recorded and never told.
    while rounds < 25 && acked.len() < EVENTS as usize - 60 {
        rounds += 1;
        let consuming = Process::start(PROGRAM, "consume", folder.path(), &[]).unwrap();
        for line in live_and_die(consuming, &mut random, 30) {
            assert!(acked.insert(line.parse::<i64>().unwrap()), "{line} was acknowledged and came again");
        }
    }
    assert!(!acked.is_empty(), "none of {EVENTS} was consumed");
    let bus = connect(folder.path()).await;
    // On a busy machine a member can have taken all of them before it was killed, so the last is one of our own.
    Things::publisher(&bus, "anybody", REGION).counted(&Context::new(), EVENTS).await.unwrap();
    let mut rest = Things::subscriber(&bus, "*", REGION).group(GROUP).counted().await.unwrap();
    let mut due: BTreeSet<i64> = (0..=EVENTS).filter(|number| !acked.contains(number)).collect();
    let mut last = 0;
    // What was not acknowledged is due again at once, and comes before what was never taken.
    while last < EVENTS {
        let event = rest.next().await.unwrap().unwrap();
        last = *event;
        assert!(due.remove(&last), "{last} came again");
        event.ack().await.unwrap();
    }
    // A kill can come after an acknowledgement was recorded and before it was told, once a round.
    let untold = due.len();
    assert!(untold <= rounds, "{untold} events were missed in {rounds} rounds");
    bus.close().await.unwrap();
}

#[tokio::test]
async fn every_stored_call_is_handled_by_a_server_that_lives_long_enough() {
    const CALLS: usize = 400;
    let mut random = Random::seeded("serve");
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let client = ProbeClient::new(bus.rpc(SERVICE));
    for number in 0..CALLS {
        client.note(&Context::new(), number.to_string()).await.unwrap();
    }
    bus.close().await.unwrap();
    let mut handled: BTreeMap<String, u32> = BTreeMap::new();
    let mut rounds = 0;
    while rounds < 25 && handled.len() < CALLS {
        rounds += 1;
        let serving = Process::start(PROGRAM, "serve", folder.path(), &[]).unwrap();
        let left = (CALLS - handled.len()) as u64;
        for note in live_and_die(serving, &mut random, left.min(60) + 1) {
            *handled.entry(note).or_default() += 1;
        }
    }
    let mut last = Process::start(PROGRAM, "serve", folder.path(), &[]).unwrap();
    assert_eq!(last.line().as_deref(), Some("ready"));
    while handled.len() < CALLS {
        let Some(note) = last.line() else { panic!("{} of {CALLS} were handled, and no more", handled.len()) };
        *handled.entry(note).or_default() += 1;
    }
    last.kill();
    assert!(handled.keys().all(|note| note.parse::<usize>().unwrap() < CALLS), "none is invented");
    let again: u32 = handled.values().map(|times| times - 1).sum();
    let most = rounds * CONCURRENCY as u32;
    assert!(again <= most, "{again} calls were handled again, though at most {most} were under way at a kill");
    println!("{again} of {CALLS} calls were handled again in {rounds} rounds");
}
