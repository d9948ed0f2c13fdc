//! Callers that call again and again while the server they call is killed, and what came of it.

#![allow(clippy::unwrap_used, reason = "what is part of a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thriftwood::{Bus, Context, RpcErrorKind};
use thriftwood_conformance::idl::{Item, ProbeClient};

use crate::{Process, SERVICE};

/// How many call at once.
pub const CALLERS: usize = 32;
/// What each call may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// The most calls that so many kills can cost: what each caller has under way, and once more. A killed process closes its sockets one
/// after another, and on a busy machine a caller connects again to one that is yet to be closed.
pub const fn most_lost(kills: usize) -> usize {
    2 * CALLERS * kills
}

/// Starts `program` as a server of a probe at `url`, and waits until it is one.
///
/// # Panics
/// When it does not become one.
pub fn start(program: &str, url: &str) -> Process {
    let mut server = Process::start(program, "answer", Path::new(url), &[]).unwrap();
    let ready = server.line();
    assert_eq!(ready.as_deref(), Some("ready"), "{}", server.complaint());
    server
}

/// A place on this machine, with a port that was free a moment ago.
///
/// # Panics
/// When there is none.
pub fn place() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What came of many calls.
#[derive(Debug, Default)]
pub struct Tally {
    stop: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<BTreeMap<&'static str, usize>>,
    longest: Mutex<Duration>,
}

impl Tally {
    /// How many failed in this way: `unavailable`, `disconnected`, `timeout` or `other`.
    pub fn failed(&self, kind: &str) -> usize {
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

    /// Has the callers stop after the calls they have under way.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// How long the longest took.
    pub fn longest(&self) -> Duration {
        *self.longest.lock().unwrap()
    }

    /// All of it, for people.
    pub fn summary(&self) -> String {
        let answered = self.answered.load(Ordering::SeqCst);
        format!("{answered} calls answered, {:?}, the longest {:?}", self.failed.lock().unwrap(), self.longest())
    }

    /// Waits until so many more calls have been answered.
    pub async fn more(&self, calls: usize) {
        let enough = self.answered.load(Ordering::SeqCst) + calls;
        while self.answered.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Calls again and again, each caller one call at a time, until the tally says stop.
pub fn callers(bus: &Bus, tally: &Arc<Tally>) -> Vec<tokio::task::JoinHandle<()>> {
    callers_within(bus, tally, LIMIT)
}

/// The same, with another limit to what each call may take.
pub fn callers_within(bus: &Bus, tally: &Arc<Tally>, limit: Duration) -> Vec<tokio::task::JoinHandle<()>> {
    let probe = ProbeClient::new(bus.rpc(SERVICE));
    let caller = |number: usize| {
        let (probe, tally) = (probe.clone(), Arc::clone(tally));
        async move {
            let item = Item::new(format!("caller {number}"));
            while !tally.stop.load(Ordering::SeqCst) {
                let began = Instant::now();
                let reply = probe.echo(&Context::new().with_timeout(limit), item.clone()).await;
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
