//! One of the servers: how many calls are under way there, and whether it is out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thriftwood_core::{RpcError, RpcErrorKind};
use tokio::time::Instant;
use tracing::{info, warn};

/// How long a server is out at first; twice as long after each further failure.
const OUT: Duration = Duration::from_secs(1);
const LONGEST_OUT: Duration = Duration::from_secs(30);

/// So many calls in a row without an answer are a sign that the server hangs. Fewer may be callers in a hurry.
const UNANSWERED: u32 = 5;

#[derive(Debug, Default)]
pub(super) struct End {
    under_way: AtomicUsize,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// How often in a row it was put out; 0 when its last call succeeded.
    outs: u32,
    /// How many calls in a row were dropped without an answer.
    unanswered: u32,
    /// It gets no call before this.
    until: Option<Instant>,
}

/// Whether a server may get a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It may.
    In,
    /// Not before this.
    Out(Instant),
}

impl End {
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// A server that comes back gets one call at a time, until one succeeds.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        let health = self.health();
        match health.until {
            Some(until) if until > now => Standing::Out(until),
            Some(until) if self.under_way() > 0 => Standing::Out(until.max(now)),
            _ => Standing::In,
        }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Attempt {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Attempt { end: Arc::clone(self), answered: false }
    }

    fn answered(&self, well: bool) {
        let mut health = self.health();
        health.unanswered = 0;
        if well {
            if health.until.is_some() {
                info!("a server is back");
            }
            (health.outs, health.until) = (0, None);
        } else {
            health.put_out(Instant::now());
        }
    }

    fn dropped(&self) {
        let mut health = self.health();
        health.unanswered += 1;
        if health.unanswered >= UNANSWERED || health.until.is_some() {
            health.unanswered = 0;
            health.put_out(Instant::now());
        }
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    fn put_out(&mut self, now: Instant) {
        // Calls that were under way when it was put out fail too, and must not count as further failures.
        if self.until.is_some_and(|until| until > now) {
            return;
        }
        let out = OUT.saturating_mul(1_u32.checked_shl(self.outs).unwrap_or(u32::MAX)).min(LONGEST_OUT);
        self.outs = self.outs.saturating_add(1);
        self.until = Some(now + out);
        warn!(?out, "a server gets no calls");
    }
}

/// A call under way at one server.
#[derive(Debug)]
pub(super) struct Attempt {
    end: Arc<End>,
    answered: bool,
}

impl Attempt {
    pub(super) fn end<T>(mut self, result: &Result<T, RpcError>) {
        self.answered = true;
        let kind = result.as_ref().err().map(RpcError::kind);
        self.end.answered(!matches!(kind, Some(RpcErrorKind::Unavailable | RpcErrorKind::Disconnected)));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end.under_way.fetch_sub(1, Ordering::Relaxed);
        if !self.answered {
            self.end.dropped();
        }
    }
}
