//! A handler while it runs: no longer than it may, until all are told to end, and with its panics caught.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use tokio_util::sync::WaitForCancellationFuture;

use super::Held;
use crate::Context;
use crate::until::Until;
use crate::unwind::Caught;

/// How a handler's run came to its end.
pub(super) enum Ran<T> {
    /// With this; or in a panic, of which this is the text.
    Ended(Result<T, String>),
    /// Its time was up first.
    Late,
    /// All were told to end first.
    Killed,
}

/// Runs a handler that has its place already: all around it together takes no more room than this.
pub(super) struct Running<'a, F> {
    handler: Until<Caught<Pin<&'a mut F>>>,
    held: Option<&'a Held>,
    /// Made for a handler that has to wait.
    killed: Option<Pin<Box<WaitForCancellationFuture<'a>>>>,
}

impl<'a, F: Future> Running<'a, F> {
    pub(super) fn new(handler: Pin<&'a mut F>, deadline: Option<Instant>, held: Option<&'a Held>) -> Self {
        Self { handler: Until::new(deadline, Caught(handler)), held, killed: None }
    }
}

impl<F: Future> Future for Running<'_, F> {
    type Output = Ran<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let running = &mut *self;
        if let Poll::Ready(outcome) = Pin::new(&mut running.handler).poll(cx) {
            return Poll::Ready(outcome.map_or(Ran::Late, Ran::Ended));
        }
        let Some(held) = running.held else { return Poll::Pending };
        let killed = running.killed.get_or_insert_with(|| Box::pin(held.killed()));
        killed.as_mut().poll(cx).map(|()| Ran::Killed)
    }
}

/// Tells what a handler started elsewhere that nobody wants it any more, when the handler is dropped before its end.
pub(super) struct CancelOnDrop<'a>(Option<&'a Context>);

impl<'a> CancelOnDrop<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self(Some(context))
    }

    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            context.cancel();
        }
    }
}
