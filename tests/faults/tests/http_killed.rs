//! A server over HTTP that is killed and started again while it is called: no call hangs, no more are lost than were under way, and
//! everything goes on by itself, over HTTP/2 again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use thriftwood_conformance::fixture::soon;
use thriftwood_faults::Random;
use thriftwood_faults::load::{LIMIT, Tally, callers, most_lost, place, start};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more() {
    const ROUNDS: usize = 12;
    let mut random = Random::seeded("http");
    let url = format!("http://{}", place());
    let bus = thriftwood::connect(&url).await.unwrap();
    let tally = Arc::new(Tally::default());
    let callers = callers(&bus, &tally);
    for _ in 0..ROUNDS {
        let server = start(PROGRAM, &url);
        soon("hundreds of replies", tally.more(200 + random.below(200) as usize)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
    }
    let server = start(PROGRAM, &url);
    soon("replies of the last server", tally.more(200)).await;
    tally.stop();
    for caller in callers {
        soon("the callers' end", caller).await.unwrap();
    }
    server.kill();

    let disconnected = tally.failed("disconnected");
    let most = most_lost(ROUNDS);
    assert!(
        (1..=most).contains(&disconnected),
        "{disconnected} calls were lost of at most {most} that {ROUNDS} kills can cost"
    );
    assert!(tally.failed("unavailable") > 0, "nobody noticed that nobody was there");
    assert_eq!(tally.failed("timeout") + tally.failed("other"), 0, "{}", tally.summary());
    assert!(tally.longest() < LIMIT, "{}", tally.summary());
    println!("{}", tally.summary());
}
