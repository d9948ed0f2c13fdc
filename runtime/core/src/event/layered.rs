//! Runs received events through middleware: from the transport into the layers, from the innermost layer to the consumer,
//! and the consumer's verdict back out through the layers to the transport.
//!
//! ```text
//! transport -> layer -> layer -> Handover ~> consumer
//!    ack   <-  Ok   <-  Ok    <-   ack    <~ event.ack()
//! ```
//!
//! A layer thus sees an event for as long as its consumer works on it, whether the consumer is a stream or a handler.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{Span, debug};

use super::intake::{Intake, Received};
use super::received::Meta;
use super::{Acknowledge, Envelope, Event, Payload, ScopeEvent};
use crate::middleware::{DynStep, Step};
use crate::observe::{Observed, Outcome, entered, seen};
use crate::{BoxFuture, Error, ErrorKind};

/// What is in the consumer's queue; `None` is the end of the subscription.
type Item<E> = Option<Result<Event<E>, Error>>;

type Recorded = oneshot::Sender<Result<(), Error>>;

type Out<E> = mpsc::OwnedPermit<Item<E>>;

/// What a layer of a subscriber wraps: the rest of the way to the consumer.
pub struct Handover<E: ScopeEvent>(Rest<E>);

enum Rest<E: ScopeEvent> {
    /// The consumer itself.
    Consumer(Way<E>),
    /// The layers that were added before.
    Layers(Arc<dyn DynStep<Envelope<E>>>),
}

/// The way into the consumer's queue, which has one place.
struct Way<E> {
    out: mpsc::Sender<Item<E>>,
    /// Somebody waits for the place that is kept for the next event of all.
    wanted: Arc<Notify>,
}

impl<E> Clone for Way<E> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), wanted: Arc::clone(&self.wanted) }
    }
}

impl<E> Way<E> {
    /// For an event whose place was taken before.
    async fn send(&self, event: Event<E>) -> Result<(), Error> {
        let sending = self.out.send(Some(Ok(event)));
        // In this order: the place goes to whoever waits for it by then.
        let sent = tokio::select! {
            biased;
            sent = sending => sent,
            () = async { self.wanted.notify_one(); std::future::pending().await } => return Ok(()),
        };
        sent.map_err(|_| Error::new(ErrorKind::Closed, "the subscription ended"))
    }
}

impl<E: ScopeEvent> Handover<E> {
    pub(super) fn over(layers: Arc<dyn DynStep<Envelope<E>>>) -> Self {
        Self(Rest::Layers(layers))
    }
}

impl<E: ScopeEvent> fmt::Debug for Handover<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handover")
    }
}

/// What the consumer said of an event.
enum Said {
    Handled,
    Refused(String, Option<Duration>),
    Hopeless(String),
}

/// One delivery while it is in the layers.
pub(super) struct Slot<E> {
    meta: Meta,
    /// The place in the consumer's queue that was kept for this delivery.
    place: Mutex<Option<Out<E>>>,
    /// The transport's ear; taken when it is told what became of the event.
    acknowledge: Mutex<Option<Box<dyn Acknowledge>>>,
    /// The consumer's verdict, and who waits to hear that the transport has recorded it.
    recorded: Mutex<Option<(Said, Recorded)>>,
}

impl<E> Slot<E> {
    /// A layer hands the event over once more. Whoever spoke of it before need not wait for what becomes of it now.
    fn tried_again(&self) -> Result<(), Error> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((Said::Hopeless(reason), _)) = &*recorded {
            return Err(Error::new(ErrorKind::Refused, format!("the consumer can never handle the event: {reason}")));
        }
        if let Some((said, heard)) = recorded.take() {
            let again = || Error::new(ErrorKind::Refused, "a layer handed the event over again");
            // Nobody listens when the consumer did not wait to hear it.
            let _ = heard.send(if matches!(said, Said::Handled) { Err(again()) } else { Ok(()) });
        }
        Ok(())
    }
}

impl<E> fmt::Debug for Slot<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("meta", &self.meta).finish_non_exhaustive()
    }
}

impl<E: ScopeEvent> Step<Envelope<E>> for Handover<E> {
    async fn call(&self, mut envelope: Envelope<E>) -> Result<(), Error> {
        let way = match &self.0 {
            Rest::Layers(layers) => return layers.call(envelope).await,
            Rest::Consumer(way) => way,
        };
        let Some(slot) = envelope.slot.take() else {
            return Err(Error::new(ErrorKind::Refused, "a layer passed on an envelope that was not received here"));
        };
        let (verdict, handled) = oneshot::channel();
        let acknowledge = Box::new(Verdict { verdict, slot: Arc::clone(&slot) });
        let event = Event::new(envelope.event, envelope.context, slot.meta.clone(), Some(acknowledge));
        let event = event.within(Span::current());
        match take(&slot.place) {
            Some(place) => drop(place.send(Some(Ok(event)))),
            // A layer that tries again hands the event over a second time.
            None => {
                slot.tried_again()?;
                way.send(event).await?;
            }
        }
        match handled.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(ErrorKind::Refused, "the consumer did not handle the event")),
            Err(_) => Err(Error::new(ErrorKind::Refused, "the consumer dropped the event")),
        }
    }
}

/// A consumer's verdict on an event, on its way back through the layers.
struct Verdict<E> {
    verdict: oneshot::Sender<bool>,
    slot: Arc<Slot<E>>,
}

impl<E: Send + 'static> Verdict<E> {
    fn say(self, said: Said) -> BoxFuture<'static, Result<(), Error>> {
        let (recorded, wait) = oneshot::channel();
        let handled = matches!(said, Said::Handled);
        *self.slot.recorded.lock().unwrap_or_else(PoisonError::into_inner) = Some((said, recorded));
        let told = self.verdict.send(handled);
        Box::pin(async move {
            let closed = || Error::new(ErrorKind::Closed, "the subscription ended before the event was acknowledged");
            told.map_err(|_| closed())?;
            wait.await.map_err(|_| closed())?
        })
    }
}

impl<E: Send + 'static> Acknowledge for Verdict<E> {
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.say(Said::Handled)
    }

    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        self.say(Said::Refused(reason.to_owned(), delay))
    }

    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        self.say(Said::Hopeless(reason.to_owned()))
    }

    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        let acknowledge = self.slot.acknowledge.lock().unwrap_or_else(PoisonError::into_inner);
        match &*acknowledge {
            Some(acknowledge) => acknowledge.in_progress(),
            None => Box::pin(std::future::ready(Ok(true))),
        }
    }
}

/// A subscription about to get its layers.
pub(super) struct LayeredSource<T, E> {
    pub(super) intake: Intake,
    pub(super) wrap: fn(T) -> E,
    pub(super) unwrap: fn(E) -> Option<T>,
    /// How many events may be in the layers and with the consumer.
    limit: usize,
}

impl<T: Payload + Send + 'static, E: ScopeEvent> LayeredSource<T, E> {
    pub(super) fn new(intake: Intake, wrap: fn(T) -> E, unwrap: fn(E) -> Option<T>) -> Self {
        Self { intake, wrap, unwrap, limit: usize::MAX }
    }

    /// What comes out of the layers. The task that feeds them starts when it is first asked.
    pub(super) fn run(
        self,
        layers: impl FnOnce(Handover<E>) -> Arc<dyn DynStep<Envelope<E>>>,
    ) -> Box<dyn LayeredEvents<T>> {
        // One place: an event waits at the transport, where it can still go to another member, rather than here.
        let (out, events) = mpsc::channel(1);
        let way = Way { out, wanted: Arc::default() };
        let step = layers(Handover(Rest::Consumer(way.clone())));
        let unwrap = self.unwrap;
        Box::new(Consumer { events, unwrap, to_feed: Some((self, step, way)), task: None, ended: false })
    }

    async fn feed(mut self, step: Arc<dyn DynStep<Envelope<E>>>, way: Way<E>) {
        // Aborted with this task, so events nobody consumes any more go back to the transport.
        let mut under_way = JoinSet::new();
        loop {
            // First, and without the place: a layer that tries again may be waiting for it.
            while under_way.len() >= self.limit {
                under_way.join_next().await;
            }
            let Ok(place) = way.out.clone().reserve_owned().await else { return };
            let next = std::future::poll_fn(|cx| self.intake.poll_next(cx));
            let received = tokio::select! {
                received = next => received,
                Some(_) = under_way.join_next() => continue,
                () = way.wanted.notified() => continue,
            };
            let Some(received) = received else {
                // Said at once: a consumer may collect events until the end before it acknowledges them. Whoever has the
                // one place knows that every event before has left the layers.
                drop(place.send(None));
                break;
            };
            match received {
                Err(error) => drop(place.send(Some(Err(error)))),
                Ok(received) => drop(under_way.spawn(pass(Arc::clone(&step), received, self.wrap, place))),
            }
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// Takes one event through the layers and tells the transport what became of it.
async fn pass<T, E: ScopeEvent>(
    step: Arc<dyn DynStep<Envelope<E>>>,
    received: Received<T>,
    wrap: fn(T) -> E,
    place: Out<E>,
) {
    let Received { context, payload, meta, acknowledge, observed } = received;
    let topic = meta.topic.clone();
    let (place, acknowledge) = (Mutex::new(Some(place)), Mutex::new(acknowledge));
    let slot = Arc::new(Slot { meta, place, acknowledge, recorded: Mutex::new(None) });
    let envelope = Envelope { context, topic, event: wrap(payload), slot: Some(Arc::clone(&slot)) };
    // A layer may say something before it has a future.
    let passing = seen(observed.as_ref(), || step.call(envelope));
    let outcome = entered(observed.as_ref().map(Observed::span), passing).await;
    if let Err(error) = &outcome {
        debug!(topic = slot.meta.topic, %error, "an event was not handled");
    }
    let acknowledge = take(&slot.acknowledge);
    let (said, recorded) = take(&slot.recorded).unzip();
    let consumer_handled = said.as_ref().map(|said| matches!(said, Said::Handled));
    if let Some(observed) = observed {
        let let_go = consumer_handled.is_none() && take(&slot.place).is_none();
        observed.end(match &outcome {
            Ok(()) => Outcome::Ok,
            Err(_) if let_go && acknowledge.is_none() => Outcome::Ok,
            Err(_) if let_go => Outcome::Dropped,
            Err(_) if consumer_handled == Some(false) => Outcome::Refused,
            Err(error) => Outcome::Event(error),
        });
    }
    let result = match (acknowledge, outcome) {
        (None, Ok(())) => Ok(()),
        (Some(acknowledge), Ok(())) => acknowledge.ack().await,
        (acknowledge, Err(refusal)) => {
            let nacked = match acknowledge {
                Some(acknowledge) => match &said {
                    Some(Said::Refused(reason, delay)) => acknowledge.nack(reason, *delay).await,
                    Some(Said::Hopeless(reason)) => acknowledge.dead_letter(reason).await,
                    _ => acknowledge.nack(&refusal.to_string(), None).await,
                },
                None => Err(Error::new(ErrorKind::Unsupported, "this subscription does not redeliver")),
            };
            // The consumer said that the event was handled, and must not take it for recorded when a layer said otherwise.
            if consumer_handled == Some(true) { Err(refusal) } else { nacked }
        }
    };
    if let Some(recorded) = recorded {
        // Nobody listens when the consumer did not wait for the acknowledgement.
        let _ = recorded.send(result);
    }
}

/// What comes out of the layers, with their type forgotten.
pub(super) trait LayeredEvents<T>: Send {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Event<T>, Error>>>;

    /// From now on so many events are handled at once, and of each key the next one comes when the one before it was acknowledged.
    fn handled_at_once(&mut self, events: usize) -> Result<(), Error>;

    /// Tells the transport how many events are to be with the consumer, if none was asked for yet.
    fn max_in_flight(&mut self, events: usize);
}

struct Consumer<T, E> {
    events: mpsc::Receiver<Item<E>>,
    unwrap: fn(E) -> Option<T>,
    /// What the task will need; gone once it has begun.
    to_feed: Option<ToFeed<T, E>>,
    task: Option<AbortHandle>,
    ended: bool,
}

type ToFeed<T, E> = (LayeredSource<T, E>, Arc<dyn DynStep<Envelope<E>>>, Way<E>);

impl<T: Payload + Send + 'static, E: ScopeEvent> LayeredEvents<T> for Consumer<T, E> {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Event<T>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some((source, step, way)) = self.to_feed.take() {
            self.task = Some(tokio::spawn(source.feed(step, way)).abort_handle());
        }
        self.events.poll_recv(cx).map(|next| {
            let next = next.flatten();
            self.ended = next.is_none();
            Some(next?.and_then(|event| {
                event.try_map(self.unwrap).ok_or_else(|| {
                    Error::new(ErrorKind::Refused, "a layer turned the event into one of another operation")
                })
            }))
        })
    }

    fn handled_at_once(&mut self, events: usize) -> Result<(), Error> {
        let Some((source, ..)) = &mut self.to_feed else {
            let text = "the order of keys has to be asked for before the first event of a subscription with middleware";
            return Err(Error::new(ErrorKind::Unsupported, text));
        };
        source.intake.handled_at_once(events);
        Ok(())
    }

    fn max_in_flight(&mut self, events: usize) {
        if let Some((source, ..)) = &mut self.to_feed {
            source.limit = events;
            source.intake.source.max_in_flight(events);
        }
    }
}

impl<T, E> Drop for Consumer<T, E> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}
