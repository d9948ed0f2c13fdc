//! A server over TCP that is killed, started again and stopped in its tracks while it is called: no call hangs, no more are lost
//! than were under way, and everything goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thriftwood::{Bus, Context, RpcErrorKind};
use thriftwood_conformance::fixture::soon;
use thriftwood_conformance::idl::{Item, ProbeClient};
use thriftwood_faults::{Process, Random, SERVICE};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");
const CALLERS: usize = 32;
/// What each call may take.
const LIMIT: Duration = Duration::from_secs(5);
/// What the test's own machine may take over something that is done at once.
const SLACK: Duration = Duration::from_secs(5);

fn start(url: &str) -> Process {
    let mut server = Process::start(PROGRAM, "answer", Path::new(url), &[]).unwrap();
    let ready = server.line();
    assert_eq!(ready.as_deref(), Some("ready"), "{}", server.complaint());
    server
}

/// A port that was free a moment ago.
fn url() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("tcp://127.0.0.1:{port}")
}

/// What came of many calls.
#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<BTreeMap<&'static str, usize>>,
    longest: Mutex<Duration>,
}

impl Tally {
    fn failed(&self, kind: &str) -> usize {
        self.failed.lock().unwrap().get(kind).copied().unwrap_or(0)
    }

    fn count(&self, kind: RpcErrorKind) {
        let kind = match kind {
            RpcErrorKind::Unavailable => "unavailable",
            RpcErrorKind::Disconnected => "disconnected",
            RpcErrorKind::Timeout => "timeout",
            _ => "other",
        };
        *self.failed.lock().unwrap().entry(kind).or_default() += 1;
    }

    /// Waits until so many more calls have been answered.
    async fn more(&self, calls: usize) {
        let enough = self.answered.load(Ordering::SeqCst) + calls;
        while self.answered.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Calls again and again, each caller one call at a time, until the tally says stop.
fn callers(bus: &Bus, tally: &Arc<Tally>) -> Vec<tokio::task::JoinHandle<()>> {
    let probe = ProbeClient::new(bus.rpc(SERVICE));
    let caller = |number: usize| {
        let (probe, tally) = (probe.clone(), Arc::clone(tally));
        async move {
            let item = Item::new(format!("caller {number}"));
            while !tally.stop.load(Ordering::SeqCst) {
                let began = Instant::now();
                let reply = probe.echo(&Context::new().with_timeout(LIMIT), item.clone()).await;
                let took = began.elapsed();
                {
                    let mut longest = tally.longest.lock().unwrap();
                    *longest = longest.max(took);
                }
                match reply {
                    Ok(reply) => {
                        assert_eq!(reply, item, "a reply goes to its own caller");
                        tally.answered.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(error) => {
                        tally.count(error.kind());
                        // As whoever calls a service that is down would.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        }
    };
    (0..CALLERS).map(|number| tokio::spawn(caller(number))).collect()
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
    tally.stop.store(true, Ordering::SeqCst);
    for caller in callers {
        soon("the callers' end", caller).await.unwrap();
    }
    server.kill();

    let disconnected = tally.failed("disconnected");
    let most = CALLERS * ROUNDS;
    assert!((1..=most).contains(&disconnected), "{disconnected} calls were lost of at most {most} under way");
    assert!(tally.failed("unavailable") > 0, "nobody noticed that nobody was there");
    assert_eq!(tally.failed("timeout") + tally.failed("other"), 0, "{:?}", tally.failed.lock().unwrap());
    let longest = *tally.longest.lock().unwrap();
    assert!(longest < LIMIT, "a call took {longest:?}");
    let answered = tally.answered.load(Ordering::SeqCst);
    println!("{answered} calls answered, {:?}, the longest {longest:?}", tally.failed.lock().unwrap());
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
