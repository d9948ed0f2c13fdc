//! Dead letters: what becomes of an event that was delivered as often as it may be and never acknowledged.
//!
//! It is stored in a stream beside the events' own, as it was, with what is to be known of it as further headers. Only when
//! that stream has it the event is given up; so after a crash in between there may be two of it, and never none. The second
//! has the first one's name, by which the stream knows it for an hour.
//!
//! | header | |
//! |---|---|
//! | `topic` | its topic |
//! | `dead-group` | the group that did not handle it |
//! | `dead-offset`, `dead-time` | its sequence number in the events' stream, and when it was stored there, in microseconds since 1970 |
//! | `dead-attempts` | the number of its deliveries |
//! | `dead-reason` | the reason of the last failure that is known; empty when none is |
//! | `dead-history` | once for each failure that is known: attempt, microseconds since 1970, and reason |
//! | `dead-omitted` | how many bytes it had, where it and these headers are too large for the server; it has none then, and none of its own headers where those are too large |

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{self, AckKind, context, message::Acker, stream};
use bytes::Bytes;
use thriftwood_core::{Error, ErrorKind};
use tracing::{debug, warn};

use super::failures::{Failure, Failures, microseconds};
use super::{Stream, StreamOptions, failed, token};
use crate::EVENT_PREFIX;

/// What stands before the stream's name in the subject of a dead letter.
const DEAD_PREFIX: &str = "frugal-dead.";
/// How long the stream knows a letter that it has. A member that dies between storing a letter and giving up its event comes, or
/// another does, when the event's time is up; an hour is beyond any such time, and the server remembers no more than it must.
const KNOWN: Duration = Duration::from_secs(60 * 60);
/// How long an event waits whose letter could not be stored.
const REST: Duration = Duration::from_secs(30);

/// Where the dead letters of a group go, and when.
pub(super) struct Letters {
    context: jetstream::Context,
    /// All of the subject but the topic.
    prefix: String,
    group: String,
    consumer: Arc<str>,
    /// With the name of the stream that has the events, the first part of a letter's name.
    stream: String,
    /// After so many deliveries an event is a dead letter.
    pub(super) max_attempts: u32,
    failures: Arc<Failures>,
    /// The largest payload that can be sent, headers included, in bytes.
    max_payload: usize,
}

/// An event as far as its letter needs it.
pub(super) struct Event {
    pub(super) topic: String,
    pub(super) headers: Option<HeaderMap>,
    pub(super) frame: Bytes,
    pub(super) offset: u64,
    pub(super) time: SystemTime,
}

impl Letters {
    /// The letters of this group, in a stream that is made if nobody has one for them; `None` where events are never given up.
    pub(super) async fn open(stream: &Stream, group: &str, consumer: &str) -> Result<Option<Self>, Error> {
        let options = &stream.options;
        let Some(max_attempts) = options.max_attempts else { return Ok(None) };
        if let Err(source) = stream.context.get_or_create_stream(config(options)).await
            && !is_somebody_elses(&source)
        {
            return Err(unusable(options, source));
        }
        Ok(Some(Self {
            prefix: format!("{DEAD_PREFIX}{}.{}.", options.name, token(group)),
            context: stream.context.clone(),
            group: group.to_owned(),
            consumer: Arc::from(consumer),
            stream: options.name.clone(),
            max_attempts,
            failures: Arc::clone(&stream.failures),
            max_payload: stream.context.client().max_payload(),
        }))
    }

    /// A delivery of an event failed, for this reason.
    pub(super) fn failed(&self, offset: u64, attempt: u32, reason: &str) {
        self.failures.add(&self.consumer, offset, attempt, reason);
    }

    /// An event was handled.
    pub(super) fn handled(&self, offset: u64) {
        self.failures.forget(&self.consumer, offset);
    }

    /// Stores the letter of an event that had so many deliveries, then gives up the event. When it cannot be stored the event
    /// comes again, and its burial is tried again: `false`.
    pub(super) async fn bury(&self, event: &Event, attempts: u32, acker: &Acker) -> Result<bool, Error> {
        let (topic, offset) = (&event.topic, event.offset);
        let failures = self.failures.of(&self.consumer, offset);
        let reason = failures.last().map_or("", |failure| &failure.reason);
        match self.store(event, attempts, &failures).await {
            Ok(is_known) if is_known => debug!(topic, offset, "an event had its dead letter already"),
            Ok(_) => {
                warn!(
                    group = self.group,
                    topic, offset, attempts, reason, "an event was never acknowledged, and is a dead letter now"
                );
            }
            Err(error) => {
                warn!(group = self.group, topic, offset, %error, "a dead letter could not be stored; it is tried again");
                let again = acker.ack_with(AckKind::Nak(Some(REST))).await;
                return again.map(|()| false).map_err(|source| failed("a refusal could not be sent", source));
            }
        }
        match acker.double_ack_with(AckKind::Term).await {
            Ok(()) => self.failures.forget(&self.consumer, offset),
            // It comes again, and its letter is known.
            Err(error) => debug!(topic, offset, %error, "an event that has its dead letter could not be given up yet"),
        }
        Ok(true)
    }

    /// Whether the stream had the letter already.
    async fn store(&self, event: &Event, attempts: u32, failures: &[Failure]) -> Result<bool, context::PublishError> {
        let (mut headers, frame) = letter(&self.group, event, attempts, failures, self.max_payload);
        // The consumer is the group's, for one pattern of topics: each buries for itself.
        headers.insert(NATS_MESSAGE_ID, name(&self.stream, event, &self.consumer));
        let subject = format!("{}{}", self.prefix, event.topic);
        Ok(self.context.publish_with_headers(subject, headers, frame).await?.await?.duplicate)
    }
}

/// The stream of the letters. They are kept until somebody has looked at them, whatever is kept of the events.
fn config(options: &StreamOptions) -> stream::Config {
    stream::Config {
        name: dead_stream(options),
        subjects: vec![format!("{DEAD_PREFIX}{}.>", options.name)],
        num_replicas: options.replicas,
        duplicate_window: KNOWN,
        storage: stream::StorageType::File,
        ..stream::Config::default()
    }
}

fn dead_stream(options: &StreamOptions) -> String {
    format!("{}-DEAD", options.name)
}

fn unusable(options: &StreamOptions, source: context::CreateStreamError) -> Error {
    use context::CreateStreamErrorKind as Kind;
    let stream = dead_stream(options);
    let (kind, text) = match source.kind() {
        Kind::JetStreamUnavailable => {
            (ErrorKind::Unsupported, "cannot be made: the NATS server has no JetStream".to_owned())
        }
        Kind::TimedOut => (
            ErrorKind::Timeout,
            format!(
                "cannot be looked up or made: the NATS server did not answer in time. It is busy, or does not let this user \
                 publish to `$JS.API.STREAM.INFO.{stream}` and `$JS.API.STREAM.CREATE.{stream}`"
            ),
        ),
        _ => (ErrorKind::Refused, "cannot be used or made".to_owned()),
    };
    let text = format!("the stream `{stream}` for dead letters, which `max_attempts` needs, {text} ({source})");
    Error::new(kind, text).with_source(source)
}

/// By what the stream of letters knows one. With the time, since a stream of events that is deleted and made again counts from
/// 1 again.
fn name(stream: &str, event: &Event, consumer: &str) -> String {
    let time = event.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{stream}:{}:{time}:{consumer}", event.offset)
}

/// Whether there is a stream of another name that takes the letters: then that one has them.
fn is_somebody_elses(error: &context::CreateStreamError) -> bool {
    matches!(error.kind(), context::CreateStreamErrorKind::JetStream(error)
        if error.error_code() == jetstream::ErrorCode::STREAM_SUBJECT_OVERLAP)
}

/// The event as a dead letter, of no more than so many bytes.
fn letter(group: &str, event: &Event, attempts: u32, failures: &[Failure], max_payload: usize) -> (HeaderMap, Bytes) {
    let is_too_large = |headers: &HeaderMap, bytes| size(headers) + SPARE + bytes > max_payload;
    let mut headers = own_headers(event);
    tell(&mut headers, group, event, attempts, failures);
    if !is_too_large(&headers, event.frame.len()) {
        return (headers, event.frame.clone());
    }
    headers.insert(OMITTED, event.frame.len().to_string());
    if is_too_large(&headers, 0) {
        // A peer of NATS may have put there what it liked.
        headers = HeaderMap::new();
        tell(&mut headers, group, event, attempts, failures);
        headers.insert(OMITTED, event.frame.len().to_string());
    }
    (headers, Bytes::new())
}

/// What the event itself says in headers.
fn own_headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in event.headers.iter().flat_map(HeaderMap::iter) {
        // Those of the server are commands to it, and an event that was a letter before is told of anew.
        let name_text: &str = name.as_ref();
        if !name_text.starts_with("Nats-") && !name_text.starts_with("dead-") {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
    }
    headers
}

/// Tells in headers what is to be known of it.
fn tell(headers: &mut HeaderMap, group: &str, event: &Event, attempts: u32, failures: &[Failure]) {
    let reason = failures.last().map_or("", |failure| &failure.reason);
    headers.insert("topic", event.topic.as_str());
    headers.insert("dead-group", group);
    headers.insert("dead-offset", event.offset.to_string());
    headers.insert("dead-time", microseconds(event.time).to_string());
    headers.insert("dead-attempts", attempts.to_string());
    headers.insert("dead-reason", reason);
    for Failure { attempt, time, reason } in failures {
        headers.append("dead-history", format!("{attempt} {time} {reason}"));
    }
}

/// The header of a letter that is without its event.
const OMITTED: &str = "dead-omitted";

/// For the letter's name, which is put to its headers.
const SPARE: usize = 1024;

/// How many bytes headers take: `NATS/1.0`, and a line for each.
fn size(headers: &HeaderMap) -> usize {
    let line = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| -> usize {
        let name: &str = name.as_ref();
        values.iter().map(|value| name.len() + value.as_str().len() + 4).sum()
    };
    headers.iter().map(line).sum::<usize>() + 12
}

/// The topic of a subject.
pub(super) fn topic(subject: &str) -> &str {
    subject.strip_prefix(EVENT_PREFIX).unwrap_or(subject)
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderValue;

    use super::*;

    fn event(headers: Option<HeaderMap>, bytes: usize) -> Event {
        let (topic, frame) = ("v1.emea.Winners.Winner".to_owned(), vec![7; bytes].into());
        Event { topic, headers, frame, offset: 41, time: SystemTime::UNIX_EPOCH + Duration::from_millis(3) }
    }

    #[test]
    fn a_letter_has_the_events_own_headers_but_for_commands_to_the_server_and_what_an_earlier_letter_told() {
        let mut own = HeaderMap::new();
        own.insert(NATS_MESSAGE_ID, "bus-1");
        own.insert("Nats-Rollup", "all");
        own.insert("dead-attempts", "99");
        own.append("shop", "one");
        own.append("shop", "two");
        let failure = |attempt, reason: &str| Failure { attempt, time: 5, reason: reason.to_owned() };
        let failures = [failure(1, "no account"), failure(3, "still none")];
        let (headers, frame) = letter("mailer", &event(Some(own), 10), 3, &failures, 1 << 20);
        assert_eq!(frame.len(), 10);
        let mut lines: Vec<_> = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {}", value.as_str())))
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "dead-attempts: 3",
                "dead-group: mailer",
                "dead-history: 1 5 no account",
                "dead-history: 3 5 still none",
                "dead-offset: 41",
                "dead-reason: still none",
                "dead-time: 3000",
                "shop: one",
                "shop: two",
                "topic: v1.emea.Winners.Winner",
            ]
        );
    }

    #[test]
    fn a_letter_that_would_be_too_large_names_the_event_without_it() {
        let failure = |attempt| Failure { attempt, time: 5, reason: "x".repeat(512) };
        let failures: Vec<_> = (1..=16).map(failure).collect();
        for (bytes, omitted) in [(50_000, None), (60_000, Some("60000"))] {
            let (headers, frame) = letter("mailer", &event(None, bytes), 16, &failures, 64 * 1024);
            assert!(size(&headers) + frame.len() <= 64 * 1024);
            assert_eq!(headers.get("dead-omitted").map(HeaderValue::as_str), omitted);
            assert_eq!(frame.is_empty(), omitted.is_some());
        }
    }

    #[test]
    fn a_letter_is_without_the_events_own_headers_only_where_those_alone_would_be_too_large() {
        for (bytes, is_kept) in [(60_000, true), (65_000, false)] {
            let mut own = HeaderMap::new();
            own.insert("shop", "x".repeat(bytes));
            let (headers, frame) = letter("mailer", &event(Some(own), 5_000), 2, &[], 64 * 1024);
            assert!(size(&headers) + SPARE <= 64 * 1024 && frame.is_empty());
            assert_eq!(headers.get("shop").is_some(), is_kept);
            assert_eq!(headers.get("dead-omitted").map(HeaderValue::as_str), Some("5000"));
            assert_eq!(headers.get("dead-offset").map(HeaderValue::as_str), Some("41"));
        }
    }
}
