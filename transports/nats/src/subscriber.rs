//! Events in: a subscription, alone or in a queue group.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::Subscriber;
use futures_util::StreamExt;
use thriftwood_core::event::{Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{Error, ErrorKind};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::bus::Shared;
use crate::{EVENT_PREFIX, error};

pub(crate) async fn subscribe(
    shared: &Shared,
    filter: TopicFilter,
    options: SubscribeOptions,
) -> Result<Box<dyn EventSource>, Error> {
    shared.lifecycle.check()?;
    if !matches!(options.start, Start::Default | Start::Next) {
        let text = "NATS keeps no events, so a subscription cannot start in the past; `log:DIR` does";
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let subject = format!("{EVENT_PREFIX}{}", filter.pattern);
    shared.subscribing(&subject);
    let events = match options.group {
        None => shared.nats.subscribe(subject.clone()).await,
        Some(group) => {
            error::check_subject("a group on NATS", &group, false)
                .map_err(|problem| Error::new(ErrorKind::InvalidName, problem))?;
            shared.nats.queue_subscribe(subject.clone(), group).await
        }
    };
    let closed = Box::pin(shared.lifecycle.token().clone().cancelled_owned());
    let source = Source { events: events.map_err(error::bus)?, closed };
    shared.subscribed(&subject).await?;
    Ok(Box::new(source))
}

struct Source {
    events: Subscriber,
    /// Ends the subscription with its bus, though others may still hold the connection.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl EventSource for Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        if self.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        self.events.poll_next_unpin(cx).map(|message| {
            let message = message?;
            let subject = message.subject.as_str();
            let topic = subject.strip_prefix(EVENT_PREFIX).unwrap_or(subject).to_owned();
            Some(Ok(Delivery {
                topic,
                frame: message.payload,
                offset: None,
                time: None,
                attempt: 1,
                acknowledge: None,
            }))
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce
    }
}
