//! Calls in: a listener that all services of the bus share, and a task per connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thriftwood_core::call::Handler;
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Shared};
use crate::connection::Accept;
use crate::error;
use crate::routes::{Routes, Site};
use crate::service::HttpService;

/// Connections that the system accepts before the server does.
const BACKLOG: u32 = 1024;

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    shared.lifecycle.check()?;
    let endpoint = &shared.endpoint;
    endpoint.path_of(&address).map_err(|problem| Error::new(ErrorKind::InvalidName, problem))?;
    let memory = Arc::clone(&shared.memory);
    let service = HttpService::new(handler, &shared.config, memory, options.concurrency);
    let tls = if endpoint.is_tls() { Some(acceptor(&shared.config, &endpoint.url())?) } else { None };
    let resolved = tokio::net::lookup_host(endpoint.bind_to()).await;
    let candidates: Vec<SocketAddr> = resolved.map_err(|source| error::listen(&endpoint.url(), source))?.collect();
    let listener = {
        let mut place = shared.listener();
        let listener = match &*place {
            Some(listener) => Arc::clone(listener),
            None => {
                let (socket, local_addr) =
                    bind(&candidates).map_err(|source| error::listen(&endpoint.url(), source))?;
                let listener = Arc::new(Listener::new(local_addr));
                listener.start(socket, tls, shared);
                Arc::clone(place.insert(listener))
            }
        };
        if !listener.routes.add(&address, &service) {
            let url = endpoint.url();
            let text = format!("`{address}` is served on this bus already; at {url} each address is served once");
            return Err(Error::new(ErrorKind::InvalidName, text));
        }
        listener
    };
    let local_addr = listener.local_addr.to_string();
    let shared = Arc::clone(shared);
    let serving = Arc::clone(&shared).lifecycle.serve(|stop| async move {
        stop.cancelled().await;
        listener.leave(&shared, &address).await;
        service.drain().await;
    });
    Ok(serving.listening_at(local_addr))
}

/// A socket that listens, the services behind it and the connections in front of it.
pub(crate) struct Listener {
    local_addr: SocketAddr,
    routes: Arc<Routes>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Listener {
    fn new(local_addr: SocketAddr) -> Self {
        Self { local_addr, routes: Arc::default(), stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Where it really listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    fn start(&self, socket: TcpListener, tls: Option<TlsAcceptor>, shared: &Shared) {
        let site = Arc::new(Site { endpoint: shared.endpoint.clone(), routes: Arc::clone(&self.routes) });
        let (config, stop, leave) = (shared.config.clone(), self.stop.clone(), CancellationToken::new());
        let accept = Accept { site, tls, config, stop, leave };
        self.tasks.spawn(accept.run(socket));
        self.tasks.close();
    }

    /// Ends a service: the last one, or all of them when the bus closes, with the listener and its connections.
    async fn leave(&self, shared: &Shared, address: &str) {
        let is_last = {
            let mut place = shared.listener();
            let is_last = shared.lifecycle.check().is_err() || !self.routes.remove_if_others(address);
            if is_last && place.as_ref().is_some_and(|listener| std::ptr::eq(&raw const **listener, self)) {
                *place = None;
            }
            is_last
        };
        if is_last {
            self.stop.cancel();
            self.tasks.wait().await;
        }
    }
}

fn bind(candidates: &[SocketAddr]) -> io::Result<(TcpListener, SocketAddr)> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for candidate in candidates {
        let bound = || {
            let socket = if candidate.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // A server that is started again need not wait for the connections of its predecessor to be forgotten.
            socket.set_reuseaddr(true)?;
            socket.bind(*candidate)?;
            let listener = socket.listen(BACKLOG)?;
            let local_addr = listener.local_addr()?;
            Ok((listener, local_addr))
        };
        match bound() {
            Ok(bound) => return Ok(bound),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn acceptor(config: &Config, url: &str) -> Result<TlsAcceptor, Error> {
    let Some(tls) = &config.server_tls else {
        let text = format!(
            "serving at {url} takes a certificate: add ?cert=FILE&key=FILE to the URL, or connect with `Config::server_tls` set"
        );
        return Err(Error::new(ErrorKind::Unsupported, text));
    };
    Ok(TlsAcceptor::from(tls.config(&["h2", "http/1.1"])?))
}
