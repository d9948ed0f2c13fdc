//! The load: callers that call, each when it is due.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::tally::{Outcome, Tally};

/// How much, for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Callers.
    pub(super) concurrency: u32,
    pub(super) duration: Duration,
    /// Calls a second; as many as are answered when there is none.
    pub(super) rate: Option<f64>,
}

/// Makes calls until the time is over and the last of them is answered. Gives the seconds it took.
pub(super) async fn run<F, Fut>(plan: Plan, call: F, tally: Arc<Tally>) -> f64
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    let start = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..plan.concurrency as usize {
        let (call, tally, next) = (call.clone(), Arc::clone(&tally), Arc::clone(&next));
        callers.spawn(async move {
            match plan.rate {
                None => without_rate(start + plan.duration, caller, call, &tally).await,
                Some(rate) => {
                    let due = |number: u64| {
                        let after = Duration::from_secs_f64(number as f64 / rate);
                        (after < plan.duration).then(|| start + after)
                    };
                    let due = || due(next.fetch_add(1, Ordering::Relaxed));
                    with_rate(due, caller, call, &tally).await;
                }
            }
        });
    }
    while callers.join_next().await.is_some() {}
    start.elapsed().as_secs_f64()
}

async fn without_rate<F, Fut>(end: Instant, caller: usize, call: F, tally: &Tally)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Outcome>,
{
    loop {
        let begun = Instant::now();
        if begun >= end {
            return;
        }
        let outcome = call().await;
        tally.count(caller, outcome, begun.elapsed());
    }
}

/// A caller that is free before its call is due waits, and that the timer wakes it up to a millisecond late is no latency of the
/// service. One that is free only later found the service slow: there the call is measured from when it was due. Measured from when
/// it was sent, a service that stands still for a second would cost one call instead of all that were due meanwhile (Gil Tene's
/// "coordinated omission").
async fn with_rate<F, Fut>(due: impl Fn() -> Option<Instant>, caller: usize, call: F, tally: &Tally)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Outcome>,
{
    while let Some(due) = due() {
        let waited = Instant::now() < due;
        if waited {
            sleep_until(due).await;
        }
        let begun = if waited { Instant::now() } else { due };
        let outcome = call().await;
        tally.count(caller, outcome, begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// A service that answers within 1 ms, but stands still for a second at one call.
    async fn load(plan: Plan) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(plan.concurrency));
        let stuck = Arc::new(AtomicBool::new(false));
        let call = move || {
            let stuck = !stuck.swap(true, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_millis(if stuck { 1000 } else { 1 })).await;
                Outcome::Result
            }
        };
        run(plan, call, Arc::clone(&tally)).await;
        tally
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_due_while_the_service_stood_still_count_from_then() {
        let plan = Plan { concurrency: 1, duration: Duration::from_secs(4), rate: Some(100.0) };
        let tally = load(plan).await;
        assert_eq!(tally.answers(), 400);
        let latencies = tally.latencies();
        // A hundred were due in that second, and what had piled up is worked off at 9 a tick of 10 ms.
        assert!(latencies.value_at_quantile(0.75) > 100_000_000, "{}", latencies.value_at_quantile(0.75));
        assert!(latencies.value_at_quantile(0.5) < 5_000_000, "{}", latencies.value_at_quantile(0.5));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_a_caller_calls_when_it_is_answered() {
        let plan = Plan { concurrency: 2, duration: Duration::from_secs(2), rate: None };
        let tally = load(plan).await;
        // The stuck caller and the other one, at a millisecond a call, which the timer may make two.
        assert!((1400..=3001).contains(&tally.answers()), "{}", tally.answers());
        assert!(tally.latencies().value_at_quantile(0.99) < 5_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_by_many_callers_together() {
        let plan = Plan { concurrency: 8, duration: Duration::from_secs(3), rate: Some(250.0) };
        let start = Instant::now();
        let tally = load(plan).await;
        assert_eq!(tally.answers(), 750);
        assert!(start.elapsed() < Duration::from_millis(3100), "{:?}", start.elapsed());
    }
}
