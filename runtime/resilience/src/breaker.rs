//! Stops asking a service that fails most calls, and asks again with one call now and then.

mod circuit;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::call::{Call, Request};
use thriftwood_core::{RpcError, RpcErrorKind};
use tokio::time::Instant;
use tower::Layer;

use self::circuit::{Circuit, Rule};
use crate::attempt::{Caller, attempt, is_trouble};
use crate::guarded::{Guarded, Policy};

/// A layer that fails calls at once while the service is in trouble.
///
/// Calls count as failed that timed out, found nobody, lost their connection or were turned away as too many. An answer of a
/// handler, be it an error, shows that the service is there. When enough calls failed, the circuit is *open*: calls fail at once, with
/// [`RpcErrorKind::Unavailable`] and a text that says since when and why, and cost neither side anything. After a while one
/// call is let through, and the circuit closes again when that succeeds.
///
/// | what | default |
/// |---|---|
/// | opens when of the calls of the last 10 s so many failed | half |
/// | and there were so many calls at least | 20 |
/// | stays open for | 5 s |
///
/// A layer and its clones share one circuit, so a client and its clones do.
#[derive(Clone)]
pub struct Breaker {
    rule: Rule,
    circuit: Arc<Circuit>,
}

impl Breaker {
    /// With the defaults.
    pub fn new() -> Self {
        Self::with(Rule { part: 0.5, calls: 20, open_for: Duration::from_secs(5) })
    }

    /// The part of the calls of the last 10 s that opens the circuit when it failed (`0.5` is half), and how many calls
    /// there must have been for it.
    #[must_use]
    pub fn opens_at(self, part: f64, calls: u32) -> Self {
        Self::with(Rule { part, calls: calls.max(1), ..self.rule })
    }

    /// How long no call is let through.
    #[must_use]
    pub fn open_for(self, open_for: Duration) -> Self {
        Self::with(Rule { open_for, ..self.rule })
    }

    /// Whether calls fail at once just now.
    pub fn is_open(&self) -> bool {
        self.circuit.is_open(Instant::now())
    }

    fn with(rule: Rule) -> Self {
        Self { rule, circuit: Arc::new(Circuit::new(rule)) }
    }
}

impl Policy for Breaker {
    async fn run<Req: Request, S: Caller<Req>>(&self, service: S, call: Call<Req>) -> Result<Req::Response, RpcError> {
        let pass = self.circuit.pass(Instant::now()).map_err(|open| {
            let service = call.method().service;
            let text = format!(
                "the circuit breaker fails calls of {service} at once, since {} of {} calls failed; it lets one through in {} ms",
                open.failed,
                open.calls,
                open.left.as_millis()
            );
            RpcError::new(RpcErrorKind::Unavailable, text)
        })?;
        let result = attempt(service, call).await;
        pass.end(result.as_ref().err().is_some_and(is_trouble), Instant::now());
        result
    }
}

impl<S> Layer<S> for Breaker {
    type Service = Guarded<S, Self>;

    fn layer(&self, inner: S) -> Guarded<S, Self> {
        Guarded::new(inner, self.clone())
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("rule", &self.rule).field("open", &self.is_open()).finish_non_exhaustive()
    }
}
