//! Events kept by JetStream: one stream takes what is published to any scope, consumers keep the positions of groups.
//!
//! Subjects and payloads are those of core NATS, so Frugal's peers can publish to the stream and hear what is published to
//! it without knowing that it is there.

mod acker;
mod ahead;
mod consumer;
mod dead;
mod failures;
mod letter;
mod member;
mod publisher;
mod pull;
mod subscriber;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, ErrorCode, stream};
use async_nats::{Client, Subject};
use thriftwood_core::error::BoxError;
use thriftwood_core::event::{SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

use crate::bus::Shared;
use crate::config::{milliseconds, number};
use crate::{Config, EVENT_PREFIX};

/// The stream in which a `jetstream://` bus keeps events. It is made when it is not there; one that is there is used as it
/// is.
///
/// | in the URL | here |
/// |---|---|
/// | `stream=FRUGAL` | [`name`](StreamOptions::name) |
/// | `replicas=1` | [`replicas`](StreamOptions::replicas) |
/// | `max_age=SECONDS` | [`max_age`](StreamOptions::max_age) |
/// | `max_bytes=BYTES` | [`max_bytes`](StreamOptions::max_bytes) |
/// | `ack_wait=30000` | [`ack_wait`](StreamOptions::ack_wait), in milliseconds |
/// | `max_attempts=5` | [`max_attempts`](StreamOptions::max_attempts) |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamOptions {
    /// The stream's name.
    pub name: String,
    /// On how many servers of a cluster the stream is kept.
    pub replicas: usize,
    /// How long events are kept; for ever when not set.
    pub max_age: Option<Duration>,
    /// How many bytes of events are kept, the oldest being let go; any number when not set.
    pub max_bytes: Option<u64>,
    /// How long a group's member may take to acknowledge an event before it is delivered to another. When not set, as long as
    /// the group's consumer says: 30 s for one that is made here.
    pub ack_wait: Option<Duration>,
    /// After so many deliveries without an acknowledgement an event goes to the dead letters of the group, in the stream
    /// `NAME-DEAD` on the subject `frugal-dead.NAME.GROUP.TOPIC`. `None`: it is delivered for ever. With 1, an event that was
    /// sent to a member as it left is a dead letter, though no handler saw it; 2 is the least that spares it.
    pub max_attempts: Option<u32>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            name: "FRUGAL".to_owned(),
            replicas: 1,
            max_age: None,
            max_bytes: None,
            ack_wait: None,
            max_attempts: None,
        }
    }
}

impl StreamOptions {
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "stream" => value.clone_into(&mut self.name),
            "replicas" => self.replicas = number(value)? as usize,
            "max_age" => self.max_age = Some(Duration::from_secs(number(value)?)),
            "max_bytes" => self.max_bytes = Some(number(value)?),
            "ack_wait" => self.ack_wait = Some(milliseconds(value)?),
            "max_attempts" => match u32::try_from(number(value)?) {
                Ok(attempts @ 1..) => self.max_attempts = Some(attempts),
                _ => return Err("it has to be a number from 1 on: the first delivery counts".to_owned()),
            },
            _ => {
                return Err("no such parameter; there are timeout, name, creds, ca, cert, key, version, and for \
                            jetstream:// also stream, replicas, max_age, max_bytes, ack_wait, max_attempts"
                    .to_owned());
            }
        }
        Ok(())
    }

    fn config(&self) -> stream::Config {
        stream::Config {
            name: self.name.clone(),
            subjects: vec![format!("{EVENT_PREFIX}>")],
            num_replicas: self.replicas,
            max_age: self.max_age.unwrap_or_default(),
            max_bytes: self.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            storage: stream::StorageType::File,
            ..stream::Config::default()
        }
    }
}

/// The stream of one bus.
pub(crate) struct Stream {
    context: jetstream::Context,
    stream: stream::Stream,
    options: StreamOptions,
    publisher: publisher::Publisher,
    /// Why events were refused on this bus that are not handled yet.
    failures: Arc<failures::Failures>,
}

impl Stream {
    pub(crate) async fn open(nats: &Client, config: &Config, end: &CancellationToken) -> Result<Self, Error> {
        let context = jetstream::ContextBuilder::new().timeout(config.timeout).build(nats.clone());
        let options = config.stream.clone();
        let stream =
            context.get_or_create_stream(options.config()).await.map_err(|source| unusable(&options, source))?;
        let publisher = publisher::Publisher::start(nats, end, config.timeout).await?;
        Ok(Self { context, stream, options, publisher, failures: Arc::default() })
    }

    pub(crate) async fn publish(&self, subject: Subject, frame: bytes::Bytes) -> Result<(), Error> {
        self.publisher.publish(subject, frame).await
    }

    pub(crate) async fn subscribe(
        &self,
        shared: &Shared,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> Result<Box<dyn EventSource>, Error> {
        shared.lifecycle.check()?;
        subscriber::subscribe(self, shared, filter, options).await
    }
}

fn unusable(options: &StreamOptions, source: jetstream::context::CreateStreamError) -> Error {
    use jetstream::context::CreateStreamErrorKind as Kind;
    let name = &options.name;
    let no_jetstream =
        |where_: &str, how: &str| format!("the NATS server has no JetStream{where_}; {how}, and nats:// needs none");
    let (kind, text) = match source.kind() {
        Kind::JetStreamUnavailable => (ErrorKind::Unsupported, no_jetstream("", "it is started with `-js`")),
        Kind::JetStream(error) if is_off(error.error_code()) => (
            ErrorKind::Unsupported,
            no_jetstream(" for this user's account", "an account has it with `jetstream: enabled`"),
        ),
        Kind::TimedOut => (
            ErrorKind::Timeout,
            format!(
                "the stream `{name}` cannot be looked up or made: the NATS server did not answer in time. It is busy, has no leader for \
                 its streams, or does not let this user publish to `$JS.API.STREAM.INFO.{name}` and `$JS.API.STREAM.CREATE.{name}`"
            ),
        ),
        Kind::JetStream(error) if error.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP => (
            ErrorKind::Refused,
            format!(
                "the stream `{name}` cannot be made: another stream takes subjects under `{EVENT_PREFIX}` already; name that one, \
                 with `stream=NAME` in the URL"
            ),
        ),
        _ => (ErrorKind::Refused, format!("the stream `{name}` cannot be used or made")),
    };
    Error::new(kind, format!("{text} ({source})")).with_source(source)
}

fn is_off(error: ErrorCode) -> bool {
    [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT].contains(&error)
}

fn failed(what: &str, source: impl Into<BoxError>) -> Error {
    let source = source.into();
    Error::new(ErrorKind::Storage, format!("JetStream: {what} ({source})")).with_source(source)
}

/// A name as one part of a subject, and as part of a consumer's name: a dot is written as a dash, anything else but letters,
/// digits, `_` and `@` as `=` and its number.
fn token(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'.' => token.push('-'),
            b'@' | b'_' => token.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => token.push(byte.into()),
            _ => token.push_str(&format!("={byte:02X}")),
        }
    }
    token
}
