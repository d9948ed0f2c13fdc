//! Where tower middleware meets a call or an event: adapters between the runtime's own trait and `tower_service::Service`.
//!
//! Inside, what handles a call or an event is a [`Step`]: `&self`, no readiness, a future that need not be boxed. A tower
//! service takes `&mut self`, has readiness and names its future. The runtime pays for the difference (a clone and a box)
//! only where a layer was added; without one, nothing.
//!
//! A layer is any [`tower_layer::Layer`] whose service takes a [`Call`](crate::call::Call) or an
//! [`Envelope`](crate::event::Envelope); both carry the [`Context`](crate::Context), the descriptor of the method or
//! operation, and the typed value. The layer added last is outermost. Most are written shortest with [`from_fn`].
//!
//! Below the typed layers there are those over frames, added with [`Rpc::layer`](crate::Rpc::layer) and
//! [`Serve::layer`](crate::transport::Serve::layer). A call passes, on its way out and on its way in:
//!
//! ```text
//! client.layer(..), the last added first ─► Rpc::layer(..), the last added first ─► transport
//! handler ◄─ server.layer(..), the last added first ◄─ Serve::layer(..), the last added first ◄─┘
//! ```
//!
//! Those over the frames of events are added to a bus, with [`Bus::layer_published`](crate::Bus::layer_published) and
//! [`Bus::layer_received`](crate::Bus::layer_received): below the layers of the publishers and subscribers made from it.
//!
//! ```
//! use std::task::{Context as Cx, Poll};
//! use thriftwood_core::call::{Call, Request};
//! use tower_service::Service;
//!
//! /// Counts calls, whatever the service.
//! #[derive(Clone)]
//! struct Count<S>(S, std::sync::Arc<std::sync::atomic::AtomicU64>);
//!
//! impl<S, Req: Request> Service<Call<Req>> for Count<S>
//! where
//!     S: Service<Call<Req>>,
//! {
//!     type Response = S::Response;
//!     type Error = S::Error;
//!     type Future = S::Future;
//!
//!     fn poll_ready(&mut self, cx: &mut Cx<'_>) -> Poll<Result<(), S::Error>> {
//!         self.0.poll_ready(cx)
//!     }
//!
//!     fn call(&mut self, call: Call<Req>) -> S::Future {
//!         self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//!         self.0.call(call)
//!     }
//! }
//! ```

mod events;
mod frames;
mod from_fn;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use tower_service::Service;

pub(crate) use events::LayeredEvents;
pub use events::{Published, Publishing, Receiving};
pub use frames::{Answering, Sending};
pub(crate) use frames::{LayeredChannel, LayeredHandler};
pub use from_fn::{FromFn, Next, WithFn, from_fn};
pub use tower_layer::Layer;

use crate::BoxFuture;
use crate::error::BoxError;

/// What passes through middleware: a typed call, or an event in its envelope.
pub trait Passage: Send + 'static {
    /// What comes back.
    type Output: Send + 'static;
    /// What comes back when it fails. Middleware may fail with any error; it is turned into this one.
    type Error: From<Refusal> + Into<BoxError> + Send + 'static;
}

/// An error that a middleware gave back, on its way to becoming the error of the call or event.
#[derive(Debug)]
pub struct Refusal(pub BoxError);

/// One step on the way of a call or event: the transport, a handler, or a layer around either.
pub trait Step<P: Passage>: Send + Sync + 'static {
    /// Takes what passes and gives what comes back.
    fn call(&self, passage: P) -> impl Future<Output = Result<P::Output, P::Error>> + Send;

    /// The same as a future that borrows nothing and whose type has no name. A step that has such a future already gives that.
    fn boxed(self: &Arc<Self>, passage: P) -> BoxFuture<'static, Result<P::Output, P::Error>> {
        let step = Arc::clone(self);
        Box::pin(async move { step.call(passage).await })
    }
}

/// [`Step`] behind a pointer, so that a client's type does not name its middleware. An [`Arc`] of a step is one, of which is cloned
/// what has to outlive the call; a layer clones its own service, and needs no other.
pub(crate) trait DynStep<P: Passage>: Send + Sync {
    fn call(&self, passage: P) -> BoxFuture<'static, Result<P::Output, P::Error>>;
}

impl<P: Passage, S: Step<P>> DynStep<P> for Arc<S> {
    fn call(&self, passage: P) -> BoxFuture<'static, Result<P::Output, P::Error>> {
        self.boxed(passage)
    }
}

/// A step without its type.
pub(crate) fn dynamic<P: Passage>(step: impl Step<P>) -> Arc<dyn DynStep<P>> {
    Arc::new(Arc::new(step))
}

/// What a layer wraps: the rest of the way, as a tower service. Always ready.
#[derive(Debug)]
pub struct Innermost<S>(pub(crate) Arc<S>);

impl<S> Innermost<S> {
    pub(crate) fn new(step: S) -> Self {
        Self(Arc::new(step))
    }
}

impl<S> Clone for Innermost<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Passage, S: Step<P>> Service<P> for Innermost<S> {
    type Response = P::Output;
    type Error = P::Error;
    type Future = BoxFuture<'static, Result<P::Output, P::Error>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), P::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, passage: P) -> Self::Future {
        self.0.boxed(passage)
    }
}

/// A layered tower service, as the runtime calls it: a clone for each passage, awaited until it is ready.
#[derive(Clone, Debug)]
pub struct Layered<T>(pub(crate) T);

impl<P, T> Step<P> for Layered<T>
where
    P: Passage,
    T: Service<P, Response = P::Output, Error: Into<BoxError>, Future: Send + 'static> + Clone + Send + Sync + 'static,
{
    async fn call(&self, passage: P) -> Result<P::Output, P::Error> {
        let mut service = self.0.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(refused)?;
        service.call(passage).await.map_err(refused)
    }

    fn boxed(self: &Arc<Self>, passage: P) -> BoxFuture<'static, Result<P::Output, P::Error>> {
        let mut service = self.0.clone();
        match service.poll_ready(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => same_or_boxed(service.call(passage)),
            Poll::Ready(Err(error)) => Box::pin(std::future::ready(Err(refused(error)))),
            // Asked again, with who is to be woken.
            Poll::Pending => Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx)).await.map_err(refused)?;
                service.call(passage).await.map_err(refused)
            }),
        }
    }
}

/// A layer that does something before a call and nothing after it gives on the future of what it wraps, which is boxed already:
/// such a layer costs no allocation.
fn same_or_boxed<F, T, E, E2>(future: F) -> BoxFuture<'static, Result<T, E>>
where
    F: Future<Output = Result<T, E2>> + Send + 'static,
    E2: Into<BoxError>,
    E: From<Refusal> + Send + 'static,
    T: Send + 'static,
{
    let mut future = Some(future);
    let boxed = (&mut future as &mut dyn Any).downcast_mut::<Option<BoxFuture<'static, Result<T, E>>>>();
    match boxed.and_then(Option::take) {
        Some(boxed) => boxed,
        None => Box::pin(async move {
            match future {
                Some(future) => future.await.map_err(refused),
                // It is one or the other.
                None => std::future::pending().await,
            }
        }),
    }
}

fn refused<E: Into<BoxError>, F: From<Refusal>>(error: E) -> F {
    Refusal(error.into()).into()
}
