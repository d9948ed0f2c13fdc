//! Events out: sent until the stream says that it has them, and kept by it once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use thriftwood_core::{Error, ErrorKind};

use super::Stream;

/// How often an event is sent whose acknowledgement does not come: a cluster may be choosing a new leader.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(100);

/// Names for events, each used once: an event that is sent again has its first name, and the server keeps one of the two.
pub(super) struct Ids {
    /// Unique to this connection.
    bus: String,
    next: AtomicU64,
}

impl Ids {
    pub(super) fn new(nats: &Client) -> Self {
        // The client library's inboxes are unique names that it has the means to make.
        let bus = nats.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
        Self { bus, next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        format!("{}-{}", self.bus, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Publishes, and waits until the stream has the event.
pub(super) async fn publish(stream: &Stream, subject: String, frame: Bytes) -> Result<(), Error> {
    let id = stream.ids.next();
    let mut attempt = 1;
    loop {
        let message = PublishMessage::build().payload(frame.clone()).message_id(&id);
        let sent = async { stream.context.send_publish(subject.clone(), message).await?.await };
        let Err(source) = sent.await else { return Ok(()) };
        let kind = match source.kind() {
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe if attempt < ATTEMPTS => {
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
                continue;
            }
            PublishErrorKind::TimedOut => ErrorKind::Timeout,
            PublishErrorKind::BrokenPipe => ErrorKind::Unreachable,
            PublishErrorKind::MaxPayloadExceeded => ErrorKind::TooLarge,
            PublishErrorKind::MaxAckPending => ErrorKind::Refused,
            _ => ErrorKind::Storage,
        };
        let text =
            format!("JetStream did not confirm an event on `{subject}` ({source}); it may or may not have kept it");
        return Err(Error::new(kind, text).with_source(source));
    }
}
