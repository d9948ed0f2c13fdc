//! Events out: a frame becomes a record of its scope's stream.

use std::sync::Arc;

use bytes::Bytes;
use thriftwood_core::event::{self, PublishOptions, Topic};
use thriftwood_core::frame::event_key;
use thriftwood_core::{Error, ErrorKind};

use crate::shared::Shared;
use crate::store::{Batch, Durability, Entry};
use crate::{MAX_FRAME, TOPIC, error};

/// What a publish waits for, given what it is where nobody said.
pub(crate) fn durability(options: PublishOptions, usual: Durability) -> Durability {
    match options.durability {
        Some(event::Durability::Durable) => Durability::Durable,
        Some(event::Durability::Buffered) => Durability::Buffered,
        None => usual,
    }
}

/// Stores an event. When this resolves, it is as durable as was asked for.
pub(crate) async fn publish(
    shared: &Arc<Shared>,
    topic: &Topic,
    frame: Bytes,
    durability: Durability,
) -> Result<(), Error> {
    let (size, limit) = (frame.len(), MAX_FRAME);
    if size > limit {
        let text = format!("an event of {size} bytes is over the limit of {limit}");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let log = shared.stream(&topic.stream).await?;
    let headers = [(TOPIC, topic.name.as_bytes())];
    let entry = Entry { key: event_key(&frame), headers: &headers, value: &frame };
    let batch = Batch::of(&[entry]).map_err(error::bus)?;
    log.append(batch, durability).await.map(drop).map_err(error::bus)
}
