//! A server over TCP that is killed, started again and stopped in its tracks while it is called: no call hangs, no more are lost
//! than were under way, and everything goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use thriftwood::{Context, RpcErrorKind};
use thriftwood_conformance::fixture::soon;
use thriftwood_conformance::idl::{Item, ProbeClient};
use thriftwood_faults::load::{LIMIT, Tally, callers, most_lost, place};
use thriftwood_faults::{Process, Random, SERVICE, load};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");
/// What the test's own machine may take over something that is done at once.
const SLACK: Duration = Duration::from_secs(5);

fn start(url: &str) -> Process {
    load::start(PROGRAM, url)
}

fn url() -> String {
    format!("tcp://{}", place())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_started_again_under_load_costs_the_calls_under_way_and_no_more() {
    const ROUNDS: usize = 12;
    let mut random = Random::seeded("tcp");
    let url = url();
    let bus = thriftwood::connect(&url).await.unwrap();
    let tally = Arc::new(Tally::default());
    let callers = callers(&bus, &tally);
    for _ in 0..ROUNDS {
        let server = start(&url);
        soon("hundreds of replies", tally.more(200 + random.below(200) as usize)).await;
        server.kill();
        // Now and then nobody is there for so long that the pauses between attempts have grown.
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
    }
    let server = start(&url);
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

/// A process that is stopped and not killed: its system still acknowledges what is sent, so nothing is lost; only time passes.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_costs_each_call_its_own_time_and_is_called_again_when_it_goes_on() {
    let signal = |server: &Process, name: &str| {
        assert!(std::process::Command::new("kill").args([name, &server.id().to_string()]).status().unwrap().success());
    };
    let url = url();
    let server = start(&url);
    let bus = thriftwood::connect(&url).await.unwrap();
    let probe = ProbeClient::new(bus.rpc(SERVICE));
    soon("the first call", probe.echo(&Context::new(), Item::new("x"))).await.unwrap();
    signal(&server, "-STOP");
    let status = format!("/proc/{}/status", server.id());
    let is_stopped = || std::fs::read_to_string(&status).unwrap().contains("State:\tT");
    soon("the stop", async {
        while !is_stopped() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let began = Instant::now();
    let limit = Duration::from_millis(100);
    let error = probe.echo(&Context::new().with_timeout(limit), Item::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Timeout, "{error}");
    assert!(began.elapsed() < limit + SLACK, "{:?}", began.elapsed());
    signal(&server, "-CONT");
    // On the same connection, though the reply to the call that was given up comes first.
    let reply = soon("a call after it went on", probe.echo(&Context::new().with_timeout(LIMIT), Item::new("y"))).await;
    assert_eq!(reply.unwrap().name, "y");
    server.kill();
}
