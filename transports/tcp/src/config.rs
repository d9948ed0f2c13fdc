//! From a URL to a bus. Nothing is opened before the first call or the first server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::frame::DEFAULT_MAX_FRAME;
use thriftwood_core::observe::{LateReplies, Observing};
use thriftwood_core::transport::{EventSource, Lifecycle, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error};
use thriftwood_socket::Endpoint;
use thriftwood_tls::{ClientTls, ServerTls, from_options};

use crate::server::Listener;
use crate::{client, dial, error, server};

/// How to connect and how to serve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long one attempt to connect may take, and how long a server waits for a client to shake hands.
    pub connect_timeout: Duration,
    /// The largest frame read or written, in bytes without the leading size.
    pub max_frame: usize,
    /// How long the other end may be silent, without even acknowledging what was sent, before the connection counts as lost. In
    /// whole seconds, at least 4.
    pub silence: Duration,
    /// How long a server waits for the rest of a frame that has begun, and for a peer to take what is written to it, before it
    /// gives the connection up. A connection on which nothing is under way may be silent for as long as it likes.
    pub stall: Duration,
    /// Whom a caller trusts on `tcps://`, and the certificate it shows.
    pub client_tls: ClientTls,
    /// The certificate of a server on `tcps://`, and whom it lets in. A server there cannot be without one.
    pub server_tls: Option<ServerTls>,
    /// On how many threads of its own a server runs, each with a socket that shares the port (`SO_REUSEPORT`) and a runtime for
    /// its connections alone. With 0 they run on the runtime that serves. Handlers must not block such a thread: nobody takes
    /// over what else is on it.
    pub threads: usize,
    /// The most connections a server has at once; further ones wait until one ends.
    pub max_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            max_frame: DEFAULT_MAX_FRAME,
            silence: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            client_tls: ClientTls::new(),
            server_tls: None,
            threads: 0,
            max_connections: 10_000,
        }
    }
}

impl Config {
    /// The end that a URL names, or several ends, and the configuration in the options behind it: those of
    /// [`thriftwood_tls::from_options`], on `tcps://`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`](thriftwood_core::ErrorKind::InvalidUrl) for options that are no good.
    pub fn from_url(url: &str) -> Result<(String, Self), Error> {
        let mut config = Self::default();
        // The path of a unix socket may have a question mark in it.
        let Some((server, options)) = url.split_once('?').filter(|_| !url.starts_with("unix:")) else {
            return Ok((url.to_owned(), config));
        };
        if server.starts_with("tcp:") {
            return Err(error::invalid_url(url, "options are about certificates, and for tcps://"));
        }
        (config.client_tls, config.server_tls) =
            from_options(options).map_err(|problem| error::invalid_url(server, &problem))?;
        Ok((server.to_owned(), config))
    }
}

/// A bus to, or at, the `tcp://HOST:PORT`, `tcps://HOST:PORT` (with TLS) or `unix:PATH` that the URL names. Nothing is opened yet: the first call connects,
/// [`Bus::serve`] listens.
///
/// A server may listen on port 0 and have the system choose; [`Serving::local_addr`] tells which it is, and the bus itself
/// calls that.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`](thriftwood_core::ErrorKind::InvalidUrl) when the URL is not one of these.
pub fn connect(url: &str, config: Config) -> Result<Bus, Error> {
    let endpoint = Endpoint::parse(url).map_err(|problem| error::invalid_url(url, problem))?;
    let shared = Arc::new(Shared {
        endpoint,
        config,
        lifecycle: Lifecycle::new(),
        late: LateReplies::default(),
        listener: Mutex::new(None),
    });
    let peer = Arc::new(dial::Peer::new(Arc::clone(&shared)));
    Ok(Bus::new(Tcp { shared, peer }))
}

/// What every part of one bus uses.
pub(crate) struct Shared {
    pub(crate) endpoint: Endpoint,
    pub(crate) config: Config,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) late: LateReplies,
    /// Where this bus listens, while it serves.
    listener: Mutex<Option<Arc<Listener>>>,
}

impl Shared {
    /// The lock guards a pointer; it is held while a socket is bound, so that only one is.
    pub(crate) fn listener(&self) -> MutexGuard<'_, Option<Arc<Listener>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end to call: where this bus listens itself, so that port 0 works, and else where its URL points.
    pub(crate) fn target(&self) -> Endpoint {
        let listening = self.listener().as_ref().map(|listener| listener.endpoint().clone());
        listening.unwrap_or_else(|| self.endpoint.clone()).callable()
    }
}

struct Tcp {
    shared: Arc<Shared>,
    peer: Arc<dial::Peer>,
}

impl Transport for Tcp {
    fn scheme(&self) -> &'static str {
        self.shared.endpoint.scheme()
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(client::Channel::new(Arc::clone(&self.peer), address))
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(server::serve(&self.shared, address, handler, options))
    }

    fn publish<'a>(&'a self, _: &'a Topic, _: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.shared.lifecycle.check()?;
            Err(error::unsupported("publishing", self.scheme()))
        })
    }

    fn subscribe(&self, _: TopicFilter, _: SubscribeOptions) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async move {
            self.shared.lifecycle.check()?;
            Err(error::unsupported("subscribing", self.scheme()))
        })
    }

    fn watch(&self, observing: &Observing) {
        self.shared.late.watch(observing);
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.shared.lifecycle.close().await;
            // Calls under way hold the connection themselves, until they have their replies.
            self.peer.hang_up();
            Ok(())
        })
    }
}
