//! Dead letters: what becomes of an event that was delivered as often as it may be and never acknowledged.
//!
//! It is stored in a stream beside the events' own, as it was, with what is to be known of it as further headers. Only when
//! that stream has it the event is given up; so after a crash in between there may be two of it, and never none. The second
//! has the first one's name, by which the stream knows it for an hour.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_nats::jetstream::{self, AckKind, context, stream};
use thriftwood_core::{Error, ErrorKind};
use tracing::{debug, warn};

use super::acker::Acker;
use super::failures::{Failure, Failures};
use super::letter::{Event, Told, letter};
use super::{Stream, StreamOptions, token};
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

    /// The consumer is another, or gone: its numbers are of other events.
    pub(super) fn forget_all(&self) {
        self.failures.forget_all(&self.consumer);
    }

    /// Stores the letter of an event that had so many deliveries, then gives up the event. When it cannot be stored the event
    /// comes again, and its burial is tried again: `false`.
    pub(super) async fn bury(&self, event: &Event, attempts: u32, acker: &Acker) -> Result<bool, Error> {
        acker.check()?;
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
                let again = acker.say(AckKind::Nak(Some(REST))).await;
                return again.map(|()| false);
            }
        }
        match acker.confirmed(AckKind::Term).await {
            Ok(()) => self.failures.forget(&self.consumer, offset),
            // It comes again, and its letter is known.
            Err(error) => debug!(topic, offset, %error, "an event that has its dead letter could not be given up yet"),
        }
        Ok(true)
    }

    /// Whether the stream had the letter already.
    async fn store(&self, event: &Event, attempts: u32, failures: &[Failure]) -> Result<bool, context::PublishError> {
        let told = Told::new(&self.group, event, attempts, failures);
        let max_payload = self.context.client().max_payload();
        let (headers, frame) = letter(&told, &name(&self.stream, event, &self.consumer), max_payload);
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

/// The topic of a subject.
pub(super) fn topic(subject: &str) -> &str {
    subject.strip_prefix(EVENT_PREFIX).unwrap_or(subject)
}
