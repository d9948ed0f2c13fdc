//! Handlers of events: one event at a time, or several at once with the order of their keys.

use std::fmt;
use std::future::Future;

use tokio::task::JoinSet;
use tracing::{Span, warn};

use super::{Event, Payload, Subscription};
use crate::observe::entered;
use crate::unwind::caught;
use crate::{Context, Error, ErrorKind};

impl<T: Payload + Clone + Send + 'static> Subscription<T> {
    /// Gives every event to `handler`, one at a time, and acknowledges those it returns `Ok` for; the others, and those it
    /// panics over, are delivered again where the transport does that. Ends when the subscription ends.
    ///
    /// # Errors
    /// When an acknowledgement could not be recorded. Events that cannot be read are logged and passed over.
    pub async fn for_each<F, Fut, Err>(mut self, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Context, T) -> Fut,
        Fut: Future<Output = Result<(), Err>>,
        Err: fmt::Display,
    {
        while let Some(event) = self.next_readable().await {
            let (context, payload) = (event.context().clone(), event.payload().clone());
            // Called inside: it may panic before it has a future.
            handle(event, async { handler(context, payload).await }).await?;
        }
        Ok(())
    }

    /// [`for_each`](Self::for_each) with up to `limit` handlers at once, each in a task of its own. Events of one
    /// [key](Context::with_key) are handled one after the other, in the order they were published: one that fails holds back
    /// the rest of its key until it was handled or is a dead letter, and nothing else. Events without a key are in no order.
    ///
    /// The groups of a log keep this order over all members that handle their events like this. Elsewhere it holds within this
    /// subscription, which tries a failed event again by itself, after 100 ms and then longer, up to 30 s.
    ///
    /// When the subscription ends, this waits for the handlers it has begun; when it is dropped, it stops them, and their
    /// events are delivered again. Behind a failing key no more than 256 events are held (a thousand in a group of a log); then
    /// the others wait too.
    ///
    /// ```
    /// # use thriftwood_core::{Context, Subscription};
    /// # async fn post(number: i64) -> Result<(), String> { Ok(()) }
    /// # async fn run(numbers: Subscription<i64>) -> Result<(), thriftwood_core::Error> {
    /// let stop = async { tokio::time::sleep(std::time::Duration::from_secs(60)).await };
    /// numbers.until(stop).for_each_concurrent(16, |_ctx, number| post(number)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each); the handlers that run then are waited for. And [`ErrorKind::Unsupported`] when this is a
    /// subscription with middleware of which events were taken before.
    pub async fn for_each_concurrent<F, Fut, Err>(mut self, limit: usize, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Context, T) -> Fut,
        Fut: Future<Output = Result<(), Err>> + Send + 'static,
        Err: fmt::Display + 'static,
        T: Sync,
    {
        self.keep_key_order()?;
        let mut under_way = JoinSet::new();
        let mut result = Ok(());
        while result.is_ok() {
            tokio::select! {
                Some(handled) = under_way.join_next() => result = outcome(handled),
                event = self.next_readable(), if under_way.len() < limit.max(1) => {
                    let Some(event) = event else { break };
                    let (context, payload) = (event.context().clone(), event.payload().clone());
                    // A handler that panics before it has a future must not end the others.
                    let begin = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handler(context, payload)));
                    let future = event.span().unwrap_or_else(Span::none).in_scope(begin);
                    under_way.spawn(handle(event, async move {
                        match future {
                            Ok(future) => future.await,
                            Err(panic) => std::panic::resume_unwind(panic),
                        }
                    }));
                }
            }
        }
        while let Some(handled) = under_way.join_next().await {
            result = result.and(outcome(handled));
        }
        result
    }

    /// The next event that can be read.
    async fn next_readable(&mut self) -> Option<Event<T>> {
        loop {
            match self.next().await? {
                Ok(event) => return Some(event),
                Err(error) => warn!(%error, "passed over an event"),
            }
        }
    }
}

/// Runs the handler of an event, and tells what became of it.
async fn handle<T, Err: fmt::Display>(
    event: Event<T>,
    handler: impl Future<Output = Result<(), Err>>,
) -> Result<(), Error> {
    let span = event.span();
    let problem = match entered(span.clone(), caught(handler)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(text) => Some(format!("the handler panicked: {text}")),
    };
    let Some(problem) = problem else { return event.ack().await };
    let (topic, attempt) = (event.topic(), event.attempt());
    span.unwrap_or_else(Span::none).in_scope(|| warn!(topic, attempt, error = problem, "an event was not handled"));
    match event.nack_because(&problem).await {
        Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(()),
    }
}

/// What a handler's task ended with.
fn outcome(joined: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    // Panics of handlers are caught inside, and nobody aborts one; a runtime that ends does.
    joined.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Closed, "the runtime ended before an event was handled").with_source(error))
    })
}
