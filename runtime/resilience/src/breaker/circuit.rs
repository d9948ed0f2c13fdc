//! The state of a circuit breaker: closed, open, or trying with one call. Time is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// Of how long calls count, in slots that are forgotten one by one.
const SLOTS: usize = 10;
const SLOT: Duration = Duration::from_secs(1);

/// When a circuit opens and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Of the calls, so many failed.
    pub(super) part: f64,
    /// And there were at least so many.
    pub(super) calls: u32,
    pub(super) open_for: Duration,
}

pub(super) struct Circuit {
    rule: Rule,
    state: Mutex<State>,
}

enum State {
    /// Calls pass and are counted.
    Closed(Window),
    /// No call passes before this time; then one does.
    Open { until: Instant, because: Tally },
    /// One call is under way, on which all depends.
    Trying { because: Tally },
}

/// Why a call does not pass.
pub(super) struct Open {
    pub(super) failed: u32,
    pub(super) calls: u32,
    /// Until the next call passes; nothing while one is under way.
    pub(super) left: Duration,
}

impl Circuit {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, state: Mutex::new(State::Closed(Window::default())) }
    }

    pub(super) fn is_open(&self, now: Instant) -> bool {
        match &*self.lock() {
            State::Closed(_) => false,
            State::Open { until, .. } => *until > now,
            State::Trying { .. } => true,
        }
    }

    /// Lets a call through, or says why not.
    pub(super) fn pass(self: &Arc<Self>, now: Instant) -> Result<Pass, Open> {
        let mut state = self.lock();
        let open = |because: &Tally, left| Open { failed: because.failed, calls: because.calls, left };
        let trial = match &*state {
            State::Closed(_) => false,
            State::Open { until, because } if *until > now => return Err(open(because, *until - now)),
            State::Open { because, .. } => {
                *state = State::Trying { because: *because };
                true
            }
            State::Trying { because } => return Err(open(because, Duration::ZERO)),
        };
        drop(state);
        Ok(Pass { circuit: Arc::clone(self), trial, ended: false })
    }

    fn end(&self, trial: bool, failed: bool, now: Instant) {
        let mut state = self.lock();
        match (&mut *state, trial) {
            (State::Trying { because }, true) if failed => {
                *state = State::Open { until: now + self.rule.open_for, because: *because };
            }
            (State::Trying { .. }, true) => {
                *state = State::Closed(Window::default());
                info!("the circuit breaker lets calls through again");
            }
            (State::Closed(window), _) => {
                let tally = window.count(failed, now);
                let enough = f64::from(tally.failed) >= self.rule.part * f64::from(tally.calls);
                if failed && tally.calls >= self.rule.calls && enough {
                    let Tally { failed, calls } = tally;
                    warn!(failed, calls, open_for = ?self.rule.open_for, "the circuit breaker opens");
                    *state = State::Open { until: now + self.rule.open_for, because: tally };
                }
            }
            // A call from before the circuit opened says nothing of now.
            (State::Open { .. } | State::Trying { .. }, _) => {}
        }
    }

    /// The trial was given up: another may be made at once.
    fn give_up(&self, now: Instant) {
        let mut state = self.lock();
        if let State::Trying { because } = *state {
            *state = State::Open { until: now, because };
        }
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through.
pub(super) struct Pass {
    circuit: Arc<Circuit>,
    trial: bool,
    ended: bool,
}

impl Pass {
    pub(super) fn end(mut self, failed: bool, now: Instant) {
        self.ended = true;
        self.circuit.end(self.trial, failed, now);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // The caller dropped it: that says nothing of the service, and must not leave the circuit trying for ever.
        if !self.ended && self.trial {
            self.circuit.give_up(Instant::now());
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    calls: u32,
    failed: u32,
}

/// The calls of the last seconds.
#[derive(Default)]
struct Window {
    slots: [Tally; SLOTS],
    /// When the newest slot began, and which it is.
    newest: Option<(Instant, usize)>,
}

impl Window {
    /// Counts a call and gives the sum.
    fn count(&mut self, failed: bool, now: Instant) -> Tally {
        let (mut began, mut at) = self.newest.unwrap_or((now, 0));
        if now.saturating_duration_since(began) >= SLOT * SLOTS as u32 {
            (self.slots, began) = (Default::default(), now);
        }
        while now.saturating_duration_since(began) >= SLOT {
            began += SLOT;
            at = (at + 1) % SLOTS;
            self.slots[at] = Tally::default();
        }
        self.newest = Some((began, at));
        self.slots[at].calls = self.slots[at].calls.saturating_add(1);
        self.slots[at].failed = self.slots[at].failed.saturating_add(failed.into());
        let sum = |sum: Tally, slot: &Tally| Tally {
            calls: sum.calls.saturating_add(slot.calls),
            failed: sum.failed.saturating_add(slot.failed),
        };
        self.slots.iter().fold(Tally::default(), sum)
    }
}
