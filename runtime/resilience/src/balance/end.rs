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
        // Who answers in something else is as bad as nobody, and sooner done: it would get nearly all calls.
        let bad = [RpcErrorKind::Unavailable, RpcErrorKind::Disconnected, RpcErrorKind::Protocol];
        self.end.answered(!kind.is_some_and(|kind| bad.contains(&kind)));
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn fail(end: &Arc<End>) {
        end.begin().end::<()>(&Err(RpcError::new(RpcErrorKind::Disconnected, "as the test wants it")));
    }

    fn succeed(end: &Arc<End>) {
        end.begin().end(&Ok(()));
    }

    fn is_in(end: &End) -> bool {
        end.standing(Instant::now()) == Standing::In
    }

    #[tokio::test(start_paused = true)]
    async fn each_further_failure_puts_a_server_out_for_twice_as_long_up_to_the_longest() {
        let end = Arc::default();
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(is_in(&end), "before it is out for {seconds} s");
            fail(&end);
            let due = Instant::now() + Duration::from_secs(seconds);
            assert_eq!(end.standing(Instant::now()), Standing::Out(due));
            advance(Duration::from_secs(seconds)).await;
        }
        succeed(&end);
        fail(&end);
        advance(OUT).await;
        assert!(is_in(&end), "a success makes it begin anew");
    }

    #[tokio::test(start_paused = true)]
    async fn who_answers_in_something_else_is_put_out_and_who_answers_with_an_error_of_its_service_is_not() {
        for (kind, stays) in [
            (RpcErrorKind::Protocol, false),
            (RpcErrorKind::Unavailable, false),
            (RpcErrorKind::Disconnected, false),
            (RpcErrorKind::Internal, true),
            (RpcErrorKind::UnknownMethod, true),
            (RpcErrorKind::Overloaded, true),
        ] {
            let end: Arc<End> = Arc::default();
            end.begin().end::<()>(&Err(RpcError::new(kind, "as the test wants it")));
            assert_eq!(is_in(&end), stays, "{kind:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_under_way_when_a_server_was_put_out_put_it_out_no_longer() {
        let end: Arc<End> = Arc::default();
        let under_way: Vec<_> = (0..10).map(|_| end.begin()).collect();
        for attempt in under_way {
            attempt.end::<()>(&Err(RpcError::new(RpcErrorKind::Disconnected, "as the test wants it")));
        }
        advance(OUT).await;
        assert!(is_in(&end));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_comes_back_gets_one_call_at_a_time_until_one_succeeds() {
        let end: Arc<End> = Arc::default();
        fail(&end);
        advance(OUT).await;
        let trial = end.begin();
        assert!(!is_in(&end), "beside the one that is to show whether it is back");
        trial.end(&Ok(()));
        let _under_way = end.begin();
        assert!(is_in(&end));
    }

    #[tokio::test(start_paused = true)]
    async fn five_calls_in_a_row_without_an_answer_put_a_server_out_and_an_answer_in_between_counts_anew() {
        let end: Arc<End> = Arc::default();
        for _ in 0..3 {
            (1..UNANSWERED).for_each(|_| drop(end.begin()));
            assert!(is_in(&end));
            succeed(&end);
        }
        (1..UNANSWERED).for_each(|_| drop(end.begin()));
        assert!(is_in(&end));
        drop(end.begin());
        assert!(!is_in(&end));
        // One is enough of a server that is to show whether it is back.
        advance(OUT).await;
        drop(end.begin());
        assert_eq!(end.standing(Instant::now()), Standing::Out(Instant::now() + OUT * 2));
        assert_eq!(end.under_way(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_a_handler_answered_with_shows_that_the_server_is_there() {
        let end: Arc<End> = Arc::default();
        for kind in [RpcErrorKind::Internal, RpcErrorKind::Overloaded, RpcErrorKind::Application(402)] {
            end.begin().end::<()>(&Err(RpcError::new(kind, "as the test wants it")));
            assert!(is_in(&end), "{kind:?}");
        }
    }
}
