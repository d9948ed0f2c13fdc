//! The receiving half: frames from the transport, read as events, on their way to the consumer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use tracing::{Span, warn};

use super::intake::Intake;
use super::layered::LayeredEvents;
use super::{Event, Payload};
use crate::observe::entered;
use crate::unwind::caught;
use crate::{Context, Error, ErrorKind};

/// The events of one operation, as they come: a [`Stream`], with a `next` of its own.
///
/// Dropping it ends the subscription. Events that were received and not acknowledged are delivered again to the group.
pub struct Subscription<T> {
    events: Events<T>,
}

enum Events<T> {
    /// Straight from the transport.
    Plain(Intake, PhantomData<fn() -> T>),
    /// Through middleware.
    Layered(Box<dyn LayeredEvents<T>>),
}

impl<T: Payload + Clone + Send + 'static> Subscription<T> {
    pub(super) fn plain(intake: Intake) -> Self {
        Self { events: Events::Plain(intake, PhantomData) }
    }

    pub(super) fn layered(events: Box<dyn LayeredEvents<T>>) -> Self {
        Self { events: Events::Layered(events) }
    }

    /// The next event, or `None` when the subscription has ended.
    ///
    /// An error concerns one event or one moment, and the next call goes on: an event that cannot be read is reported here
    /// once and not delivered again.
    pub async fn next(&mut self) -> Option<Result<Event<T>, Error>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

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
        while let Some(event) = self.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    warn!(%error, "passed over an event");
                    continue;
                }
            };
            let (context, payload) = (event.context().clone(), event.payload().clone());
            // Called inside: it may panic before it has a future.
            let span = event.span();
            let handled = entered(span.clone(), caught(async { handler(context, payload).await })).await;
            let problem = match handled {
                Ok(Ok(())) => {
                    event.ack().await?;
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(text) => format!("the handler panicked: {text}"),
            };
            let (topic, attempt) = (event.topic(), event.attempt());
            span.unwrap_or_else(Span::none)
                .in_scope(|| warn!(topic, attempt, error = problem, "an event was not handled"));
            match event.nack().await {
                Err(error) if error.kind() != ErrorKind::Unsupported => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn poll_event(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Event<T>, Error>>> {
        match &mut self.events {
            Events::Plain(intake, _) => intake.poll_next(cx).map(|next| Some(next?.map(Event::received))),
            Events::Layered(events) => events.poll_next(cx),
        }
    }
}

impl<T: Payload + Clone + Send + 'static> Stream for Subscription<T> {
    type Item = Result<Event<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layered = matches!(self.events, Events::Layered(_));
        f.debug_struct("Subscription").field("layered", &layered).finish()
    }
}
