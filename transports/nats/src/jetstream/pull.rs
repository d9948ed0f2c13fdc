//! The requests of one member for its group's events, and what comes of them.
//!
//! Not the client library's batches: each has a subscription of its own, and what the server sends to one that has just ended is nobody's,
//! until the event's time is up. Here one subscription hears what comes to any request, however late, and when the member leaves, it
//! is ended in a way that loses nothing: the server is told to end it behind so many messages more, and these are sent by
//! the member itself. What it gets before them has come in time, and what would come behind them the server does not send.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::{Client, Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use thriftwood_core::Error;

use super::failed;
use super::subscriber::MISSED;
use crate::error;

/// How long a request lasts on servers that [`forget`](forgets) what comes again.
const SHORT: Duration = Duration::from_secs(1);
/// How much later than it thinks a server may have forgotten a request.
const LATE: Duration = Duration::from_millis(100);
/// How long the server's word that a request is over may take beyond the time that the request has.
const GRACE: Duration = Duration::from_secs(1);
/// How often the connection is asked whether it is still the same, while a request is out.
const CHECK: Duration = Duration::from_secs(1);

/// A member's subscription.
pub(super) struct Pull {
    nats: Client,
    consumer: PullConsumer,
    /// How long a request lasts.
    expires: Duration,
    inbox: String,
    subscription: Subscriber,
    /// How many messages came.
    taken: u64,
    /// How often the connection had been made when the subscription was. The server counts a subscription's messages anew
    /// with each, and a request may be gone with the last one.
    connects: u64,
    requests: u64,
    request: Option<Request>,
    /// How many events may still come to requests of which nothing was heard in their time.
    unheard: usize,
}

/// One that is out.
struct Request {
    /// The last part of the subject that is answered to.
    number: String,
    left: usize,
    until: Instant,
}

/// What comes.
pub(super) enum Coming {
    Event(Message),
    /// The request is over.
    Over,
    /// Nothing was heard of it in its time. It may have gone to nobody: the server does not say so.
    Unheard,
    /// The request is refused, with the server's words.
    Refused(StatusCode, String),
    /// The connection was made again, and a request may be gone.
    Reconnected,
    /// The connection is closed for good.
    Closed,
}

impl Pull {
    /// For the events of this consumer, by requests that last no longer than this.
    pub(super) async fn new(nats: &Client, consumer: PullConsumer, longest: Duration) -> Result<Self, Error> {
        let (inbox, connects) = (nats.new_inbox(), connects(nats));
        let subscription = nats.subscribe(format!("{inbox}.*")).await.map_err(error::bus)?;
        Ok(Self {
            nats: nats.clone(),
            consumer,
            expires: expires(nats, longest),
            inbox,
            subscription,
            taken: 0,
            connects,
            requests: 0,
            request: None,
            unheard: 0,
        })
    }

    /// The same on the connection that is there now.
    pub(super) async fn renewed(&self, longest: Duration) -> Result<Self, Error> {
        Self::new(&self.nats, self.consumer.clone(), longest).await
    }

    /// From now on events are asked for of this consumer, the same or what was made in its place, by requests that last no longer than this.
    pub(super) fn go_on_with(&mut self, consumer: PullConsumer, longest: Duration) {
        (self.consumer, self.expires) = (consumer, expires(&self.nats, longest));
    }

    /// Whether the connection is another than the subscription was made on.
    pub(super) fn is_of_another_connection(&self) -> bool {
        connects(&self.nats) != self.connects
    }

    /// Whether a request is out. There is one at a time.
    pub(super) fn is_asking(&self) -> bool {
        self.request.is_some()
    }

    /// Asks for so many events, or for as many as the consumer gives at a time.
    pub(super) async fn ask(&mut self, events: usize) -> Result<(), Error> {
        self.requests += 1;
        let number = self.requests.to_string();
        let config = &self.consumer.cached_info().config;
        let most = usize::try_from(config.max_batch).ok().filter(|most| *most > 0);
        let longest = Some(config.max_expires).filter(|longest| !longest.is_zero());
        let events = events.min(most.unwrap_or(usize::MAX));
        let expires = self.expires.min(longest.unwrap_or(Duration::MAX));
        let batch = BatchConfig { batch: events, expires: Some(expires), ..BatchConfig::default() };
        let inbox = Subject::from(format!("{}.{number}", self.inbox));
        let asked = self.consumer.request_batch(batch, inbox).await;
        asked.map_err(|source| failed("events cannot be asked for", source))?;
        self.request = Some(Request { number, left: events, until: Instant::now() + expires + GRACE });
        Ok(())
    }

    /// What comes next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Coming {
        loop {
            let check = match &self.request {
                Some(request) => request.until.min(Instant::now() + CHECK),
                // Nothing is expected; what comes late comes all the same.
                None => Instant::now() + MISSED,
            };
            tokio::select! {
                message = self.subscription.next() => {
                    let Some(message) = message else { return Coming::Closed };
                    self.taken += 1;
                    if let Some(coming) = self.heard(message) {
                        return coming;
                    }
                }
                () = tokio::time::sleep_until(check.into()) => {
                    if self.is_of_another_connection() {
                        return Coming::Reconnected;
                    }
                    if let Some(request) = self.request.take_if(|request| request.until <= Instant::now()) {
                        self.unheard += request.left;
                        return Coming::Unheard;
                    }
                }
            }
        }
    }

    fn heard(&mut self, message: Message) -> Option<Coming> {
        // The server's words come on the subject that a request was sent with, events on their own.
        let number = message.subject.rsplit('.').next().unwrap_or_default();
        let is_current = |request: &mut Request| request.number == number;
        match message.status.unwrap_or(StatusCode::OK) {
            _ if is_event(&message) => {
                match &mut self.request {
                    Some(request) => request.left = request.left.saturating_sub(1),
                    None => self.unheard = self.unheard.saturating_sub(1),
                }
                self.request.take_if(|request| request.left == 0);
                Some(Coming::Event(message))
            }
            StatusCode::IDLE_HEARTBEAT => None,
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => self.request.take_if(is_current).map(|_| Coming::Over),
            status => {
                let words = message.description.map_or_else(String::new, |words| words.to_string());
                self.request.take_if(is_current).map(|_| Coming::Refused(status, words))
            }
        }
    }

    /// The events that have come and that nobody has taken in yet.
    pub(super) fn here(&mut self) -> Vec<Message> {
        let come = std::iter::from_fn(|| self.subscription.next().now_or_never().flatten());
        come.filter(is_event).collect()
    }

    /// The events that the server has sent, or sends before it has heard that nothing is wanted any more, and for how long none is to
    /// be given back. None are sent behind them.
    pub(super) async fn leave(mut self, patience: Duration) -> (Vec<Message>, Option<Duration>) {
        let left = self.unheard + self.request.as_ref().map_or(0, |request| request.left);
        // Nothing can come, or nothing does before the connection is made again, or the server counts from another beginning.
        let is_down = self.nats.connection_state() != State::Connected;
        if left == 0 || is_down || self.is_of_another_connection() {
            // What is given back without a connection is heard of when another may have it by then.
            return (if is_down { Vec::new() } else { self.here() }, None);
        }
        let mut late = Vec::new();
        // With what may come of the requests themselves, the server's words included.
        let own = left as u64 + 2;
        let leaving = async {
            self.subscription.unsubscribe_after(self.taken + own).await.ok()?;
            for _ in 0..own {
                self.nats.publish(format!("{}.leave", self.inbox), Bytes::new()).await.ok()?;
            }
            while let Some(message) = self.subscription.next().await {
                if is_event(&message) {
                    late.push(message);
                }
            }
            Some(())
        };
        // Without the last of them nobody knows that it was the last, and what comes behind it comes again when its time is up.
        let _ = tokio::time::timeout(patience, leaving).await;
        let rest = self.request.map(|request| request.until.saturating_duration_since(Instant::now()) + LATE);
        (late, rest.map(|rest| rest.saturating_sub(GRACE)).filter(|_| forgets(&self.nats)))
    }
}

/// The server's own words are not to be acknowledged. An event's headers are its publisher's, and may have a status as well.
fn is_event(message: &Message) -> bool {
    message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."))
}

/// Whether the server takes an event that comes again out of its queue before it finds that nobody listens to the request it is for any
/// more, as nats-server 2.9.10 does. The event then waits until its time is up, and the last one that was sent before is sent a
/// second time, as if it were new.
fn forgets(nats: &Client) -> bool {
    !nats.is_server_compatible(2, 10, 0)
}

/// How long a request lasts that may last so long.
fn expires(nats: &Client, longest: Duration) -> Duration {
    longest.min(if forgets(nats) { SHORT } else { MISSED })
}

fn connects(nats: &Client) -> u64 {
    nats.statistics().connects.load(Ordering::Relaxed)
}
