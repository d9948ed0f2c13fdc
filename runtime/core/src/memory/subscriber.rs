//! Events in: a channel per subscription.

use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::hub::{Hub, Subscriber};
use crate::event::{Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use crate::transport::EventSource;
use crate::{Error, ErrorKind};

/// Events a subscription holds before publishers wait for it.
const QUEUE: usize = 1024;

pub(super) fn subscribe(
    hub: &Hub,
    filter: TopicFilter,
    options: &SubscribeOptions,
) -> Result<Box<dyn EventSource>, Error> {
    hub.lifecycle.check()?;
    if !matches!(options.start, Start::Default | Start::Next) {
        let text = "memory keeps no events, so a subscription cannot start in the past; `log:DIR` does";
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let (events, source) = mpsc::channel(QUEUE);
    hub.add_subscriber(Subscriber::new(filter, options.group.clone(), events));
    Ok(Box::new(Source(source)))
}

struct Source(mpsc::Receiver<(String, Bytes)>);

impl EventSource for Source {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        self.0.poll_recv(cx).map(|next| {
            let (topic, frame) = next?;
            Some(Ok(Delivery { topic, frame, offset: None, time: None, attempt: 1, acknowledge: None }))
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce
    }
}
