//! Events kept by JetStream: one stream takes what is published to any scope, consumers keep the positions of groups.
//!
//! Subjects and payloads are those of core NATS, so Frugal's peers can publish to the stream and hear what is published to
//! it without knowing that it is there.

mod publisher;
mod subscriber;

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, Subject};
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
    /// How long a group's member may take to acknowledge an event before it is delivered to another.
    pub ack_wait: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            name: "FRUGAL".to_owned(),
            replicas: 1,
            max_age: None,
            max_bytes: None,
            ack_wait: Duration::from_secs(30),
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
            "ack_wait" => self.ack_wait = milliseconds(value)?,
            _ => {
                return Err("no such parameter; there are timeout, name, creds, ca, cert, key, version, and for \
                            jetstream:// also stream, replicas, max_age, max_bytes, ack_wait"
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
    stream: stream::Stream,
    ack_wait: Duration,
    publisher: publisher::Publisher,
}

impl Stream {
    pub(crate) async fn open(nats: &Client, config: &Config, end: &CancellationToken) -> Result<Self, Error> {
        let context = jetstream::ContextBuilder::new().timeout(config.timeout).build(nats.clone());
        let options = &config.stream;
        let stream = context.get_or_create_stream(options.config()).await.map_err(|source| {
            use jetstream::context::CreateStreamErrorKind as Kind;
            let (kind, text) = match source.kind() {
                Kind::JetStreamUnavailable | Kind::TimedOut => (
                    ErrorKind::Unsupported,
                    "the NATS server has no JetStream; it is started with `-js`, and nats:// needs none".to_owned(),
                ),
                Kind::JetStream(error) if error.error_code() == jetstream::ErrorCode::STREAM_SUBJECT_OVERLAP => (
                    ErrorKind::Refused,
                    format!(
                        "the stream `{}` cannot be made: another stream takes subjects under `{EVENT_PREFIX}` already; name \
                         that one, with `stream=NAME` in the URL",
                        options.name
                    ),
                ),
                _ => (ErrorKind::Refused, format!("the stream `{}` cannot be used or made", options.name)),
            };
            Error::new(kind, format!("{text} ({source})")).with_source(source)
        })?;
        let publisher = publisher::Publisher::start(nats, end, config.timeout).await?;
        Ok(Self { stream, ack_wait: options.ack_wait, publisher })
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
