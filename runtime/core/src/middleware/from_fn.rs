//! Middleware as an `async fn`: gets what passes and the rest of the way.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::{DynStep, Layered, Passage, Step, dynamic};
use crate::BoxFuture;

/// A layer that hands each call or event to `f`, with the rest of its way.
///
/// `f` may change what passes, answer by itself, look at the outcome, or go the rest of the way more than once, with a clone of
/// [`Next`]. Where it is generic over the service, it is the same for all of them.
///
/// ```
/// use std::time::Instant;
/// use thriftwood_core::RpcError;
/// use thriftwood_core::call::{Call, Request};
/// use thriftwood_core::middleware::{Next, from_fn};
///
/// async fn timed<Req: Request>(call: Call<Req>, next: Next<Call<Req>>) -> Result<Req::Response, RpcError> {
///     let (method, began) = (call.method(), Instant::now());
///     let result = next.run(call).await;
///     println!("{}.{} took {:?}, idempotent: {:?}", method.service, method.name, began.elapsed(), method.annotation("idempotent"));
///     result
/// }
/// # fn layered<Req: Request>(client: thriftwood_core::Client<Req>) -> thriftwood_core::Client<Req> {
/// client.layer(from_fn(timed::<Req>))
/// # }
/// ```
pub fn from_fn<P, F, Fut>(f: F) -> FromFn<P, F>
where
    P: Passage,
    F: Fn(P, Next<P>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<P::Output, P::Error>> + Send + 'static,
{
    FromFn { f: Arc::new(f), passage: PhantomData }
}

/// The layer that [`from_fn`] makes.
pub struct FromFn<P, F> {
    f: Arc<F>,
    passage: PhantomData<fn(P)>,
}

impl<P, F> Clone for FromFn<P, F> {
    fn clone(&self) -> Self {
        Self { f: Arc::clone(&self.f), passage: PhantomData }
    }
}

impl<P, F> fmt::Debug for FromFn<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<P: Passage, F, S> Layer<S> for FromFn<P, F>
where
    Layered<S>: Step<P>,
{
    type Service = WithFn<P, F>;

    fn layer(&self, inner: S) -> WithFn<P, F> {
        WithFn { f: Arc::clone(&self.f), next: Next(dynamic(Layered(inner))) }
    }
}

/// The service that a [`FromFn`] makes of what it wraps.
pub struct WithFn<P: Passage, F> {
    f: Arc<F>,
    next: Next<P>,
}

impl<P: Passage, F> Clone for WithFn<P, F> {
    fn clone(&self) -> Self {
        Self { f: Arc::clone(&self.f), next: self.next.clone() }
    }
}

impl<P: Passage, F> fmt::Debug for WithFn<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithFn")
    }
}

impl<P, F, Fut> Service<P> for WithFn<P, F>
where
    P: Passage,
    F: Fn(P, Next<P>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<P::Output, P::Error>> + Send + 'static,
{
    type Response = P::Output;
    type Error = P::Error;
    type Future = BoxFuture<'static, Result<P::Output, P::Error>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), P::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, passage: P) -> Self::Future {
        Box::pin((self.f)(passage, self.next.clone()))
    }
}

/// The rest of the way, behind a middleware made by [`from_fn`].
pub struct Next<P: Passage>(Arc<dyn DynStep<P>>);

impl<P: Passage> Next<P> {
    /// Goes the rest of the way.
    ///
    /// # Errors
    /// Whatever comes back from there.
    pub async fn run(self, passage: P) -> Result<P::Output, P::Error> {
        self.0.call(passage).await
    }
}

impl<P: Passage> Clone for Next<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Passage> fmt::Debug for Next<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
