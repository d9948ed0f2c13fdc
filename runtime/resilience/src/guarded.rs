//! A client whose calls a policy makes: at once, again, twice, or not at all.

use std::future::Future;
use std::task::{Context as TaskContext, Poll};

use thriftwood_core::call::{Call, Request};
use thriftwood_core::{BoxFuture, RpcError};
use tower::Service;

use crate::attempt::Caller;

/// What a layer of this crate does about a call.
pub trait Policy: Clone + Send + Sync + 'static {
    /// Makes the call, as often as the policy has it, each time on a clone of the service.
    fn run<Req: Request, S: Caller<Req>>(
        &self,
        service: S,
        call: Call<Req>,
    ) -> impl Future<Output = Result<Req::Response, RpcError>> + Send;
}

/// A client behind a [`Breaker`](crate::Breaker), a [`Retry`](crate::Retry) or a [`Hedge`](crate::Hedge).
#[derive(Clone, Debug)]
pub struct Guarded<S, P> {
    inner: S,
    policy: P,
}

impl<S, P> Guarded<S, P> {
    pub(crate) fn new(inner: S, policy: P) -> Self {
        Self { inner, policy }
    }
}

impl<Req: Request, S: Caller<Req>, P: Policy> Service<Call<Req>> for Guarded<S, P> {
    type Response = Req::Response;
    type Error = RpcError;
    type Future = BoxFuture<'static, Result<Req::Response, RpcError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), RpcError>> {
        // Each attempt waits until a clone is ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call<Req>) -> Self::Future {
        let (inner, policy) = (self.inner.clone(), self.policy.clone());
        Box::pin(async move { policy.run(inner, call).await })
    }
}
