//! A member of a group: asks the group's consumer for events, as many as its subscription is about to handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer};
use futures_util::{FutureExt, StreamExt};
use thriftwood_core::event::Delivery;
use thriftwood_core::{Error, ErrorKind};
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use super::dead::{Event, Letters, topic};
use super::subscriber::{MISSED, REST};
use super::verdict::Verdict;
use super::{Stream, consumer, failed};
use crate::error::check_subject;

/// Events a member takes ahead of its consumer. Their time to be acknowledged runs while they wait, and nobody else can have
/// them, so they are few; with one, every event would cost a round trip.
const AHEAD: usize = 8;
/// Events that are asked for together for handlers that wait for them.
const MOST_AT_ONCE: usize = 256;

/// One membership, for as long as its subscription.
pub(super) struct Member {
    events: mpsc::Receiver<Result<Taken, Error>>,
    demand: Arc<Demand>,
    /// How long it may have an event.
    pub(super) ack_wait: Duration,
}

/// What the task that asks for events knows of the subscription it asks for.
struct Demand {
    /// Whether events are taken only for a consumer that waits. The server counts a delivery when it sends one, so what lies
    /// ahead of a consumer that dies of another event would die with it, where deliveries are limited.
    careful: bool,
    /// How many the consumer begins with as soon as it has them.
    at_once: AtomicUsize,
    /// The most events that may be here and with the consumer.
    limit: AtomicUsize,
    with_consumer: AtomicUsize,
    /// Whether the consumer has come for an event yet. What it says of its limit it says before.
    begun: AtomicBool,
    /// Whether it waits for one.
    awaited: AtomicBool,
    changed: Notify,
}

/// One event that is with the consumer.
pub(super) struct Place(Arc<Demand>);

/// An event that was taken ahead.
struct Taken {
    delivery: Delivery,
    verdict: Verdict,
    since: Instant,
}

impl Member {
    pub(super) async fn join(
        stream: &Stream,
        subject: String,
        group: &str,
        policy: DeliverPolicy,
    ) -> Result<Self, Error> {
        check_subject("a group on JetStream", group, false)
            .map_err(|problem| Error::new(ErrorKind::InvalidName, problem))?;
        let letters = Letters::open(stream, group, &consumer::name(group, &subject)).await?.map(Arc::new);
        let consumer = consumer::find_or_make(stream, &subject, group, policy).await?;
        let ack_wait = consumer::ack_wait(&consumer);
        let demand = Arc::new(Demand {
            careful: letters.is_some(),
            at_once: AtomicUsize::new(1),
            limit: AtomicUsize::new(usize::MAX),
            with_consumer: AtomicUsize::new(0),
            begun: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            changed: Notify::new(),
        });
        let (out, events) = mpsc::channel(MOST_AT_ONCE);
        tokio::spawn(fetch(consumer, letters, Arc::clone(&demand), out));
        Ok(Self { events, demand, ack_wait })
    }

    /// No more than so many are to be with the consumer and ahead of it.
    pub(super) fn limit(&self, events: usize) {
        self.demand.limit.store(events, Ordering::Relaxed);
    }

    /// From now on the consumer begins with so many as soon as it has them.
    pub(super) fn begins_at_once(&self, events: usize) {
        self.demand.at_once.store(events.min(MOST_AT_ONCE), Ordering::Relaxed);
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        loop {
            // Both before an event is received: from then on the task may look for what to ask for next.
            self.demand.awaited.store(false, Ordering::Relaxed);
            let place = Place::take(&self.demand);
            let Taken { mut delivery, mut verdict, since } = match self.events.poll_recv(cx) {
                Poll::Ready(Some(Ok(taken))) => taken,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    self.demand.begun.store(true, Ordering::Relaxed);
                    self.demand.awaited.store(true, Ordering::Relaxed);
                    // Which tells the task.
                    drop(place);
                    return Poll::Pending;
                }
            };
            let waited = since.elapsed();
            if waited >= self.ack_wait {
                // It is another's by now, or comes again.
                verdict.forget();
                continue;
            }
            if waited > self.ack_wait / 4 {
                verdict.prolong();
            }
            verdict.begin(place);
            delivery.acknowledge = Some(Box::new(verdict));
            return Poll::Ready(Some(Ok(delivery)));
        }
    }
}

impl Demand {
    /// Waits until there is something to ask for, and says how much.
    async fn wanted(&self) -> usize {
        loop {
            let wanted = self.wanted_now();
            if wanted > 0 {
                return wanted;
            }
            self.changed.notified().await;
        }
    }

    /// With nothing here.
    fn wanted_now(&self) -> usize {
        let [limit, at_once, with_consumer] =
            [&self.limit, &self.at_once, &self.with_consumer].map(|count| count.load(Ordering::Relaxed));
        let is_awaited = self.awaited.load(Ordering::Relaxed);
        let wanted = match self.careful {
            true if is_awaited => at_once.min(limit).saturating_sub(with_consumer),
            false if self.begun.load(Ordering::Relaxed) => AHEAD.min(limit.saturating_sub(with_consumer)),
            _ => 0,
        };
        // Whoever waits may have one more, or would not wait.
        wanted.max(usize::from(is_awaited))
    }
}

impl Place {
    fn take(demand: &Arc<Demand>) -> Self {
        demand.with_consumer.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(demand))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.with_consumer.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

/// Asks for events, a batch at a time, each when the one before has been taken. Not the client library's endless stream of
/// them: that one asks ahead while it is being emptied, and what a member has taken and will not handle has to go back to the
/// group at once, not when its time to be acknowledged is up.
async fn fetch(
    consumer: PullConsumer,
    letters: Option<Arc<Letters>>,
    demand: Arc<Demand>,
    out: mpsc::Sender<Result<Taken, Error>>,
) {
    loop {
        let Ok(mut places) = out.reserve_many(MOST_AT_ONCE).await else { return };
        let wanted = tokio::select! {
            wanted = demand.wanted() => wanted,
            () = out.closed() => return,
        };
        let mut batch = match consumer.batch().max_messages(wanted).expires(MISSED).messages().await {
            Ok(batch) => batch,
            Err(source) => {
                if let Some(place) = places.next() {
                    place.send(Err(failed("events cannot be asked for", source)));
                }
                drop(places);
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        loop {
            let message = tokio::select! {
                message = batch.next() => message,
                () = out.closed() => {
                    // Dropped, an event is given back.
                    while let Some(Some(Ok(message))) = batch.next().now_or_never() {
                        drop(taken(message, letters.as_ref()));
                    }
                    return;
                }
            };
            let Some(message) = message else { break };
            let message = message.map_err(|source| failed("events do not come", source));
            let Some(taken) = message.and_then(|message| taken(message, letters.as_ref())).transpose() else {
                continue;
            };
            let Some(place) = places.next() else { break };
            place.send(taken);
        }
    }
}

/// An event for the consumer; `None` for one that had all its deliveries, and is buried.
fn taken(message: Message, letters: Option<&Arc<Letters>>) -> Result<Option<Taken>, Error> {
    let info = message.info().map_err(|source| failed("a message came that is not the stream's", source))?;
    let (offset, time) = (info.stream_sequence, SystemTime::from(info.published));
    let delivered = u32::try_from(info.delivered).unwrap_or(u32::MAX);
    let (message, acker) = message.split();
    let (topic, frame) = (topic(&message.subject).to_owned(), message.payload);
    let mortal = letters.map(|letters| {
        let event = Event { topic: topic.clone(), headers: message.headers, frame: frame.clone(), offset, time };
        (Arc::clone(letters), event)
    });
    let mortal = match mortal {
        Some((letters, event)) if delivered > letters.max_attempts => {
            // Its last delivery was never answered: whoever had it died of it, or took too long.
            tokio::spawn(async move {
                if let Err(error) = letters.bury(&event, delivered - 1, &acker).await {
                    debug!(%error, "the burial of an event is tried again when its time is up");
                }
            });
            return Ok(None);
        }
        mortal => mortal,
    };
    let delivery =
        Delivery { topic, frame, offset: Some(offset), time: Some(time), attempt: delivered, acknowledge: None };
    let verdict = Verdict::new(acker, delivered, mortal);
    Ok(Some(Taken { delivery, verdict, since: Instant::now() }))
}
