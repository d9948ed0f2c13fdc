//! Events out: sent until the stream says that it has them, and kept by it once.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, StatusCode, Subject};
use bytes::Bytes;
use serde::Deserialize;
use thriftwood_core::error::BoxError;
use thriftwood_core::observe::LateReplies;
use thriftwood_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

use crate::exchange::{Answer, Exchange, Refused};

/// How often an event is sent whose acknowledgement does not come: a cluster may be choosing a new leader.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(100);

/// Digits of the largest number of an event.
const MAX_DIGITS: usize = 20;

/// Publishes, and waits until the stream has the event.
///
/// Not with the client library's own requests: each has an inbox with a random name made for it, a permit, two timers, and an
/// answer that is read as one thing and then as another; and none is sent together with others.
pub(super) struct Publisher {
    exchange: Exchange,
    /// What stands before an event's number in its name. Each name is used once: an event that is sent again has its first one,
    /// and the server keeps one of the two. Unique to this connection.
    bus: String,
    next: AtomicU64,
    /// How long an acknowledgement may take.
    timeout: Duration,
}

impl Publisher {
    pub(super) async fn start(nats: &Client, end: &CancellationToken, timeout: Duration) -> Result<Self, Error> {
        // An acknowledgement that comes late is no late reply to a call, and told to nobody.
        let exchange = Exchange::start(nats, end, LateReplies::default(), read).await?;
        let bus = exchange.inbox().trim_end_matches('.').rsplit('.').next().unwrap_or_default().to_owned();
        Ok(Self { exchange, bus, next: AtomicU64::new(1), timeout })
    }

    pub(super) async fn publish(&self, subject: Subject, frame: Bytes) -> Result<(), Error> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut attempt = 1;
        loop {
            let message = self.message(subject.clone(), number, frame.clone());
            let asked = tokio::time::timeout(self.timeout, self.exchange.ask(number, message));
            let (kind, source): (_, BoxError) = match asked.await {
                Ok(Ok(Some(Answer::Reply(answer)))) => match acknowledged(&answer) {
                    Ok(()) => return Ok(()),
                    Err(source) => (ErrorKind::Storage, source),
                },
                Ok(Ok(Some(Answer::NoResponders))) => (ErrorKind::Storage, "no stream takes this subject".into()),
                Ok(Ok(Some(Answer::Unsent(source)))) => match source.kind() {
                    PublishErrorKind::MaxPayloadExceeded => (ErrorKind::TooLarge, source.into()),
                    PublishErrorKind::InvalidSubject => (ErrorKind::InvalidName, source.into()),
                    PublishErrorKind::Send => (ErrorKind::Closed, source.into()),
                },
                // No number is used twice at once, so it is closed.
                Ok(Ok(None) | Err(Refused::Closed | Refused::Duplicate)) => {
                    (ErrorKind::Closed, "the bus was closed meanwhile".into())
                }
                Err(_) if attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                    continue;
                }
                Err(waited) => (ErrorKind::Timeout, waited.into()),
            };
            let text =
                format!("JetStream did not confirm an event on `{subject}` ({source}); it may or may not have kept it");
            return Err(Error::new(kind, text).with_source(source));
        }
    }

    fn message(&self, subject: Subject, number: u64, payload: Bytes) -> OutboundMessage {
        let mut id = String::with_capacity(self.bus.len() + 1 + MAX_DIGITS);
        // A string takes whatever is written to it.
        let _ = write!(id, "{}-{number}", self.bus);
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        OutboundMessage { subject, reply: Some(self.exchange.place(number)), payload, headers: Some(headers) }
    }
}

/// Which event a message answers: by the subject it came to.
fn read(message: Message) -> Option<(u64, Answer)> {
    let number = message.subject.rsplit('.').next()?.parse().ok()?;
    let answer = match message.status {
        Some(StatusCode::NO_RESPONDERS) => Answer::NoResponders,
        _ => Answer::Reply(message.payload),
    };
    Some((number, answer))
}

/// What a stream answers, as JSON: that it has the event, or why not.
#[derive(Deserialize)]
struct Acknowledgement {
    error: Option<jetstream::Error>,
    /// Where in the stream it is.
    seq: Option<u64>,
}

fn acknowledged(answer: &[u8]) -> Result<(), BoxError> {
    match serde_json::from_slice(answer)? {
        Acknowledgement { error: Some(error), .. } => Err(error.into()),
        Acknowledgement { seq: Some(_), .. } => Ok(()),
        _ => Err("what answered is no stream".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::acknowledged;

    #[test]
    fn an_event_is_kept_when_a_stream_says_where() {
        assert!(acknowledged(br#"{"stream":"FRUGAL","seq":7}"#).is_ok());
        assert!(acknowledged(br#"{"stream":"FRUGAL","domain":"hub","seq":7,"duplicate":true}"#).is_ok());
        let full =
            acknowledged(br#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}"#);
        assert!(full.unwrap_err().to_string().contains("maximum messages exceeded"));
        for other in [&br#"{}"#[..], br#"{"stream":"FRUGAL"}"#, b"", b"ok", b"[]"] {
            assert!(acknowledged(other).is_err(), "{other:?}");
        }
    }
}
