//! Requests answered where they were taken: each handler is polled once in the task that has the subscription, and gets a task
//! of its own only where it has to wait.
//!
//! What that saves, and why a handler that blocks its thread must not hold up the rest, is told of connections in
//! `docs/decisions/inline-handlers.md`; here it is done for a subscription, by the same rules.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use thriftwood_core::BoxFuture;
use tokio::task::unconstrained;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use crate::requests::Requests;

/// How long handlers are run before what they answered is written.
const RUN: Duration = Duration::from_micros(200);

/// A handler that keeps the thread longer than this is better off in a task of its own: starting one costs about 1 us.
const LONG: Duration = Duration::from_micros(50);

/// After so long in one handler the subscription is taken away from the task that is in it.
const STALL: Duration = Duration::from_millis(5);

/// How many requests get a task at once after one that kept the thread for long; then the next is tried in place again.
const WARY: u32 = 256;

/// Answers requests until `stop`, and gives back where to take the last ones from; nothing when there are no more.
pub(crate) async fn serve(requests: Requests, stop: CancellationToken) -> Option<Requests> {
    let desk = Arc::new(Desk::new());
    let start = |requests, wary| {
        let stop = Box::pin(stop.clone().cancelled_owned());
        let driver = Driver { requests: Some(requests), rest: None, desk: Arc::clone(&desk), stop, wary };
        AbortOnDropHandle::new(tokio::spawn(driver))
    };
    let mut driver = start(Box::new(requests), 0);
    loop {
        tokio::select! {
            // A driver does not panic; were it to, the subscription is gone with it.
            ended = &mut driver => return ended.ok().flatten().map(|requests| *requests),
            mut requests = desk.stalled() => {
                debug!(service = requests.service(), "a handler blocks its thread; the service goes on without it");
                // From now on it is a task of that one call.
                requests.spawn(async move { drop(driver.await) });
                driver = start(requests, WARY);
            }
        }
    }
}

/// Has the subscription, until it is taken away because a handler blocks the thread.
struct Driver {
    /// `None` while a handler runs, when the desk has them.
    requests: Option<Box<Requests>>,
    /// What is left to do of the call in which they were taken away.
    rest: Option<BoxFuture<'static, ()>>,
    desk: Arc<Desk>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    /// So many requests get a task at once.
    wary: u32,
}

impl Future for Driver {
    type Output = Option<Box<Requests>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.requests.is_some() && this.stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(this.requests.take());
        }
        let mut clock: Option<(Instant, Instant)> = None;
        while let Some(mut requests) = this.requests.take() {
            let message = match requests.poll_take(cx) {
                Poll::Ready(Some(message)) => message,
                Poll::Ready(None) => return Poll::Ready(Some(requests)),
                Poll::Pending => {
                    this.requests = Some(requests);
                    return Poll::Pending;
                }
            };
            if this.wary > 0 {
                this.wary -= 1;
                requests.start(message);
                this.requests = Some(requests);
                continue;
            }
            // The clock is read once for each: a call begins when the one before it ended.
            let (began, last) = *clock.get_or_insert_with(|| (Instant::now(), Instant::now()));
            let server = Arc::clone(requests.server());
            this.desk.lend(requests);
            let rest = server.begin(message, last, cx);
            let now = Instant::now();
            clock = Some((began, now));
            let Some(mut requests) = this.desk.take_back() else {
                this.rest = rest;
                break;
            };
            if let Some(rest) = rest {
                requests.spawn(rest);
            }
            this.requests = Some(requests);
            if now - last > LONG {
                this.wary = WARY;
            }
            if now - began > RUN {
                // What was answered is written, and others on this thread have their turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        match &mut this.rest {
            Some(rest) => rest.as_mut().poll(cx).map(|()| None),
            None => Poll::Ready(None),
        }
    }
}

/// Where the requests lie while a handler runs.
struct Desk(Mutex<State>);

struct State {
    lent: Option<Box<Requests>>,
    /// How many calls were begun; the number of the last.
    calls: u64,
    watch: Watch,
}

impl Desk {
    fn new() -> Self {
        let watch = Watch { timer: Box::pin(tokio::time::sleep(STALL)), armed: false, call: 0, supervisor: None };
        Self(Mutex::new(State { lent: None, calls: 0, watch }))
    }

    /// The lock is held for a few lines, which do not panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lend(&self, requests: Box<Requests>) {
        let mut state = self.lock();
        state.lent = Some(requests);
        state.calls += 1;
        if !state.watch.armed {
            let call = state.calls;
            state.watch.arm(call);
        }
    }

    /// Nothing when they were taken away meanwhile.
    fn take_back(&self) -> Option<Box<Requests>> {
        self.lock().lent.take()
    }

    /// Takes the requests, once a handler has had them for too long.
    async fn stalled(&self) -> Box<Requests> {
        poll_fn(|cx| {
            let mut state = self.lock();
            let (due, call) = (state.watch.poll(cx), state.calls);
            if !due {
                // The first call may have begun before there was a supervisor to wake.
                if state.lent.is_some() && !state.watch.armed {
                    state.watch.arm(call);
                }
                return Poll::Pending;
            }
            match state.lent.take() {
                Some(requests) if call == state.watch.call => Poll::Ready(requests),
                Some(requests) => {
                    state.lent = Some(requests);
                    state.watch.arm(call);
                    Poll::Pending
                }
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// Wakes the supervisor some time after a handler was started. Set no more than once per [`STALL`], however many calls there
/// are.
struct Watch {
    timer: Pin<Box<Sleep>>,
    armed: bool,
    /// The last call when it was set.
    call: u64,
    supervisor: Option<Waker>,
}

impl Watch {
    /// Sets the timer for the supervisor, whoever does it.
    fn arm(&mut self, call: u64) {
        let Some(supervisor) = &self.supervisor else { return };
        (self.armed, self.call) = (true, call);
        self.timer.as_mut().reset(tokio::time::Instant::now() + STALL);
        // Never ready yet: this is how a timer learns whom to wake. The task may have used up its turn, and a timer that heeded
        // that would not know.
        let _ = pin!(unconstrained(self.timer.as_mut())).poll(&mut Context::from_waker(supervisor));
    }

    /// Whether it is time to look. Called by the supervisor only.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.supervisor {
            Some(known) => known.clone_from(cx.waker()),
            None => self.supervisor = Some(cx.waker().clone()),
        }
        let due = self.armed && self.timer.as_mut().poll(cx).is_ready();
        self.armed &= !due;
        due
    }
}
