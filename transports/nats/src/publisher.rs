//! Events out: published to `frugal.` and the topic; on JetStream, until the stream has it.

use bytes::Bytes;
use thriftwood_core::event::{PublishOptions, Topic};
use thriftwood_core::{Error, ErrorKind};

use crate::bus::Shared;
use crate::{EVENT_PREFIX, error};

/// Gives the event to the connection. Core NATS promises no more: the server does not say that it has it.
pub(crate) async fn publish(
    shared: &Shared,
    topic: &Topic,
    frame: Bytes,
    options: PublishOptions,
) -> Result<(), Error> {
    shared.lifecycle.check()?;
    let (size, limit) = (frame.len(), shared.max_payload());
    if size > limit {
        let text = format!("an event of {size} bytes is over the limit of {limit} on NATS");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let subject = [EVENT_PREFIX, &topic.name].concat();
    match &shared.stream {
        None => {
            options.refuse_durable("nats")?;
            shared.publish(subject.into(), None, frame).await.map_err(error::bus)
        }
        Some(stream) => stream.publish(subject, frame).await,
    }
}
