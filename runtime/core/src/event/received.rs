//! A received event: the payload, what came with it, and the way to acknowledge it.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

use super::intake::Received;
use super::{Acknowledge, Guarantee};
use crate::observe::{Observed, Outcome};
use crate::{BoxFuture, Context, Error, ErrorKind};

/// A longer delay is this one, ten years: clocks and servers count in numbers that end somewhere.
const LONGEST_DELAY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// One event of a [`Subscription`](super::Subscription). It reads as its payload.
///
/// Where the transport delivers at least once, an event is delivered again until it is [`ack`](Event::ack)ed; dropping it
/// does not acknowledge it. Where the transport delivers at most once, `ack` does nothing.
pub struct Event<T> {
    payload: T,
    context: Context,
    meta: Meta,
    acknowledge: Option<Box<dyn Acknowledge>>,
    attended: Option<Attended>,
    /// One of the places of a subscription that has a limit.
    place: Option<OwnedSemaphorePermit>,
}

/// What the transport knows of an event.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) topic: String,
    pub(crate) offset: Option<u64>,
    pub(crate) time: Option<SystemTime>,
    pub(crate) attempt: u32,
    pub(crate) guarantee: Guarantee,
}

impl<T> Event<T> {
    pub(super) fn new(payload: T, context: Context, meta: Meta, acknowledge: Option<Box<dyn Acknowledge>>) -> Self {
        Self { payload, context, meta, acknowledge, attended: None, place: None }
    }

    /// An event just received, which the observer follows from here.
    pub(super) fn received(received: Received<T>) -> Self {
        let Received { context, payload, meta, acknowledge, observed } = received;
        let awaited = acknowledge.is_some();
        let attended = observed.map(|observed| Attended::Observed { observed: Some(observed), awaited });
        Self { payload, context, meta, acknowledge, attended, place: None }
    }

    /// The same event, whose handler runs in this span; who made it follows what it stands for.
    pub(super) fn within(mut self, span: Span) -> Self {
        self.attended = (!span.is_none()).then_some(Attended::Within(span));
        self
    }

    /// The same event, which takes this place until it is acknowledged or dropped.
    pub(super) fn in_place(mut self, place: Option<OwnedSemaphorePermit>) -> Self {
        self.place = place;
        self
    }

    /// The span that its handler runs in.
    pub(super) fn span(&self) -> Option<Span> {
        match self.attended.as_ref()? {
            Attended::Observed { observed, .. } => observed.as_ref().map(Observed::span),
            Attended::Within(span) => Some(span.clone()),
        }
    }

    /// The payload, and the event without it.
    pub(super) fn split(self) -> (T, Event<()>) {
        let Event { payload, context, meta, acknowledge, attended, place } = self;
        (payload, Event { payload: (), context, meta, acknowledge, attended, place })
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The same event with its payload turned into another type, if it can be.
    pub(super) fn try_map<U>(self, map: fn(T) -> Option<U>) -> Option<Event<U>> {
        let Event { payload, context, meta, acknowledge, attended, place } = self;
        Some(Event { payload: map(payload)?, context, meta, acknowledge, attended, place })
    }

    /// What was published.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// What was published, by value. The event is not acknowledged by this.
    pub fn into_payload(self) -> T {
        self.payload
    }

    /// The publisher's context: correlation id and headers. Calls and events made with it can be traced to this event.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The topic it was published to.
    pub fn topic(&self) -> &str {
        &self.meta.topic
    }

    /// The value of a prefix variable, as the publisher gave it.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.context.header(&format!("{}{name}", crate::frame::TOPIC_VARIABLE))
    }

    /// What it is about, where the publisher [said so](Context::with_key).
    pub fn key(&self) -> Option<&str> {
        self.context.event_key()
    }

    /// Its offset in the stream, on transports that keep events.
    pub fn offset(&self) -> Option<u64> {
        self.meta.offset
    }

    /// When it was stored, on transports that keep events.
    pub fn time(&self) -> Option<SystemTime> {
        self.meta.time
    }

    /// 1 for the first delivery, and one more for each further one.
    pub fn attempt(&self) -> u32 {
        self.meta.attempt
    }

    /// What may happen to events on this subscription.
    pub fn guarantee(&self) -> Guarantee {
        self.meta.guarantee
    }

    /// Says that the event was handled, and need not be delivered again. Resolves when the transport has made that as
    /// durable as it can.
    ///
    /// # Errors
    /// When it could not be recorded; the event may then be delivered again.
    pub async fn ack(self) -> Result<(), Error> {
        let result = match self.acknowledge {
            Some(acknowledge) => acknowledge.ack().await,
            None => Ok(()),
        };
        if let Some(attended) = self.attended {
            attended.end(result.as_ref().err().map_or(Outcome::Ok, Outcome::Event));
        }
        result
    }

    /// Says that the event is still being handled, where the transport gives only so much time before it delivers an event to another
    /// (a log's `deadline`, JetStream's `ack_wait`): that time starts again. For a handler that may take longer than it, now and then
    /// while it works, at a third of that time or so.
    ///
    /// `false` when the event is another's already, so that there is no use in going on; whoever acknowledges it first ends it for both.
    /// JetStream does not tell, and a transport that sets no limit has nothing to tell: there it is always `true`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use thriftwood_core::Subscription;
    /// # struct Reel;
    /// # impl Reel { async fn cut_next_scene(&mut self) -> bool { false } }
    /// # async fn open(number: i64) -> Reel { Reel }
    /// # async fn run(mut reels: Subscription<i64>) -> Result<(), thriftwood_core::Error> {
    /// 'events: while let Some(event) = reels.next().await {
    ///     let event = event?;
    ///     let mut reel = open(*event).await;
    ///     while reel.cut_next_scene().await {
    ///         if !event.in_progress().await? {
    ///             continue 'events;
    ///         }
    ///     }
    ///     event.ack().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the transport could not be told; the time runs on.
    #[doc(alias = "extend")]
    #[doc(alias = "keep_alive")]
    #[doc(alias = "touch")]
    pub fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        match &self.acknowledge {
            Some(acknowledge) => acknowledge.in_progress(),
            None => Box::pin(std::future::ready(Ok(true))),
        }
    }

    /// Says that the event was not handled, and is to be delivered again, to this subscriber or another of its group.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where events are delivered at most once, or the subscription keeps no position.
    pub async fn nack(self) -> Result<(), Error> {
        self.nack_because("").await
    }

    /// [`nack`](Event::nack), and why: a dead letter that becomes of it tells.
    ///
    /// # Errors
    /// As [`nack`](Event::nack).
    pub async fn nack_because(self, reason: &str) -> Result<(), Error> {
        self.give_back(reason, None).await
    }

    /// [`nack_because`](Event::nack_because), to be delivered again after this delay and not the usual one: when a service that is down
    /// says when it will be back, or a quota when it is filled up again. The delay is the group's: whoever is a member by then
    /// gets the event. A log that is opened anew in between gives it at once, and on JetStream only this process remembers the reason.
    ///
    /// An event that has had its last delivery becomes a dead letter at once, whatever the delay.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use thriftwood_core::Subscription;
    /// # enum Refused { Busy { retry_after: Duration } }
    /// # async fn post(number: i64) -> Result<(), Refused> { Ok(()) }
    /// # async fn run(mut numbers: Subscription<i64>) -> Result<(), thriftwood_core::Error> {
    /// while let Some(event) = numbers.next().await {
    ///     let event = event?;
    ///     match post(*event).await {
    ///         Ok(()) => event.ack().await?,
    ///         Err(Refused::Busy { retry_after }) => event.nack_after(retry_after, "the mail server is busy").await?,
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`nack`](Event::nack).
    #[doc(alias = "nak_with_delay")]
    #[doc(alias = "nack_with_delay")]
    #[doc(alias = "reconsume_later")]
    pub async fn nack_after(self, delay: Duration, reason: &str) -> Result<(), Error> {
        self.give_back(reason, Some(delay)).await
    }

    /// Says that the event can never be handled, and why: it becomes a dead letter of its group at once, however many deliveries it has
    /// left. For what no later attempt can change, such as a customer that does not exist. Resolves when it is kept as one.
    ///
    /// ```
    /// # use thriftwood_core::Subscription;
    /// # enum Refused { Later, Never(String) }
    /// # async fn post(number: i64) -> Result<(), Refused> { Ok(()) }
    /// # async fn run(mut numbers: Subscription<i64>) -> Result<(), thriftwood_core::Error> {
    /// while let Some(event) = numbers.next().await {
    ///     let event = event?;
    ///     match post(*event).await {
    ///         Ok(()) => event.ack().await?,
    ///         Err(Refused::Later) => event.nack().await?,
    ///         Err(Refused::Never(why)) => event.dead_letter(&why).await?,
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where there are no dead letters: the event then comes again, if events come again there. Otherwise when it
    /// could not be kept; it comes again then as well.
    #[doc(alias = "term")]
    #[doc(alias = "reject")]
    pub async fn dead_letter(self, reason: &str) -> Result<(), Error> {
        if let Some(attended) = self.attended {
            attended.end(Outcome::Refused);
        }
        match self.acknowledge {
            Some(acknowledge) => acknowledge.dead_letter(reason).await,
            None => Err(Error::new(
                ErrorKind::Unsupported,
                "this subscription has no dead letters; subscribe with a group, on a transport that keeps events",
            )),
        }
    }

    pub(super) async fn give_back(self, reason: &str, delay: Option<Duration>) -> Result<(), Error> {
        if let Some(attended) = self.attended {
            attended.end(Outcome::Refused);
        }
        match self.acknowledge {
            Some(acknowledge) => acknowledge.nack(reason, delay.map(|delay| delay.min(LONGEST_DELAY))).await,
            None => Err(Error::new(
                ErrorKind::Unsupported,
                "this subscription does not redeliver; subscribe with a group, on a transport that keeps events",
            )),
        }
    }
}

/// Who follows an event.
enum Attended {
    /// The observer, whose part is over when the event is acknowledged, or else when it is dropped.
    Observed {
        observed: Option<Observed>,
        /// Whether the transport waits to hear what became of it.
        awaited: bool,
    },
    /// Layers that the event came through, of which this is the innermost one's span.
    Within(Span),
}

impl Attended {
    fn end(mut self, outcome: Outcome<'_>) {
        if let Some(observed) = self.observed() {
            observed.end(outcome);
        }
    }

    fn observed(&mut self) -> Option<Observed> {
        match self {
            Attended::Observed { observed, .. } => observed.take(),
            Attended::Within(_) => None,
        }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let outcome =
            if matches!(self, Attended::Observed { awaited: true, .. }) { Outcome::Dropped } else { Outcome::Ok };
        if let Some(observed) = self.observed() {
            observed.end(outcome);
        }
    }
}

impl<T> Deref for Event<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.payload
    }
}

impl<T: fmt::Debug> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("payload", &self.payload)
            .field("topic", &self.meta.topic)
            .field("offset", &self.meta.offset)
            .field("attempt", &self.meta.attempt)
            .finish_non_exhaustive()
    }
}
