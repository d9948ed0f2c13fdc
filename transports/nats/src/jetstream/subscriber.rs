//! Events in: a durable consumer for a group, an ordered one of its own for a subscription alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{AckKind, Message};
use futures_util::{FutureExt, StreamExt};
use thriftwood_core::event::{Acknowledge, Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error, ErrorKind};
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use super::Stream;
use crate::EVENT_PREFIX;
use crate::bus::Shared;
use crate::error::check_subject;

/// Events a member takes ahead of its consumer. Their time to be acknowledged runs while they wait, and nobody else can have
/// them, so they are few; with one, every event would cost a round trip.
const AHEAD: usize = 8;
/// How long the first redelivery of an event that was refused waits; twice as long for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the server may be silent before it is asked anew: a batch ends without an event, and a subscription outside of
/// a group has its consumer made again, from where it was, after twice the time.
const MISSED: Duration = Duration::from_secs(4);
/// How long a subscription rests after an error, since asking again goes on.
const REST: Duration = Duration::from_secs(1);

pub(super) async fn subscribe(
    stream: &Stream,
    shared: &Shared,
    filter: TopicFilter,
    options: SubscribeOptions,
) -> Result<Box<dyn EventSource>, Error> {
    let subject = format!("{EVENT_PREFIX}{}", filter.pattern);
    let policy = deliver_policy(stream, &options).await?;
    let closed = Box::pin(shared.lifecycle.token().clone().cancelled_owned());
    let messages = match &options.group {
        None => Messages::Alone(Box::new(alone(stream, subject, policy).await?)),
        Some(group) => Messages::Shares(member(stream, subject, group, policy).await?),
    };
    Ok(Box::new(Source { messages, closed, rest: None }))
}

async fn deliver_policy(stream: &Stream, options: &SubscribeOptions) -> Result<DeliverPolicy, Error> {
    Ok(match options.start {
        Start::Default if options.group.is_some() => DeliverPolicy::All,
        Start::First => DeliverPolicy::All,
        Start::Default | Start::Next => {
            // Named by its number, and not as "new": a consumer that is made again after a lost connection would
            // otherwise leave out what was published meanwhile.
            let last = stream.stream.get_info().await.map_err(|source| failed("its state cannot be read", source))?;
            DeliverPolicy::ByStartSequence { start_sequence: last.state.last_sequence + 1 }
        }
        Start::Time(time) => DeliverPolicy::ByStartTime { start_time: time.into() },
        // Sequences start at 1, and a consumer cannot ask for 0.
        Start::Offset(offset) => DeliverPolicy::ByStartSequence { start_sequence: offset.max(1) },
        other => {
            let text = format!("JetStream cannot start a subscription at {other:?}");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
    })
}

async fn alone(stream: &Stream, subject: String, policy: DeliverPolicy) -> Result<pull::Ordered, Error> {
    let config = pull::OrderedConfig {
        filter_subject: subject,
        deliver_policy: policy,
        max_expires: MISSED,
        ..Default::default()
    };
    let consumer =
        stream.stream.create_consumer(config).await.map_err(|source| failed("no consumer can be made", source))?;
    consumer.messages().await.map_err(|source| failed("no events can be asked for", source))
}

async fn member(
    stream: &Stream,
    subject: String,
    group: &str,
    policy: DeliverPolicy,
) -> Result<mpsc::Receiver<Result<Delivery, Error>>, Error> {
    check_subject("a group on JetStream", group, false)
        .map_err(|problem| Error::new(ErrorKind::InvalidName, problem))?;
    let name = consumer_name(group, &subject);
    let config = pull::Config {
        durable_name: Some(name.clone()),
        description: Some(format!("group {group} on {subject}")),
        filter_subject: subject,
        deliver_policy: policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: stream.ack_wait,
        ..Default::default()
    };
    let consumer = stream
        .stream
        .get_or_create_consumer(&name, config)
        .await
        .map_err(|source| failed("the group's consumer cannot be made", source))?;
    let (out, events) = mpsc::channel(AHEAD);
    tokio::spawn(fetch(consumer, out));
    Ok(events)
}

/// Asks for events, a batch at a time, each when the one before has been taken. Not the client library's endless stream of
/// them: that one asks ahead while it is being emptied, and what a member has taken and will not handle has to go back to the
/// group at once, not when its time to be acknowledged is up.
async fn fetch(consumer: Consumer<pull::Config>, out: mpsc::Sender<Result<Delivery, Error>>) {
    loop {
        let Ok(mut places) = out.reserve_many(AHEAD).await else { return };
        let mut batch = match consumer.batch().max_messages(AHEAD).expires(MISSED).messages().await {
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
                        drop(delivery(message, true));
                    }
                    return;
                }
            };
            let (Some(message), Some(place)) = (message, places.next()) else { break };
            let message = message.map_err(|source| failed("events do not come", source));
            place.send(message.and_then(|message| delivery(message, true)));
        }
    }
}

/// A consumer serves one group and one filter, and is named by both. Dots, stars and the like cannot be in its name: a dot is
/// written as a dash, anything else but letters, digits and `_` as `=` and its number.
fn consumer_name(group: &str, subject: &str) -> String {
    let mut name = String::new();
    for byte in format!("{group}@{subject}").bytes() {
        match byte {
            b'.' => name.push('-'),
            b'@' | b'_' => name.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => name.push(byte.into()),
            _ => name.push_str(&format!("={byte:02X}")),
        }
    }
    name
}

enum Messages {
    Alone(Box<pull::Ordered>),
    Shares(mpsc::Receiver<Result<Delivery, Error>>),
}

struct Source {
    messages: Messages,
    /// Ends the subscription with its bus, though others may still hold the connection.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl EventSource for Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        if self.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if let Some(rest) = &mut self.rest {
            std::task::ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        let next = match &mut self.messages {
            Messages::Alone(messages) => messages.poll_next_unpin(cx).map(|message| {
                let message = message?.map_err(|source| failed("events do not come", source));
                Some(message.and_then(|message| delivery(message, false)))
            }),
            Messages::Shares(events) => events.poll_recv(cx),
        };
        if let Poll::Ready(Some(Err(_))) = &next {
            self.rest = Some(Box::pin(tokio::time::sleep(REST)));
        }
        next
    }

    fn guarantee(&self) -> Guarantee {
        match self.messages {
            Messages::Alone(_) => Guarantee::AtMostOnce,
            Messages::Shares(_) => Guarantee::AtLeastOnce,
        }
    }
}

fn delivery(message: Message, shares: bool) -> Result<Delivery, Error> {
    let info = message.info().map_err(|source| failed("a message came that is not the stream's", source))?;
    let (offset, attempt) = (info.stream_sequence, u32::try_from(info.delivered).unwrap_or(u32::MAX));
    let time = SystemTime::from(info.published);
    let (message, acker) = message.split();
    let subject = message.subject.as_str();
    let acknowledge: Option<Box<dyn Acknowledge>> =
        if shares { Some(Box::new(Verdict { acker: Some(Arc::new(acker)), attempt })) } else { None };
    Ok(Delivery {
        topic: subject.strip_prefix(EVENT_PREFIX).unwrap_or(subject).to_owned(),
        frame: message.payload,
        offset: Some(offset),
        time: Some(time),
        attempt,
        acknowledge,
    })
}

/// Tells the server what became of an event; dropped, that it was not handled.
struct Verdict {
    /// Taken by the verdict.
    acker: Option<Arc<Acker>>,
    attempt: u32,
}

impl Verdict {
    /// The event comes again, later each time.
    fn refusal(&self) -> AckKind {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.attempt.saturating_sub(1).min(16));
        AckKind::Nak(Some(pause.min(LONGEST_PAUSE)))
    }
}

impl Acknowledge for Verdict {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        let acker = self.acker.take();
        Box::pin(async move {
            // Confirmed by the server: an acknowledgement that got lost would be a second delivery.
            let Some(acker) = acker else { return Ok(()) };
            acker.double_ack().await.map_err(|source| failed("an acknowledgement was not confirmed", source))
        })
    }

    fn nack(mut self: Box<Self>, _reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        let refusal = delay.map_or_else(|| self.refusal(), |delay| AckKind::Nak(Some(delay)));
        let acker = self.acker.take();
        Box::pin(async move {
            let Some(acker) = acker else { return Ok(()) };
            acker.ack_with(refusal).await.map_err(|source| failed("a refusal could not be sent", source))
        })
    }

    /// The server does not tell whether the time was up by then.
    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        let acker = self.acker.clone();
        Box::pin(async move {
            let Some(acker) = acker else { return Ok(true) };
            let asked = acker.ack_with(AckKind::Progress).await;
            asked.map(|()| true).map_err(|source| failed("more time could not be asked for", source))
        })
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        let Some(acker) = self.acker.take() else { return };
        let refusal = self.refusal();
        // Without a runtime there is no connection either, and the server delivers it again when the time is up.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = acker.ack_with(refusal).await {
                debug!(%error, "an event that was dropped could not be given back; it comes again when its time is up");
            }
        });
    }
}

fn failed(what: &str, source: impl Into<thriftwood_core::error::BoxError>) -> Error {
    let source = source.into();
    Error::new(ErrorKind::Storage, format!("JetStream: {what} ({source})")).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::consumer_name;

    #[test]
    fn a_consumer_is_named_by_its_group_and_its_filter() {
        assert_eq!(consumer_name("mailer", "frugal.v1.*.Winner"), "mailer@frugal-v1-=2A-Winner");
        assert_ne!(consumer_name("a-b", "x"), consumer_name("a.b", "x"));
    }
}
