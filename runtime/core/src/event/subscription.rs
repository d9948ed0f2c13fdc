//! The receiving half: frames from the transport, read as events, on their way to the consumer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use super::intake::Intake;
use super::layered::LayeredEvents;
use super::{Event, Payload};
use crate::Error;

/// The events of one operation, as they come: a [`Stream`], with a `next` of its own.
///
/// Dropping it ends the subscription. Events that were received and not acknowledged are delivered again to the group.
pub struct Subscription<T> {
    events: Events<T>,
    limit: Option<Limit>,
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stopped: bool,
}

/// How many events may be with the consumer.
struct Limit {
    places: PollSemaphore,
    /// For the next event.
    place: Option<OwnedSemaphorePermit>,
}

enum Events<T> {
    /// Straight from the transport.
    Plain(Intake, PhantomData<fn() -> T>),
    /// Through middleware.
    Layered(Box<dyn LayeredEvents<T>>),
}

impl<T: Payload + Clone + Send + 'static> Subscription<T> {
    pub(super) fn plain(intake: Intake) -> Self {
        Self { events: Events::Plain(intake, PhantomData), limit: None, stop: None, stopped: false }
    }

    pub(super) fn layered(events: Box<dyn LayeredEvents<T>>) -> Self {
        Self { events: Events::Layered(events), limit: None, stop: None, stopped: false }
    }

    /// This subscription with a limit to the events that are with the consumer: received, and neither acknowledged nor dropped.
    /// While there are so many, the next one stays with the transport, which may give it to another of the group; a log server's client
    /// and a member on JetStream take nothing beyond the limit ahead. At least 1.
    #[must_use]
    pub fn max_in_flight(mut self, events: usize) -> Self {
        let events = events.clamp(1, Semaphore::MAX_PERMITS);
        match &mut self.events {
            Events::Plain(intake, _) => intake.source.max_in_flight(events),
            Events::Layered(layered) => layered.max_in_flight(events),
        }
        let places = Arc::new(Semaphore::new(events));
        self.limit = Some(Limit { places: PollSemaphore::new(places), place: None });
        self
    }

    /// This subscription, ending when `stop` resolves. Events that were received until then can still be handled and
    /// acknowledged, so this is how a process stops that loses and repeats nothing:
    /// `winners.until(stop).for_each(handler).await?`, and then the bus is closed.
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    /// From now on so many events are handled at once, and of each key the next one comes when the one before it was acknowledged.
    pub(super) fn handled_at_once(&mut self, events: usize) -> Result<(), Error> {
        match &mut self.events {
            Events::Plain(intake, _) => {
                intake.handled_at_once(events);
                Ok(())
            }
            Events::Layered(layered) => layered.handled_at_once(events),
        }
    }

    /// The next event, or `None` when the subscription has ended.
    ///
    /// An error concerns one event or one moment, and the next call goes on. An event that cannot be read was not handled: in a group it becomes
    /// a dead letter, or comes again where there are none.
    pub async fn next(&mut self) -> Option<Result<Event<T>, Error>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Event<T>, Error>>> {
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            self.stop = None;
            self.stopped = true;
        }
        if self.stopped {
            return Poll::Ready(None);
        }
        if let Some(Limit { places, place: place @ None }) = &mut self.limit {
            // Nobody closes it.
            *place = ready!(places.poll_acquire(cx));
        }
        let next = match &mut self.events {
            Events::Plain(intake, _) => ready!(intake.poll_next(cx)).map(|next| next.map(Event::received)),
            Events::Layered(events) => ready!(events.poll_next(cx)),
        };
        let place = self.limit.as_mut().and_then(|limit| limit.place.take());
        Poll::Ready(next.map(|next| next.map(|event| event.in_place(place))))
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
