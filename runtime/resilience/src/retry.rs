//! Makes a failed call again, a few times, after a growing pause, and only while few calls fail.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::RpcError;
use thriftwood_core::call::{Call, Request};
use tokio::time::Instant;
use tower::Layer;
use tower::retry::budget::{Budget, TpsBudget};
use tower::util::rng::{HasherRng, Rng};
use tracing::debug;

use crate::attempt::{Caller, attempt, is_idempotent, is_trouble};
use crate::guarded::{Guarded, Policy};

/// A layer that makes failed calls again.
///
/// A call is made again when its handler did not run, and for a method annotated `(idempotent)` also when it may have run; never
/// after its handler has answered, be it with an error. All attempts share the time limit of the call.
///
/// The *budget* keeps retries from making an overload worse: they are at most a fifth of all calls of late, and 10 a second when there
/// are few calls. Without it, a service that fails would get every call three times. A layer and its clones share one.
///
/// | what | default |
/// |---|---|
/// | attempts, the first included | 3 |
/// | pause before the second attempt, and each further one twice as long | at most 25 ms, at most 1 s; a random part of it |
/// | time limit of one attempt | none but the call's |
/// | budget | 20 % of the calls of the last 10 s, and 10 a second |
#[derive(Clone)]
pub struct Retry {
    attempts: u32,
    pause: Duration,
    longest_pause: Duration,
    attempt_timeout: Option<Duration>,
    budget: Arc<TpsBudget>,
}

/// How long a call counts for the budget.
const BUDGET_PERIOD: Duration = Duration::from_secs(10);

impl Retry {
    /// With the defaults.
    pub fn new() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(25),
            longest_pause: Duration::from_secs(1),
            attempt_timeout: None,
            budget: Arc::new(TpsBudget::new(BUDGET_PERIOD, 10, 0.2)),
        }
    }

    /// How often a call is made at most, the first time included; at least once.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The pause before the second attempt, of which a random part is waited, and the longest one; each pause is twice as
    /// long as that before.
    #[must_use]
    pub fn pause(mut self, first: Duration, longest: Duration) -> Self {
        (self.pause, self.longest_pause) = (first, longest.max(first));
        self
    }

    /// The time limit of one attempt. With one, a call of a method annotated `(idempotent)` is made again when an attempt
    /// takes longer; without, the first attempt has all the time there is.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// A budget of its own for this layer and its clones: so many retries a second, and this part of the calls of the last
    /// 10 s on top of it (`0.2` is a fifth; at most 1,000).
    #[must_use]
    pub fn budget(mut self, per_second: u32, part: f32) -> Self {
        // The bounds of tower's budget, over which it panics.
        let part = if part.is_finite() { part.clamp(0.0, 1000.0) } else { 0.0 };
        self.budget = Arc::new(TpsBudget::new(BUDGET_PERIOD, per_second.min(1_000_000), part));
        self
    }

    /// The time to wait after this many attempts: anything up to the full pause, so that callers that failed together do not
    /// come back together ("full jitter", Brooker 2015).
    fn pause_after(&self, attempts: u32, rng: &mut HasherRng) -> Duration {
        let doubled = self.pause.saturating_mul(1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX));
        doubled.min(self.longest_pause).mul_f64(rng.next_f64())
    }

    async fn one<Req: Request, S: Caller<Req>>(
        &self,
        service: &S,
        call: &Call<Req>,
        attempt_number: u32,
        until: Instant,
    ) -> Result<Req::Response, RpcError> {
        if attempt_number == 1 && self.attempt_timeout.is_none() {
            return attempt(service.clone(), call.clone()).await;
        }
        let left = until.saturating_duration_since(Instant::now());
        let context = call.context.clone().with_timeout(self.attempt_timeout.map_or(left, |timeout| timeout.min(left)));
        let result = attempt(service.clone(), Call { context: context.clone(), request: call.request.clone() }).await;
        call.context.adopt_response(&context);
        result
    }
}

impl Policy for Retry {
    async fn run<Req: Request, S: Caller<Req>>(&self, service: S, call: Call<Req>) -> Result<Req::Response, RpcError> {
        let idempotent = is_idempotent(&call);
        let until = Instant::now() + call.context.remaining();
        let mut rng = HasherRng::default();
        self.budget.deposit();
        let mut made = 0;
        loop {
            made += 1;
            let result = self.one(&service, &call, made, until).await;
            let Err(error) = result else { return result };
            let may = error.is_retryable() || idempotent && is_trouble(&error);
            if !may || made >= self.attempts {
                return Err(after(made, error));
            }
            let pause = self.pause_after(made, &mut rng);
            if Instant::now() + pause >= until || !self.budget.withdraw() {
                return Err(after(made, error));
            }
            let method = call.method();
            debug!(service = method.service, method = method.name, attempt = made, ?pause, %error, "a call is made again");
            tokio::time::sleep(pause).await;
        }
    }
}

impl<S> Layer<S> for Retry {
    type Service = Guarded<S, Self>;

    fn layer(&self, inner: S) -> Guarded<S, Self> {
        Guarded::new(inner, self.clone())
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("attempts", &self.attempts).field("pause", &self.pause).finish_non_exhaustive()
    }
}

/// Says how often it was tried, for whoever reads the error.
fn after(attempts: u32, error: RpcError) -> RpcError {
    if attempts == 1 {
        return error;
    }
    RpcError::new(error.kind(), format!("{} (after {attempts} attempts)", error.message())).with_source(error)
}
