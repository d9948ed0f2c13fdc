//! From a URL to a bus. Nothing is opened before the first call or the first server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::frame::DEFAULT_MAX_FRAME;
use thriftwood_core::transport::{EventSource, Lifecycle, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error};
use thriftwood_tls::{ClientTls, ServerTls, from_options};
use tokio::sync::Semaphore;

use crate::endpoint::Endpoint;
use crate::server::Listener;
use crate::{client, error, server};

/// How to call and how to serve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The largest frame read or written, in bytes with the leading size.
    pub max_frame: usize,
    /// How long a client tries to connect.
    pub connect_timeout: Duration,
    /// The most calls of one bus under way at once over HTTP/1.1, each of which has a connection to itself; further ones
    /// wait for one. Over HTTP/2 all share one.
    pub calls: usize,
    /// How long a client keeps a connection that nobody uses. Less than the `head_timeout` of the server, which closes it
    /// then. Over HTTP/2 also how often a client makes sure that the other end is still there.
    pub idle_timeout: Duration,
    /// Headers of every request, such as `authorization`. Those that Frugal's convention sets come from the convention.
    pub headers: HeaderMap,
    /// Whom a client trusts and what it shows at an `https:` URL; by default the system's authorities, and nothing.
    pub client_tls: ClientTls,
    /// The certificate of a server at an `https:` URL, and whom it lets in. There is no default.
    pub server_tls: Option<ServerTls>,
    /// The most connections of a server at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// The most calls a server takes at once from one connection over HTTP/2.
    pub max_streams: u32,
    /// The most bytes of requests that a server holds at once, those of calls under way included; a request over that is
    /// refused as overloaded.
    pub max_buffered: usize,
    /// How long a server waits for the head of the first request, and of each further one.
    pub head_timeout: Duration,
    /// How long a server waits for the body of a request, and for a client to read any more of its answer.
    pub body_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame: DEFAULT_MAX_FRAME + 4,
            connect_timeout: Duration::from_secs(5),
            calls: 256,
            idle_timeout: Duration::from_secs(20),
            headers: HeaderMap::new(),
            client_tls: ClientTls::new(),
            server_tls: None,
            max_connections: 4096,
            max_streams: 1024,
            max_buffered: 256 * 1024 * 1024,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The end that a URL names, or several ends, and the configuration in the options behind it: those of
    /// [`from_options`](crate::tls::from_options), on `https://`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`](thriftwood_core::ErrorKind::InvalidUrl) for options that are no good.
    pub fn from_url(url: &str) -> Result<(String, Self), Error> {
        let mut config = Self::default();
        let Some((server, options)) = url.split_once('?').filter(|_| url.starts_with("https:")) else {
            return Ok((url.to_owned(), config));
        };
        (config.client_tls, config.server_tls) =
            from_options(options).map_err(|problem| Endpoint::invalid(server, &problem))?;
        Ok((server.to_owned(), config))
    }
}

/// A bus to, or at, the `http://HOST:PORT/PATH` or `https://HOST:PORT/PATH` that the URL names. The service at an address is found at the URL with the
/// address as one more part of its path. Nothing is opened yet: the first call connects, [`Bus::serve`] listens.
///
/// A server may listen on port 0 and have the system choose; the bus itself then calls that port.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`](thriftwood_core::ErrorKind::InvalidUrl) when the URL is not one of HTTP.
pub fn connect(url: &str, config: Config) -> Result<Bus, Error> {
    let endpoint = Endpoint::parse(url)?;
    let memory = Arc::new(Semaphore::new(config.max_buffered.min(Semaphore::MAX_PERMITS)));
    let shared = Arc::new(Shared { endpoint, config, lifecycle: Lifecycle::new(), memory, listener: Mutex::new(None) });
    let calls = Arc::new(client::Calls::new(Arc::clone(&shared)));
    Ok(Bus::new(Http { shared, calls }))
}

/// What every part of one bus uses.
pub(crate) struct Shared {
    pub(crate) endpoint: Endpoint,
    pub(crate) config: Config,
    pub(crate) lifecycle: Lifecycle,
    /// A permit for each byte of all requests that are held.
    pub(crate) memory: Arc<Semaphore>,
    /// Where this bus listens, while it serves.
    listener: Mutex<Option<Arc<Listener>>>,
}

impl Shared {
    /// The lock guards a pointer; it is held while a socket is bound, so that only one is.
    pub(crate) fn listener(&self) -> MutexGuard<'_, Option<Arc<Listener>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Http {
    shared: Arc<Shared>,
    calls: Arc<client::Calls>,
}

impl Transport for Http {
    fn scheme(&self) -> &'static str {
        self.shared.endpoint.scheme_name()
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

    fn publish<'a>(&'a self, _: &'a Topic, _: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.shared.lifecycle.check()?;
            Err(error::unsupported("publishing"))
        })
    }

    fn subscribe(&self, _: TopicFilter, _: SubscribeOptions) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async move {
            self.shared.lifecycle.check()?;
            Err(error::unsupported("subscribing"))
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.shared.lifecycle.close().await;
            Ok(())
        })
    }
}
