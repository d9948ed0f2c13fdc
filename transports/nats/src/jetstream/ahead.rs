//! What was taken for a subscription and is not with its consumer yet, and how much more is to be asked for.
//!
//! The time that a member may have an event runs while it lies here, and nobody else can have it. So what is ahead is little, and is not kept
//! for long: it goes back to the group in order when the consumer has not come for it in half of that time, as it does from a log
//! server's client. Where deliveries are limited nothing is taken that no handler waits for, and the little that lies here nevertheless
//! is kept from a delivery that no handler would see, until it has lain for all of the time that a member may have it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use thriftwood_core::Error;
use thriftwood_core::event::Delivery;
use tokio::sync::Notify;

use super::verdict::Verdict;

/// Events a member takes ahead of its consumer. With one, every event would cost a round trip.
const AHEAD: u32 = 8;
/// Events that are asked for together for handlers that wait for them.
const MOST_AT_ONCE: usize = 256;
/// How often more time is asked for what lies ahead where deliveries are limited; more often where there is less than three times this.
const EXTEND: Duration = Duration::from_secs(1);

/// No request lasts less than this, however little time there is.
const LEAST: Duration = Duration::from_millis(100);

/// What a subscription and the task that takes events for it share.
pub(super) struct Ahead {
    state: Mutex<State>,
    /// Something has changed that the task should look at.
    pub(super) changed: Notify,
    /// Whether events are taken only for a consumer that waits. The server counts a delivery when it sends one, so what lies
    /// ahead of a consumer that dies of another event would die with it, where deliveries are limited.
    careful: bool,
}

struct State {
    /// How long a member may have an event.
    ack_wait: Duration,
    events: VecDeque<Taken>,
    failed: Option<Error>,
    /// Nothing is taken any more.
    ended: bool,
    /// The consumer, when it waits.
    waker: Option<Waker>,
    /// How many it begins with as soon as it has them.
    at_once: usize,
    /// The most events that may be here and with it.
    limit: usize,
    with_consumer: usize,
    /// Whether it has come for an event, and not left what it could have had since. What it says of its limit it says before.
    begun: bool,
    /// Whether it waits for one.
    awaited: bool,
    /// When it was given an event, until it comes for the next.
    left: Option<Instant>,
    /// How long it was away the last time.
    away: Duration,
}

/// An event that was taken ahead.
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    pub(super) verdict: Verdict,
    /// When it came.
    pub(super) came: Instant,
    /// When its time began: when it came, or more of it was asked for.
    pub(super) since: Instant,
}

/// One event that is with the consumer.
pub(super) struct Place(Arc<Ahead>);

impl Ahead {
    pub(super) fn new(careful: bool, ack_wait: Duration) -> Arc<Self> {
        let state = State {
            ack_wait,
            events: VecDeque::new(),
            failed: None,
            ended: false,
            waker: None,
            at_once: 1,
            limit: usize::MAX,
            with_consumer: 0,
            begun: false,
            awaited: false,
            left: None,
            away: Duration::ZERO,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), careful })
    }

    /// How long a member may have an event.
    pub(super) fn ack_wait(&self) -> Duration {
        self.lock().ack_wait
    }

    /// From now on, so long.
    pub(super) fn allow(&self, ack_wait: Duration) {
        self.lock().ack_wait = ack_wait;
    }

    /// No more than so many are to be with the consumer and ahead of it.
    pub(super) fn limit(&self, events: usize) {
        self.lock().limit = events;
    }

    /// From now on the consumer begins with so many as soon as it has them.
    pub(super) fn begins_at_once(&self, events: usize) {
        self.lock().at_once = events.min(MOST_AT_ONCE);
    }

    /// The next event for the consumer.
    pub(super) fn poll_next(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        let mut state = self.lock();
        if let Some(left) = state.left.take() {
            state.away = left.elapsed();
        }
        while let Some(Taken { mut delivery, mut verdict, since, .. }) = state.events.pop_front() {
            let waited = since.elapsed();
            if waited >= state.ack_wait {
                // It is another's by now, or comes again.
                verdict.forget();
                continue;
            }
            (state.awaited, state.left) = (false, Some(Instant::now()));
            state.with_consumer += 1;
            if state.events.is_empty() {
                self.changed.notify_one();
            }
            let is_late = waited > state.ack_wait / 4;
            drop(state);
            if is_late {
                verdict.prolong();
            }
            verdict.begin(Place(Arc::clone(self)));
            delivery.acknowledge = Some(Box::new(verdict));
            return Poll::Ready(Some(Ok(delivery)));
        }
        if let Some(error) = state.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        (state.begun, state.awaited) = (true, true);
        self.changed.notify_one();
        Poll::Pending
    }

    /// How long a request may last, so that it is over before what it brought goes back.
    pub(super) fn longest(&self) -> Duration {
        if self.careful { Duration::MAX } else { (self.ack_wait() / 2).max(LEAST) }
    }

    /// How many events are to be asked for; none while there are some.
    pub(super) fn wanted(&self) -> usize {
        let state = self.lock();
        if !state.events.is_empty() || state.failed.is_some() {
            return 0;
        }
        let wanted = match self.careful {
            true if state.awaited => state.at_once.min(state.limit).saturating_sub(state.with_consumer),
            false if state.begun => state.depth().min(state.limit.saturating_sub(state.with_consumer)),
            _ => 0,
        };
        // Whoever waits may have one more, or would not wait.
        wanted.max(usize::from(state.awaited))
    }

    /// An event came.
    pub(super) fn came(&self, taken: Taken) {
        let mut state = self.lock();
        state.events.push_back(taken);
        state.wake();
    }

    /// Events do not come.
    pub(super) fn failed(&self, error: Error) {
        let mut state = self.lock();
        state.failed = Some(error);
        state.wake();
    }

    /// Nothing that lies here is there any more.
    pub(super) fn forget(&self) {
        let events = std::mem::take(&mut self.lock().events);
        events.into_iter().for_each(|taken| taken.verdict.forget());
    }

    /// Nothing is taken any more. Gives what was not with the consumer yet.
    pub(super) fn end(&self) -> VecDeque<Taken> {
        let mut state = self.lock();
        state.ended = true;
        state.wake();
        std::mem::take(&mut state.events)
    }

    /// What is to be done about what lies here: asks for more time, or gives what goes back to the group, not while there is a request it would
    /// be sent to. And when to look again.
    pub(super) fn look_after(&self, is_asking: bool) -> (VecDeque<Taken>, Option<Instant>) {
        let mut state = self.lock();
        let Some(first) = state.events.front() else { return (VecDeque::new(), None) };
        let patience = if self.careful { EXTEND.min(state.ack_wait / 3) } else { state.ack_wait / 2 };
        let until = first.since + patience;
        let now = Instant::now();
        if now < until {
            return (VecDeque::new(), Some(until));
        }
        // Whoever waited would have come for it by now. Nothing is asked for again before the consumer comes.
        let enough = if self.careful { first.came + state.ack_wait } else { until };
        (state.begun, state.awaited) = (false, false);
        if now >= enough && !is_asking {
            return (std::mem::take(&mut state.events), None);
        }
        if !self.careful {
            return (VecDeque::new(), None);
        }
        for taken in &mut state.events {
            taken.verdict.prolong();
            taken.since = now;
        }
        (VecDeque::new(), Some(now + patience))
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many the consumer comes to in time, which is away for so long with each.
    fn depth(&self) -> usize {
        let in_time = (self.ack_wait / 2).as_nanos() / self.away.as_nanos().max(1);
        in_time.min(AHEAD.into()) as usize
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().with_consumer -= 1;
        self.0.changed.notify_one();
    }
}
