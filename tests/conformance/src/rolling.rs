//! Servers that are stopped and started again, one after the other, while they are called.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use thriftwood::Bus;
use tokio::task::JoinHandle;

use crate::fixture::{patient, soon};
use crate::idl::{ProbeClient, ProbeServer};
use crate::probe::Probe;

/// How many call at once, each one call at a time.
const CALLERS: usize = 16;
/// How often each server is stopped and started again.
const ROUNDS: usize = 4;
/// Calls that have to be answered between one stop and the next.
const BETWEEN: usize = 150;

/// Servers are stopped in turn as one stops them for a new release, and started again, under load: no call fails, and none is
/// handled twice.
///
/// `serve` connects a bus for the server of this number; `probe` is a client that reaches them all.
pub async fn a_rolling_restart_loses_no_call(servers: usize, serve: impl AsyncFn(usize) -> Bus, probe: ProbeClient) {
    let handler = Probe::default();
    let start = async |number: usize| {
        let bus = serve(number).await;
        let serving = bus.serve("probe", ProbeServer::new(handler.clone())).await.expect("it is served");
        (bus, serving)
    };
    let mut running = Vec::new();
    for number in 0..servers {
        running.push(start(number).await);
    }
    let load = Load::start(&probe);
    for _ in 0..ROUNDS {
        for number in 0..servers {
            load.more(BETWEEN).await;
            let (bus, serving) = running.remove(0);
            soon("the stop", serving.stop()).await;
            soon("the close", bus.close()).await.expect("it closes");
            running.push(start(number).await);
        }
    }
    load.more(BETWEEN).await;
    let calls = load.end().await;
    let mut handled = HashSet::new();
    for _ in 0..calls {
        let note = soon("a handler's note", handler.next_note()).await.expect("a note");
        assert!(handled.insert(note.clone()), "{note} twice");
    }
    for (bus, _) in running {
        bus.close().await.expect("it closes");
    }
}

/// Callers that call again and again, and fail with the first call that does.
struct Load {
    callers: Vec<JoinHandle<()>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    begun: AtomicI64,
    answered: AtomicUsize,
}

impl Load {
    fn start(probe: &ProbeClient) -> Self {
        let state = Arc::new(State::default());
        let caller = |(probe, state): (ProbeClient, Arc<State>)| async move {
            while !state.stop.load(Ordering::SeqCst) {
                // Of a negative number the handler says that it has begun. Some take a while, some none.
                let number = state.begun.fetch_add(1, Ordering::SeqCst) + 1;
                let reply = soon("a reply", probe.after_millis(&patient(), (number % 4) as i32, -number)).await;
                assert_eq!(reply.unwrap_or_else(|error| panic!("call {number}: {error}")), -number);
                state.answered.fetch_add(1, Ordering::SeqCst);
            }
        };
        let callers = (0..CALLERS).map(|_| tokio::spawn(caller((probe.clone(), Arc::clone(&state)))));
        Self { callers: callers.collect(), state }
    }

    /// Waits until so many more calls are answered.
    async fn more(&self, calls: usize) {
        let enough = self.state.answered.load(Ordering::SeqCst) + calls;
        let wait = async {
            while self.state.answered.load(Ordering::SeqCst) < enough {
                assert!(!self.callers.iter().any(JoinHandle::is_finished), "a call failed");
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        soon("enough replies", wait).await;
    }

    /// Has the callers end, and gives how many calls there were.
    async fn end(self) -> usize {
        self.state.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            soon("a caller's end", caller).await.expect("no call failed");
        }
        self.state.answered.load(Ordering::SeqCst)
    }
}
