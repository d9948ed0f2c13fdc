//! Events in: a durable consumer for a group, an ordered one of its own for a subscription alone.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures_util::StreamExt;
use thriftwood_core::event::{Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{Error, ErrorKind};
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::dead::topic;
use super::member::Member;
use super::{Stream, failed};
use crate::EVENT_PREFIX;
use crate::bus::Shared;

/// How long the server may be silent before it is asked anew: a batch ends without an event, and a subscription outside of
/// a group has its consumer made again, from where it was, after twice the time.
pub(super) const MISSED: Duration = Duration::from_secs(4);
/// How long a subscription rests after an error, since asking again goes on.
pub(super) const REST: Duration = Duration::from_secs(1);

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
        Some(group) => Messages::Shares(Member::join(stream, shared, subject, group, policy).await?),
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

enum Messages {
    Alone(Box<pull::Ordered>),
    Shares(Member),
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
                Some(message.and_then(|message| delivery(&message)))
            }),
            Messages::Shares(member) => member.poll_next(cx),
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

    fn time_limit(&self) -> Option<Duration> {
        match &self.messages {
            Messages::Alone(_) => None,
            Messages::Shares(member) => Some(member.ack_wait()),
        }
    }

    fn max_in_flight(&mut self, events: usize) {
        if let Messages::Shares(member) = &self.messages {
            member.limit(events);
        }
    }

    fn begins_at_once(&mut self, events: usize) {
        if let Messages::Shares(member) = &self.messages {
            member.begins_at_once(events);
        }
    }
}

fn delivery(message: &Message) -> Result<Delivery, Error> {
    let info = message.info().map_err(|source| failed("a message came that is not the stream's", source))?;
    Ok(Delivery {
        topic: topic(&message.subject).to_owned(),
        frame: message.payload.clone(),
        offset: Some(info.stream_sequence),
        time: Some(SystemTime::from(info.published)),
        attempt: 1,
        acknowledge: None,
    })
}
