//! The bus over one NATS connection: made, used by every part, and let go of.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::PublishError;
use async_nats::client::traits::Publisher;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Subject};
use bytes::Bytes;
use futures_util::StreamExt;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::observe::{LateReplies, Observing};
use thriftwood_core::transport::{EventSource, Lifecycle, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind};

use crate::jetstream::Stream;
use crate::violations::Violations;
use crate::{Config, FRUGAL_MAX_PAYLOAD, client, error, publisher, server, subscriber};

/// A bus over the NATS server at `url`, such as `nats://127.0.0.1:4222`, or over several, divided by commas. Once connected,
/// a lost connection is made again by itself.
///
/// With `jetstream://` in place of `nats://`, events are kept: see [`StreamOptions`](crate::StreamOptions). Calls are the
/// same on both.
///
/// # Errors
/// [`ErrorKind::Unreachable`] when nothing answers there within the timeout, [`ErrorKind::InvalidUrl`] when the URL is not
/// one of NATS, [`ErrorKind::Refused`] when the server does not let this user in, [`ErrorKind::Unsupported`] when the
/// server has no JetStream.
pub async fn connect(url: &str) -> Result<Bus, Error> {
    Config::default().connect(url).await
}

impl Config {
    /// [`connect`], in this way; where the URL says otherwise, in that.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn connect(mut self, url: &str) -> Result<Bus, Error> {
        let servers = self.read(url)?;
        let violations = Violations::default();
        let options = violations.watch(self.options(&servers).await?);
        let connecting = tokio::time::timeout(self.timeout, options.connect(servers));
        let nats = match connecting.await {
            Ok(connected) => connected.map_err(|source| error::connect(url, source))?,
            Err(_) => {
                let (url, waited) = (error::without_password(url), self.timeout.as_millis());
                let text = format!("nothing answered at {url} within {waited} ms; is a nats-server running there?");
                return Err(Error::new(ErrorKind::Unreachable, text));
            }
        };
        let (lifecycle, late) = (Lifecycle::new(), LateReplies::default());
        let stream = match url.starts_with("jetstream:") {
            true => Some(Stream::open(&nats, &self, lifecycle.token()).await?),
            false => None,
        };
        let (timeout, version) = (self.timeout, self.version);
        let shared = Arc::new(Shared { nats, lifecycle, late, violations, timeout, version, stream });
        let calls = client::Calls::start(&shared).await?;
        Ok(Bus::new(Nats { shared, calls }))
    }
}

/// What every part of one bus uses.
pub(crate) struct Shared {
    pub(crate) nats: Client,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) late: LateReplies,
    pub(crate) violations: Violations,
    pub(crate) timeout: Duration,
    /// What services announce as their version.
    pub(crate) version: String,
    /// Where events are kept, on JetStream.
    pub(crate) stream: Option<Stream>,
}

impl Shared {
    /// Gives a message to the connection. What takes a name takes it by reference and copies it; this way its memory is handed on.
    pub(crate) async fn publish(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.nats.publish_message(OutboundMessage { subject, reply, payload, headers: None }).await
    }

    /// The largest payload that can be sent, in bytes.
    pub(crate) fn max_payload(&self) -> usize {
        self.nats.max_payload().min(FRUGAL_MAX_PAYLOAD)
    }

    /// Sends what is still to be sent, and closes the connection.
    async fn disconnect(&self) -> Result<(), Error> {
        let leave = async {
            self.nats.flush().await.map_err(error::bus)?;
            self.nats.drain().await.map_err(error::bus)
        };
        match tokio::time::timeout(self.timeout, leave).await {
            Ok(left) => left,
            Err(_) => {
                let text = format!(
                    "the NATS connection is down, and was not made again within {} ms; what was still to be sent is lost",
                    self.timeout.as_millis()
                );
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    /// Waits until the server has acted on a subscription to this subject, and fails where it said that it does not permit it.
    pub(crate) async fn subscribed(&self, subject: &str) -> Result<(), Error> {
        // What the server says of it comes before the answer of the first round trip, but by way of another task; by the answer of
        // the second that has had its turn.
        for _ in 0..2 {
            self.round_trip().await?;
            if let Some(violation) = self.violations.take(subject) {
                let text = format!(
                    "the NATS server does not let this user subscribe to `{subject}` ({violation}); its `permissions` say to what"
                );
                return Err(Error::new(ErrorKind::Refused, text));
            }
        }
        Ok(())
    }

    /// Forgets what the server said of this subject before.
    pub(crate) fn subscribing(&self, subject: &str) {
        while self.violations.take(subject).is_some() {}
    }

    /// Waits until the server has acted on everything sent so far. A flush only empties this side's buffer; a message to
    /// oneself comes back after the server has seen the subscriptions before it.
    pub(crate) async fn round_trip(&self) -> Result<(), Error> {
        let inbox = Subject::from(self.nats.new_inbox());
        let there_and_back = async {
            let mut echo = self.nats.subscribe(inbox.clone()).await.map_err(error::bus)?;
            self.nats.publish(inbox, Bytes::new()).await.map_err(error::bus)?;
            echo.next().await.ok_or_else(error::closed)
        };
        match tokio::time::timeout(self.timeout, there_and_back).await {
            Ok(echo) => echo.map(drop),
            Err(_) => {
                let text = format!("the NATS server did not answer within {} ms", self.timeout.as_millis());
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

struct Nats {
    shared: Arc<Shared>,
    calls: Arc<client::Calls>,
}

impl Transport for Nats {
    fn scheme(&self) -> &'static str {
        if self.shared.stream.is_some() { "jetstream" } else { "nats" }
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(client::Channel::new(Arc::clone(&self.calls), address))
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(server::serve(&self.shared, address, handler, options))
    }

    fn publish_at_once(&self, topic: &Topic, frame: &[u8], options: PublishOptions) -> Option<Result<(), Error>> {
        publisher::publish_at_once(&self.shared, topic, frame, options)
    }

    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>> {
        publisher::publish(&self.shared, topic, frame, options)
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async move {
            match &self.shared.stream {
                None => subscriber::subscribe(&self.shared, filter, options).await,
                Some(stream) => stream.subscribe(&self.shared, filter, options).await,
            }
        })
    }

    fn watch(&self, observing: &Observing) {
        self.shared.late.watch(observing);
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if self.shared.lifecycle.check().is_err() {
                return Ok(());
            }
            // Servers drain their own subscriptions and answer what they have before this returns.
            self.shared.lifecycle.close().await;
            self.shared.disconnect().await
        })
    }
}
