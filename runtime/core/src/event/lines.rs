//! Who waits for whom where a subscription keeps the order of keys, and how those that wait are kept.
//!
//! A transport may give an event to another member when nothing was said of it for some time. What waits here, in line, for its turn or
//! for its next try, is given more time for as long as the subscription lives: by a task, since a subscription whose
//! handlers are all at work is asked for nothing. The event that a handler has is for the handler to see to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::debug;

use super::Delivery;
use crate::{BoxFuture, Error};

/// How long an event that was refused waits; twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often more time is asked for, at least; more often where the transport gives less than three times this.
const EXTEND: Duration = Duration::from_secs(1);
/// And at most.
const LEAST_EXTEND: Duration = Duration::from_millis(1);

/// Asks a transport for more time for one event.
type Asking = BoxFuture<'static, Result<bool, Error>>;

/// The lines of a subscription, one for each key of which an event is with the consumer.
pub(super) struct Lines {
    state: Mutex<State>,
    /// How long the transport leaves an event here of which nothing is said.
    limit: Option<Duration>,
    /// Something waits.
    waits: Notify,
}

#[derive(Default)]
struct State {
    /// Of each key whose event is with the consumer, or about to be: those behind it.
    waiting: HashMap<Bytes, VecDeque<Held>>,
    /// Those whose turn it is.
    ready: VecDeque<(Bytes, Held)>,
    /// Those that were refused, by when they come again and in which order they were refused.
    refused: BTreeMap<(Instant, u64), (Bytes, Held)>,
    refusals: u64,
    held: usize,
    waker: Option<Waker>,
    /// The subscription is gone: what is refused goes back to the transport.
    closed: bool,
}

/// An event that waits.
struct Held {
    delivery: Delivery,
    /// When its time with the transport began.
    since: Instant,
}

impl Lines {
    /// Lines of events that the transport leaves here for so long.
    pub(super) fn new(limit: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), limit, waits: Notify::new() })
    }

    /// Starts the task that gives more time to what waits, where that is needed. It runs until it is aborted.
    pub(super) fn keep(self: &Arc<Self>) -> Option<AbortHandle> {
        let every = EXTEND.min(self.limit? / 3).max(LEAST_EXTEND);
        let lines = Arc::clone(self);
        let keeping = async move {
            loop {
                let asking = lines.lock().ask();
                if asking.is_empty() {
                    lines.waits.notified().await;
                }
                for asked in asking {
                    asked_for(asked.await);
                }
                tokio::time::sleep(every).await;
            }
        };
        Some(tokio::spawn(keeping).abort_handle())
    }

    /// How many events with a key are here or with the consumer.
    pub(super) fn held(&self) -> usize {
        self.lock().held
    }

    /// An event whose turn it is and its key, or when there will be one; whoever asks is woken if there is one sooner.
    pub(super) fn next(&self, waker: &Waker) -> Result<(Bytes, Delivery), Option<Instant>> {
        let mut state = self.lock();
        state.waker = Some(waker.clone());
        let due = state.refused.first_key_value().map(|((at, _), _)| *at);
        let next = match due {
            Some(at) if at <= Instant::now() => state.refused.pop_first().map(|(_, event)| event),
            _ => state.ready.pop_front(),
        };
        drop(state);
        let (key, Held { delivery, since }) = next.ok_or(due)?;
        // So that its handler has nearly all of the time: each time it is asked for is a message.
        if self.limit.is_some_and(|limit| since.elapsed() > limit / 8) {
            ask_for_time(&delivery);
        }
        Ok((key, delivery))
    }

    /// Takes in an event: at the end of the line of its key, or, given back, as the one that has the turn.
    pub(super) fn join(&self, key: &Bytes, delivery: Delivery) -> Option<Delivery> {
        let mut state = self.lock();
        state.held += 1;
        let Some(line) = state.waiting.get_mut(key) else {
            state.waiting.insert(key.clone(), VecDeque::new());
            return Some(delivery);
        };
        line.push_back(Held::new(delivery));
        drop(state);
        self.waits.notify_one();
        None
    }

    /// The event of this key that was with the consumer is done with.
    pub(super) fn release(&self, key: Bytes) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.held -= 1;
        match state.waiting.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => state.ready.push_back((key, next)),
            None => drop(state.waiting.remove(&key)),
        }
        state.wake();
    }

    /// It comes again, after `pause` or as long as is usual, and its line goes on waiting. Gives it back when there is nobody it could
    /// come to.
    pub(super) fn refuse(&self, key: Bytes, mut delivery: Delivery, pause: Option<Duration>) -> Option<Delivery> {
        let mut state = self.lock();
        if state.closed {
            return Some(delivery);
        }
        let usual = || FIRST_PAUSE.saturating_mul(1 << delivery.attempt.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
        let pause = pause.unwrap_or_else(usual);
        // How much its handler has left of its time is not known here.
        if self.limit.is_some() {
            ask_for_time(&delivery);
        }
        delivery.attempt = delivery.attempt.saturating_add(1);
        state.refusals += 1;
        let place = (Instant::now() + pause, state.refusals);
        state.refused.insert(place, (key, Held::new(delivery)));
        state.wake();
        drop(state);
        self.waits.notify_one();
        None
    }

    /// The subscription is gone, and what waits goes back to the transport.
    pub(super) fn close(&self) {
        let left = std::mem::replace(&mut *self.lock(), State { closed: true, ..State::default() });
        // Dropped outside of the lock: that tells the transport.
        drop(left);
    }

    /// The lock guards plain collections; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Asks for more time for everything that waits.
    fn ask(&mut self) -> Vec<Asking> {
        let (in_line, ready) = (self.waiting.values_mut().flatten(), self.ready.iter_mut().map(|(_, event)| event));
        let waiting = in_line.chain(ready).chain(self.refused.values_mut().map(|(_, event)| event));
        waiting.filter_map(Held::ask).collect()
    }
}

impl Held {
    fn new(delivery: Delivery) -> Self {
        Self { delivery, since: Instant::now() }
    }

    fn ask(&mut self) -> Option<Asking> {
        let asking = self.delivery.acknowledge.as_ref()?.in_progress();
        self.since = Instant::now();
        Some(asking)
    }
}

/// Asks for more time for one event in the background, while there is a runtime.
fn ask_for_time(delivery: &Delivery) {
    if let Some(acknowledge) = &delivery.acknowledge
        && let Ok(runtime) = Handle::try_current()
    {
        let asking = acknowledge.in_progress();
        runtime.spawn(async move { asked_for(asking.await) });
    }
}

fn asked_for(asked: Result<bool, Error>) {
    if let Err(error) = asked {
        debug!(%error, "more time could not be asked for; the event comes again when its time is up");
    }
}
