//! Keeps events instead of publishing them: the end of the way for a publisher in a test.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::{Envelope, ScopeEvent};

/// What a recorded publisher was given, in order. Clones share it.
///
/// It is a tower layer that ends the way of every event, so it can also be put around a publisher by hand.
pub struct Recorded<E>(Arc<Mutex<Vec<Envelope<E>>>>);

impl<E: ScopeEvent> Recorded<E> {
    /// The events.
    pub fn events(&self) -> Vec<E> {
        self.envelopes().into_iter().map(|envelope| envelope.event).collect()
    }

    /// The events with the topic and the context each was published with.
    pub fn envelopes(&self) -> Vec<Envelope<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<E> Default for Recorded<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<E> Clone for Recorded<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: ScopeEvent> fmt::Debug for Recorded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

impl<E, S> Layer<S> for Recorded<E> {
    type Service = Self;

    fn layer(&self, _: S) -> Self {
        self.clone()
    }
}

impl<E: ScopeEvent> Service<Envelope<E>> for Recorded<E> {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, envelope: Envelope<E>) -> Self::Future {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(envelope);
        ready(Ok(()))
    }
}
