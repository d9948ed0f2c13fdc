//! A member of a group: asks the group's consumer for events, as many as its subscription is about to handle.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::{Client, Message};
use thriftwood_core::event::Delivery;
use thriftwood_core::{Error, ErrorKind};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use super::acker::Acker;
use super::ahead::{Ahead, Taken};
use super::consumer::{self, Needed};
use super::dead::{Letters, topic};
use super::letter::Event;
use super::pull::{Coming, Pull};
use super::subscriber::REST;
use super::verdict::Verdict;
use super::{Stream, failed};
use crate::bus::Shared;
use crate::error::check_subject;

/// What the server says of requests when another of a cluster takes over: it need only be asked again.
const PASSING: [&str; 2] = ["Leadership Change", "Server Shutdown"];
/// How often the same trouble is told of.
const TELL: Duration = Duration::from_secs(30);

/// One membership, for as long as its subscription.
pub(super) struct Member {
    ahead: Arc<Ahead>,
    _left: DropGuard,
}

impl Member {
    pub(super) async fn join(
        stream: &Stream,
        shared: &Shared,
        subject: String,
        group: &str,
        policy: DeliverPolicy,
    ) -> Result<Self, Error> {
        check_subject("a group on JetStream", group, false)
            .map_err(|problem| Error::new(ErrorKind::InvalidName, problem))?;
        let mut needed = Needed::new(stream, group, &subject);
        let letters = Letters::open(stream, group, &needed.name).await?.map(Arc::new);
        let consumer = needed.find_or_make(policy).await?;
        let ahead = Ahead::new(letters.is_some(), consumer::ack_wait(&consumer));
        let pull = Pull::new(&shared.nats, consumer, ahead.longest()).await?;
        let taking = Taking {
            nats: shared.nats.clone(),
            context: stream.context.clone(),
            timeout: shared.timeout,
            needed,
            letters,
            ahead: Arc::clone(&ahead),
            lost: None,
            refused: None,
            told: None,
        };
        let left = CancellationToken::new();
        let has_left = left.clone().cancelled_owned();
        // One of the bus, so that closing it waits until what was taken is given back.
        shared.lifecycle.serve(|closed| async move {
            let stopped = async {
                tokio::select! {
                    () = has_left => {}
                    () = closed.cancelled() => {}
                }
            };
            taking.run(pull, stopped).await;
        });
        Ok(Self { ahead, _left: left.drop_guard() })
    }

    /// How long it may have an event.
    pub(super) fn ack_wait(&self) -> Duration {
        self.ahead.ack_wait()
    }

    /// No more than so many are to be with the consumer and ahead of it.
    pub(super) fn limit(&self, events: usize) {
        self.ahead.limit(events);
    }

    /// From now on the consumer begins with so many as soon as it has them.
    pub(super) fn begins_at_once(&self, events: usize) {
        self.ahead.begins_at_once(events);
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        self.ahead.poll_next(cx)
    }
}

/// The task that takes events for a subscription.
struct Taking {
    nats: Client,
    context: jetstream::Context,
    /// How long the server may take to answer.
    timeout: Duration,
    needed: Needed,
    letters: Option<Arc<Letters>>,
    ahead: Arc<Ahead>,
    /// Why the consumer may be gone, where that is to be found out.
    lost: Option<String>,
    /// What was said the last time, when the consumer was there nevertheless, and no request was taken since.
    refused: Option<String>,
    /// What was told last of why no events come, and when.
    told: Option<(String, Instant)>,
}

impl Taking {
    /// Asks for events each time those before have been taken, until the subscription or its bus is gone.
    async fn run(mut self, mut pull: Pull, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let (back, until) = self.ahead.look_after(pull.is_asking());
            self.give_back(back, None).await;
            let going_on = tokio::select! {
                going_on = self.step(&mut pull, until) => going_on,
                () = &mut stopped => break,
            };
            if !going_on {
                break;
            }
        }
        let mut back = self.ahead.end();
        let (late, pause) = pull.leave(self.timeout).await;
        back.extend(late.into_iter().filter_map(|late| self.taken(late).ok().flatten()));
        self.give_back(back, pause).await;
    }

    /// Asks if there is something to ask for, and takes in what comes first, until then. `false` when nothing can come any
    /// more. Dropping the future loses nothing.
    async fn step(&mut self, pull: &mut Pull, until: Option<Instant>) -> bool {
        if let Some(reason) = self.lost.clone() {
            self.look(pull, &reason).await;
            return true;
        }
        if !pull.is_asking() && pull.is_of_another_connection() {
            // Or what is asked for now would come to a subscription that is about to be left.
            self.renew(pull).await;
        }
        if !pull.is_asking()
            && let wanted @ 1.. = self.ahead.wanted()
            && let Err(error) = pull.ask(wanted).await
        {
            self.tell(error);
            tokio::time::sleep(REST).await;
            return true;
        }
        let until = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        let coming = tokio::select! {
            coming = pull.next() => coming,
            () = self.ahead.changed.notified() => return true,
            () = until => return true,
        };
        match coming {
            Coming::Event(message) => self.came(message),
            Coming::Over => self.refused = None,
            Coming::Unheard => self.lost = Some("the server says nothing to a request".to_owned()),
            Coming::Refused(status, words) if PASSING.iter().any(|passing| words.contains(passing)) => {
                debug!(%status, words, "events are asked for again");
                tokio::time::sleep(REST).await;
            }
            Coming::Refused(status, words) => self.lost = Some(format!("status {status}, {words}")),
            Coming::Reconnected => self.renew(pull).await,
            Coming::Closed => return false,
        }
        true
    }

    /// Looks for the consumer, which gives no events for this reason. The subscription stays: a server that stood still may answer yet.
    async fn look(&mut self, pull: &mut Pull, reason: &str) {
        let before = self.needed.generation.clone();
        let found = self.needed.find_again(reason).await;
        if before.is_over() {
            self.ahead.forget();
            self.letters.iter().for_each(|letters| letters.forget_all());
        }
        match found {
            Ok(found) => {
                debug!(reason, "events did not come, and are asked for again");
                self.ahead.allow(consumer::ack_wait(&found));
                pull.go_on_with(found, self.ahead.longest());
                self.lost = None;
                // Once may have been of the consumer that was there before.
                if self.refused.replace(reason.to_owned()).is_some_and(|before| before == reason) {
                    let text = format!(
                        "no events come: the consumer `{}` is there, and a request for its events is answered again and again with: {reason}",
                        self.needed.name
                    );
                    self.tell(Error::new(ErrorKind::Refused, text));
                }
            }
            Err(error) => self.tell(error),
        }
        tokio::time::sleep(REST).await;
    }

    async fn renew(&mut self, pull: &mut Pull) {
        match pull.renewed(self.ahead.longest()).await {
            Ok(renewed) => {
                let mut before = std::mem::replace(pull, renewed);
                before.here().into_iter().for_each(|message| self.came(message));
            }
            Err(error) => self.tell(error),
        }
    }

    fn came(&mut self, message: Message) {
        match self.taken(message) {
            Ok(taken) => {
                (self.told, self.refused) = (None, None);
                taken.into_iter().for_each(|taken| self.ahead.came(taken));
            }
            Err(error) => self.tell(error),
        }
    }

    /// Tells the subscription why no events come; the same again only after some time.
    fn tell(&mut self, error: Error) {
        let is_known = self.told.as_ref().is_some_and(|(text, at)| text == error.message() && at.elapsed() < TELL);
        if !is_known {
            self.told = Some((error.message().to_owned(), Instant::now()));
            self.ahead.failed(error);
        }
    }

    /// An event for the consumer; `None` for one that had all its deliveries, and is buried.
    fn taken(&self, message: Message) -> Result<Option<Taken>, Error> {
        let message = jetstream::Message { message, context: self.context.clone() };
        let info = message.info().map_err(|source| failed("a message came that is not the stream's", source))?;
        let (offset, time) = (info.stream_sequence, SystemTime::from(info.published));
        let delivered = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        let Message { subject, reply: Some(reply), headers, payload: frame, .. } = message.message else {
            return Ok(None);
        };
        let acker = Acker::new(&self.nats, reply, &self.needed.generation, self.timeout);
        let topic = topic(&subject).to_owned();
        let mortal = self.letters.as_ref().map(|letters| {
            let event = Event { topic: topic.clone(), headers, frame: frame.clone(), offset, time };
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
        let came = Instant::now();
        Ok(Some(Taken { delivery, verdict, came, since: came }))
    }

    /// To the group, in order, since no handler has begun with any. Without a connection there is room for so many words and no more,
    /// and nobody waits for it to be there again.
    async fn give_back(&self, events: VecDeque<Taken>, pause: Option<Duration>) {
        let until = tokio::time::Instant::now() + self.timeout;
        for Taken { verdict, .. } in events {
            if tokio::time::timeout_at(until, verdict.give_back(pause)).await.is_err() {
                debug!("an event could not be given back in time; it comes again when its time is up");
            }
        }
    }
}
