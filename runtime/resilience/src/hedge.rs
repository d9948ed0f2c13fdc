//! Makes a call a second time when its answer is late, and takes the answer that comes first.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::call::{Call, Request};
use thriftwood_core::{Context, RpcError};
use tokio::time::Instant;
use tower::Layer;
use tower::retry::budget::{Budget, TpsBudget};
use tracing::debug;

use crate::attempt::{Caller, attempt, is_idempotent, is_trouble};
use crate::guarded::{Guarded, Policy};

/// A layer that makes late calls twice.
///
/// Only methods annotated `(idempotent)` in the IDL are called twice. The call that loses is dropped, which cancels it where
/// the transport can. Worth it where there is more than one server behind an address and some are slow now and then; the
/// time to wait is best put at what 19 of 20 calls take ("The Tail at Scale", Dean and Barroso 2013).
///
/// At most a tenth of all calls of the last 10 s are made twice, so that a service that is slow as a whole does not get twice the work.
#[derive(Clone)]
pub struct Hedge {
    after: Duration,
    budget: Arc<TpsBudget>,
}

impl Hedge {
    /// Makes a call a second time when there is no answer after so long.
    pub fn after(after: Duration) -> Self {
        // One a second on top: else the very first calls, of which a tenth is none, could not be hedged.
        Self { after, budget: Arc::new(TpsBudget::new(Duration::from_secs(10), 1, 0.1)) }
    }
}

impl Policy for Hedge {
    async fn run<Req: Request, S: Caller<Req>>(&self, service: S, call: Call<Req>) -> Result<Req::Response, RpcError> {
        self.budget.deposit();
        if !is_idempotent(&call) {
            return attempt(service, call).await;
        }
        let until = Instant::now() + call.context.remaining();
        let mut first = pin!(attempt(service.clone(), call.clone()));
        tokio::select! {
            biased;
            result = &mut first => return result,
            () = tokio::time::sleep(self.after) => {}
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !self.budget.withdraw() {
            return first.await;
        }
        let method = call.method();
        debug!(service = method.service, method = method.name, after = ?self.after, "a late call is made a second time");
        let context = call.context.clone().with_timeout(left);
        let mut second = pin!(attempt(service, Call { context: context.clone(), request: call.request.clone() }));
        tokio::select! {
            biased;
            // A failure of the transport is no answer while the other may bring one.
            result = &mut first => match result {
                Err(error) if is_trouble(&error) => taken(second.await, &call.context, &context),
                result => result,
            },
            result = &mut second => match result {
                Err(error) if is_trouble(&error) => first.await,
                result => taken(result, &call.context, &context),
            },
        }
    }
}

impl<S> Layer<S> for Hedge {
    type Service = Guarded<S, Self>;

    fn layer(&self, inner: S) -> Guarded<S, Self> {
        Guarded::new(inner, self.clone())
    }
}

/// The second call's result, with the headers that came with it.
fn taken<T>(result: Result<T, RpcError>, callers: &Context, second: &Context) -> Result<T, RpcError> {
    callers.adopt_response(second);
    result
}

impl fmt::Debug for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge").field("after", &self.after).finish_non_exhaustive()
    }
}
