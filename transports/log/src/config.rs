//! Connecting: from a directory to a bus over the logs in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error};
use tracing::warn;

use crate::settings::Settings;
use crate::shared::{Handle, Shared};
use crate::store::{Durability, GroupOptions, LogOptions};
use crate::{client, error, publisher, server, subscriber};

/// How to connect.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// How the logs in the directory are opened. [`retention`](LogOptions::retention) is for events: a group's position and calls
    /// without an answer are kept as long as they are needed. [`compaction`](LogOptions::compaction) is for events as well; it
    /// knows their keys and not their topics, so it fits scopes in which a key is used by one operation.
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
        Ok(self.open(dir).await?.bus())
    }

    /// The directory, to make buses over it and to serve it to other processes.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn open(self, dir: impl AsRef<Path>) -> Result<Directory, Error> {
        let (root, durability) = (dir.as_ref().to_owned(), self.durability);
        let opening = tokio::task::spawn_blocking(move || {
            let (settings, disk) = (Settings::of(&self), Arc::clone(&self.log.disk));
            let shared = Shared::open(root.clone(), self.log, self.groups)?;
            // For people; nothing here depends on them.
            if let Err(error) = settings.keep(&*disk, &root) {
                warn!(dir = %root.display(), %error, "the settings of the log cannot be kept beside it, so its page will not show them");
            }
            Ok::<_, Error>(shared)
        });
        let shared = opening.await.map_err(error::interrupted)??;
        Ok(Directory { handle: Arc::new(Handle(shared)), durability })
    }
}

/// An open directory of logs. It stays open for as long as there is one of its clones, buses, servers, clients or subscriptions.
#[derive(Clone)]
pub struct Directory {
    handle: Arc<Handle>,
    durability: Durability,
}

impl Directory {
    /// A bus over the logs in it. All of them are the same bus: closing one closes the directory.
    pub fn bus(&self) -> Bus {
        Bus::new(LogBus { handle: Arc::clone(&self.handle), durability: self.durability })
    }

    /// Serves the directory to other processes, which find it by `log://HOST:PORT`, `logs://HOST:PORT` or `log+unix:PATH`. `url` says where
    /// to listen, as one of these or as `tcp://HOST:PORT`, `tcps://HOST:PORT`, `unix:PATH`; a certificate in the configuration makes it TLS in
    /// any case. Stopping the server leaves the directory open.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let dir = folder.path();
    /// use thriftwood_log::{Config, ServeConfig};
    ///
    /// let directory = Config::default().open(dir).await?;
    /// let serving = directory.serve("log://127.0.0.1:0", ServeConfig::default()).await?;
    /// let url = format!("log://{}", serving.local_addr().unwrap_or_default());
    /// let bus = thriftwood_log::connect_remote(&url).await?;
    /// # bus.close().await?;
    /// # serving.stop().await;
    /// # Ok::<(), thriftwood_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Locked`](thriftwood_core::ErrorKind::Locked) when somebody listens there already,
    /// [`ErrorKind::Unreachable`](thriftwood_core::ErrorKind::Unreachable) when nobody can, and
    /// [`ErrorKind::InvalidUrl`](thriftwood_core::ErrorKind::InvalidUrl) when the URL, a certificate or the tokens are no good.
    #[cfg(feature = "remote")]
    pub async fn serve(&self, url: &str, config: crate::ServeConfig) -> Result<Serving, Error> {
        crate::remote::server::serve(&self.handle, url, config).await
    }
}

struct LogBus {
    handle: Arc<Handle>,
    durability: Durability,
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
        Box::pin(publisher::publish(&self.handle.0, topic, frame, publisher::durability(options, self.durability)))
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
