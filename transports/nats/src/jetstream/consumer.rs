//! The durable consumer that keeps a group's position: made, or found and made fit.

use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::{AckPolicy, Config, Consumer, DeliverPolicy, FromConsumer, PullConsumer, pull};
use async_nats::jetstream::context::{ConsumerInfoError, ConsumerInfoErrorKind};
use async_nats::jetstream::stream;
use thriftwood_core::{Error, ErrorKind};
use tracing::info;

use super::acker::Generation;
use super::{Stream, StreamOptions, failed, token};

/// How long a member may have an event, for a consumer that is made here and was not told.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// A consumer serves one group and one filter, and is named by both. Dots, stars and the like cannot be in its name.
pub(super) fn name(group: &str, subject: &str) -> String {
    token(&format!("{group}@{subject}"))
}

/// How long a member may have an event. A consumer that somebody gave a `backoff` allows another time for each delivery; this is
/// the shortest of them.
pub(super) fn ack_wait(consumer: &PullConsumer) -> Duration {
    let config = &consumer.cached_info().config;
    config.backoff.iter().copied().min().unwrap_or(config.ack_wait)
}

/// Which consumer a group's member needs, and where.
pub(super) struct Needed {
    stream: stream::Stream,
    /// When that was made, by the last look at it.
    created: DateTime,
    /// When the consumer was, while there is one.
    consumer: Option<DateTime>,
    /// Which consumer it is.
    pub(super) generation: Generation,
    options: StreamOptions,
    group: String,
    subject: String,
    pub(super) name: String,
}

impl Needed {
    pub(super) fn new(stream: &Stream, group: &str, subject: &str) -> Self {
        let (name, options) = (name(group, subject), stream.options.clone());
        let created = stream.stream.cached_info().created;
        Self {
            stream: stream.stream.clone(),
            created,
            consumer: None,
            generation: Generation::default(),
            options,
            group: group.to_owned(),
            subject: subject.to_owned(),
            name,
        }
    }

    /// The consumer. One that is there is used with what it was made with, but for what the options say of how often and how
    /// soon an event comes again.
    pub(super) async fn find_or_make(&mut self, policy: DeliverPolicy) -> Result<PullConsumer, Error> {
        let config = pull::Config {
            durable_name: Some(self.name.clone()),
            description: Some(format!("group {} on {}", self.group, self.subject)),
            filter_subject: self.subject.clone(),
            deliver_policy: policy,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.options.ack_wait.unwrap_or(ACK_WAIT),
            // What is delivered too often is for a member to see to; the server would leave it out without a word.
            max_deliver: -1,
            ..Default::default()
        };
        let consumer: PullConsumer = self
            .stream
            .get_or_create_consumer(&self.name, config)
            .await
            .map_err(|source| failed("the group's consumer cannot be made", source))?;
        self.found(consumer).await
    }

    /// The consumer, when the server gives a member no events from it, for this reason. One that somebody removed is not made again:
    /// with it went the group's position, and the whole stream would be handled once more. But where the stream itself was made
    /// again, the group begins with it.
    pub(super) async fn find_again(&mut self, reason: &str) -> Result<PullConsumer, Error> {
        let source = match self.stream.get_consumer::<pull::Config>(&self.name).await {
            Ok(found) => return self.found(found).await,
            Err(source) => source,
        };
        let missing = source.downcast_ref::<ConsumerInfoError>().map(ConsumerInfoError::kind);
        if matches!(missing, Some(ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound)) {
            self.is_now(None);
        }
        let (name, stream) = (&self.name, &self.options.name);
        let (kind, text) = match missing {
            Some(ConsumerInfoErrorKind::NotFound) => {
                let created = self.stream.get_info().await.map(|info| info.created);
                if let Ok(created) = created
                    && created != self.created
                {
                    info!(consumer = name, stream, "the stream was made again, and the group's consumer with it");
                    return self.find_or_make(DeliverPolicy::All).await;
                }
                let text = format!(
                    "the consumer `{name}` of the stream `{stream}` was removed, and with it the group's position; events wait in the stream. \
                     Subscribing anew makes it again, from the first event that is kept where `start` says nothing else, and so does \
                     `nats consumer add`; the members that are there go on with it then"
                );
                (ErrorKind::Refused, text)
            }
            Some(ConsumerInfoErrorKind::StreamNotFound) => {
                let text = format!(
                    "the stream `{stream}` was removed, and with it its events and the group's position; whatever connects with jetstream:// \
                     makes it again, and the group begins with it then"
                );
                (ErrorKind::Refused, text)
            }
            Some(ConsumerInfoErrorKind::TimedOut | ConsumerInfoErrorKind::NoResponders) => {
                (ErrorKind::Timeout, format!("the NATS server does not say whether there still is a consumer `{name}`"))
            }
            _ => (ErrorKind::Storage, format!("the consumer `{name}` cannot be found: {source}")),
        };
        Err(Error::new(kind, format!("no events come: {text} ({reason})")).with_source(source))
    }

    /// It is there, and so is its stream: which may be another than the last time. Whoever went by the old one would take a consumer
    /// that is removed later for one that went with its stream, and make it again from the first event.
    async fn found(&mut self, consumer: PullConsumer) -> Result<PullConsumer, Error> {
        self.is_now(Some(consumer.cached_info().created));
        let consumer = self.made_fit(consumer).await?;
        let stream = self.stream.get_info().await.map_err(|source| failed("its state cannot be read", source))?;
        self.created = stream.created;
        Ok(consumer)
    }

    /// There is the consumer that was made then, or none.
    fn is_now(&mut self, consumer: Option<DateTime>) {
        if self.consumer != consumer {
            self.consumer = consumer;
            self.generation.pass();
        }
    }

    async fn made_fit(&self, found: PullConsumer) -> Result<PullConsumer, Error> {
        let name = &self.name;
        let refused = |text: String| Error::new(ErrorKind::Refused, format!("the consumer `{name}` {text}"));
        let has = &found.cached_info().config;
        if has.ack_policy != AckPolicy::Explicit || has.headers_only {
            let text = format!(
                "was made by something else, with the acknowledgement policy {:?} and {}; a group needs `explicit`, and whole \
                 events. Name the group otherwise, or remove the consumer, and with it the group's position",
                has.ack_policy,
                if has.headers_only { "headers only" } else { "whole events" },
            );
            return Err(refused(text));
        }
        let Some(wanted) = changed(&self.options, has) else { return Ok(found) };
        let differs = format!(
            "delivers {} times with ack_wait {:?}, and the URL needs {} times and {:?}",
            times(has.max_deliver),
            has.ack_wait,
            times(wanted.max_deliver),
            wanted.ack_wait
        );
        let (deliver, wait) = (wanted.max_deliver, wanted.ack_wait);
        let cannot =
            |why: String| refused(format!("{differs}; it cannot be changed ({why}): `nats consumer edit` can"));
        let invalid = |source: async_nats::Error| cannot(source.to_string());
        let config = pull::Config::try_from_consumer_config(wanted).map_err(invalid)?;
        let updated: Consumer<pull::Config> = self
            .stream
            .create_consumer(config)
            .await
            .map_err(|source| cannot(source.to_string()).with_source(source))?;
        let is = &updated.cached_info().config;
        if (is.max_deliver, is.ack_wait) != (deliver, wait) {
            return Err(cannot("the server kept what it had".to_owned()));
        }
        info!(consumer = name, "the group's consumer was changed: it {differs}");
        Ok(updated)
    }
}

/// What the consumer is to be, when it is not that: with a limit of its own, however high, it would have the server leave out
/// an event that is not a dead letter yet, since burials that fail are deliveries too.
fn changed(options: &StreamOptions, has: &Config) -> Option<Config> {
    let mut wanted = has.clone();
    if options.max_attempts.is_some() && has.max_deliver > 0 {
        wanted.max_deliver = -1;
    }
    if let Some(wait) = options.ack_wait
        && has.backoff.is_empty()
    {
        wanted.ack_wait = wait;
    }
    ((wanted.max_deliver, wanted.ack_wait) != (has.max_deliver, has.ack_wait)).then_some(wanted)
}

fn times(max_deliver: i64) -> String {
    if max_deliver > 0 { format!("at most {max_deliver}") } else { "any number of".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_consumer_is_named_by_its_group_and_its_filter() {
        assert_eq!(name("mailer", "frugal.v1.*.Winner"), "mailer@frugal-v1-=2A-Winner");
        assert_ne!(name("a-b", "x"), name("a.b", "x"));
    }
}
