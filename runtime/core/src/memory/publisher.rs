//! Events out: a frame goes into the channel of every subscription that takes its topic.

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;

use super::hub::Hub;
use crate::event::{PublishOptions, Topic};
use crate::frame::DEFAULT_MAX_FRAME;
use crate::{Error, ErrorKind};

pub(super) async fn publish(hub: &Hub, topic: &Topic, frame: Bytes, options: PublishOptions) -> Result<(), Error> {
    hub.lifecycle.check()?;
    options.refuse_durable("memory")?;
    if frame.len() > DEFAULT_MAX_FRAME + 4 {
        let text = format!("an event of {} bytes is over the limit of {}", frame.len(), DEFAULT_MAX_FRAME + 4);
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    // Those with room first, so that one full channel does not keep the event from the others.
    let mut full = Vec::new();
    for subscriber in hub.recipients(&topic.name) {
        if let Err(TrySendError::Full(event)) = subscriber.events.try_send((topic.name.clone(), frame.clone())) {
            full.push((subscriber, event));
        }
    }
    for (subscriber, event) in full {
        // A full channel holds its publisher back; a subscription that ended meanwhile gets nothing more.
        let _ = subscriber.events.send(event).await;
    }
    Ok(())
}
