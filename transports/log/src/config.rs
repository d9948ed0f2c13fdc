//! Connecting: from a directory to a bus over the logs in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{self, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error};

use crate::shared::{Handle, Shared};
use crate::store::{Durability, GroupOptions, LogOptions};
use crate::{client, error, publisher, server, subscriber};

/// How to connect.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// How the logs in the directory are opened. [`retention`](LogOptions::retention) is for events: a group's position and calls
    /// without an answer are kept as long as they are needed.
    pub log: LogOptions,
    /// What a publish waits for, unless its [context says otherwise](thriftwood_core::Context::with_durability).
    pub durability: Durability,
    /// How groups deliver events.
    pub groups: Redelivery,
}

/// How events are delivered to a group that are not acknowledged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redelivery {
    /// How long an event that was given back waits before its second delivery; doubled for each further one. 100 ms.
    pub first_delay: Duration,
    /// The longest of these waits. A minute.
    pub max_delay: Duration,
    /// How long a subscriber may have an event before it is handed to another. `None`: as long as the subscription lives.
    pub deadline: Option<Duration>,
    /// After so many deliveries without an acknowledgement an event goes to the dead letters of the group, a log beside its
    /// position: `streams/STREAM/groups/GROUP/PATTERN/dead`. `None`: it is delivered for ever.
    pub max_attempts: Option<u32>,
}

impl Default for Redelivery {
    fn default() -> Self {
        let GroupOptions { first_delay, max_delay, deadline, max_attempts, .. } = GroupOptions::default();
        Self { first_delay, max_delay, deadline, max_attempts }
    }
}

/// A bus over the logs in this directory, which is made if it is not there. The bus has the directory for itself until it
/// is closed, or until the last of its clones, clients and subscriptions is dropped; dropping waits for what was written to
/// be on the disk.
///
/// # Errors
/// [`ErrorKind::Locked`](thriftwood_core::ErrorKind::Locked) when another process has the directory, or another bus of this
/// one; [`ErrorKind::Storage`](thriftwood_core::ErrorKind::Storage) when the directory cannot be used.
pub async fn connect(dir: impl AsRef<Path>) -> Result<Bus, Error> {
    Config::default().connect(dir).await
}

/// A bus over the logs that a URL names, given what stands behind its `log:`: see [`Config::from_url`].
///
/// # Errors
/// As [`Config::from_url`] and [`connect`].
pub async fn connect_url(rest: &str) -> Result<Bus, Error> {
    let (dir, config) = Config::from_url(rest)?;
    config.connect(dir).await
}

impl Config {
    /// [`connect`], in this way.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn connect(self, dir: impl AsRef<Path>) -> Result<Bus, Error> {
        let (root, durability) = (dir.as_ref().to_owned(), self.durability);
        let opening = tokio::task::spawn_blocking(move || Shared::open(root, self.log, self.groups));
        let shared = opening.await.map_err(error::interrupted)??;
        Ok(Bus::new(LogBus { handle: Arc::new(Handle(shared)), durability }))
    }
}

struct LogBus {
    handle: Arc<Handle>,
    durability: Durability,
}

impl LogBus {
    fn durability_of(&self, options: PublishOptions) -> Durability {
        match options.durability {
            Some(event::Durability::Durable) => Durability::Durable,
            Some(event::Durability::Buffered) => Durability::Buffered,
            None => self.durability,
        }
    }
}

impl Transport for LogBus {
    fn scheme(&self) -> &'static str {
        "log"
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(client::Channel::new(Arc::clone(&self.handle), address))
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(server::serve(&self.handle.0, address, handler, options))
    }

    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(publisher::publish(&self.handle.0, topic, frame, self.durability_of(options)))
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(subscriber::subscribe(&self.handle, filter, options))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.handle.0.close())
    }
}
