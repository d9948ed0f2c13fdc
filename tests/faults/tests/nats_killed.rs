//! Over NATS, under load: a server of a service that is killed, and a nats-server that is. No call hangs, no more are lost than were under
//! way, and everything goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use thriftwood::{Context, ErrorKind};
use thriftwood_conformance::fixture::soon;
use thriftwood_conformance::idl::{ProbeServer, Things};
use thriftwood_conformance::probe::Probe;
use thriftwood_faults::load::{Tally, callers_within, most_lost, start};
use thriftwood_faults::{REGION, Random, SERVICE};
use thriftwood_test_support::NatsServer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");
/// What each call may take. A broker does not tell that whoever had a call is dead, so a lost one costs all of it.
const LIMIT: Duration = Duration::from_secs(1);
/// What the test's own machine may take over something that is done at once.
const SLACK: Duration = Duration::from_secs(5);
const ROUNDS: usize = 4;

/// All lost calls were under way at some kill, and none took longer than it might.
fn check(tally: &Tally) {
    let lost = tally.failed("timeout") + tally.failed("disconnected");
    let most = most_lost(ROUNDS);
    assert!(lost <= most, "{lost} calls were lost of at most {most} that {ROUNDS} kills can cost: {}", tally.summary());
    assert_eq!(tally.failed("other"), 0, "{}", tally.summary());
    assert!(tally.longest() < LIMIT + SLACK, "{}", tally.summary());
    println!("{}", tally.summary());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more() {
    let test = "a_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more";
    let Some(nats) = NatsServer::start(test) else { return };
    let mut random = Random::seeded(test);
    let bus = thriftwood::connect(&nats.url()).await.unwrap();
    let mut server = start(PROGRAM, &nats.url());
    let tally = Arc::new(Tally::default());
    let callers = callers_within(&bus, &tally, LIMIT);
    for _ in 0..ROUNDS {
        soon("hundreds of replies", tally.more(200 + random.below(200) as usize)).await;
        server.kill();
        // Nobody is there for a moment, which callers learn at once.
        let unavailable = tally.failed("unavailable");
        soon("word that nobody serves", async {
            while tally.failed("unavailable") == unavailable {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        server = start(PROGRAM, &nats.url());
    }
    soon("replies of the last server", tally.more(200)).await;
    tally.stop();
    for caller in callers {
        soon("a caller's end", caller).await.unwrap();
    }
    server.kill();
    check(&tally);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more() {
    let test = "a_nats_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more";
    let Some(mut nats) = NatsServer::start(test) else { return };
    let mut random = Random::seeded(test);
    let serving = thriftwood::connect(&nats.url()).await.unwrap();
    serving.serve(SERVICE, ProbeServer::new(Probe::default())).await.unwrap();
    let bus = thriftwood::connect(&nats.url()).await.unwrap();
    let tally = Arc::new(Tally::default());
    let callers = callers_within(&bus, &tally, LIMIT);
    for _ in 0..ROUNDS {
        soon("hundreds of replies", tally.more(200 + random.below(200) as usize)).await;
        nats.restart();
    }
    soon("replies after the last restart", tally.more(200)).await;
    tally.stop();
    for caller in callers {
        soon("a caller's end", caller).await.unwrap();
    }
    check(&tally);
    bus.close().await.unwrap();
    serving.close().await.unwrap();
}

/// Core NATS keeps nothing: what is published while it is away is lost or refused. But nobody has to subscribe again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_goes_on_after_each_restart_of_the_nats_server_and_sees_no_event_twice() {
    let test = "a_subscription_goes_on_after_each_restart_of_the_nats_server_and_sees_no_event_twice";
    let Some(mut nats) = NatsServer::start(test) else { return };
    let subscribing = thriftwood::connect(&nats.url()).await.unwrap();
    let publishing = thriftwood::connect(&nats.url()).await.unwrap();
    let mut events = Things::subscriber(&subscribing, "*", REGION).counted().await.unwrap();
    let things = Things::publisher(&publishing, "ann", REGION);
    let publish = tokio::spawn(async move {
        for number in 0.. {
            match tokio::time::timeout(LIMIT, things.counted(&Context::new(), number)).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) if error.kind() == ErrorKind::Closed => return,
                Ok(Err(error)) => println!("{number}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut last = -1;
    for _ in 0..ROUNDS {
        for _ in 0..100 {
            let event = soon("an event", events.next()).await.unwrap().unwrap();
            assert!(*event > last, "{} after {last}", *event);
            last = *event;
        }
        nats.restart();
    }
    let event = soon("an event after the last restart", events.next()).await.unwrap().unwrap();
    assert!(*event > last);
    publishing.close().await.unwrap();
    soon("the publisher's end", publish).await.unwrap();
    subscribing.close().await.unwrap();
}
