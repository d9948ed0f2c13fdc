//! Calls in: a listener that all services of the bus share, and a task per connection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thriftwood_core::call::Handler;
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::answer::{Code, Refused};
use crate::body::AnswerBody;
use crate::config::{Config, Shared};
use crate::endpoint::Endpoint;
use crate::error;
use crate::service::{HttpService, Limits};

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

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
    let limits = Limits {
        max_frame: shared.config.max_frame,
        body_timeout: shared.config.body_timeout,
        concurrency: options.concurrency.clamp(1, Semaphore::MAX_PERMITS),
    };
    let service = HttpService::new(handler, &limits);
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
                listener.start(socket, shared);
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

    fn start(&self, socket: TcpListener, shared: &Shared) {
        let site = Arc::new(Site { endpoint: shared.endpoint.clone(), routes: Arc::clone(&self.routes) });
        let accept = Accept { site, config: shared.config.clone(), stop: self.stop.clone() };
        self.tasks.spawn(accept.run(socket));
        self.tasks.close();
    }

    /// Ends a service: the last one, or all of them when the bus closes, with the listener and its connections.
    async fn leave(&self, shared: &Shared, address: &str) {
        let is_last = {
            let mut place = shared.listener();
            let is_last = self.routes.remove(address) || shared.lifecycle.check().is_err();
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

/// The services by their addresses.
#[derive(Default)]
struct Routes(Mutex<BTreeMap<String, HttpService>>);

impl Routes {
    fn add(&self, address: &str, service: &HttpService) -> bool {
        let mut routes = self.lock();
        let is_new = !routes.contains_key(address);
        if is_new {
            routes.insert(address.to_owned(), service.clone());
        }
        is_new
    }

    /// True when there are no others.
    fn remove(&self, address: &str) -> bool {
        let mut routes = self.lock();
        routes.remove(address);
        routes.is_empty()
    }

    /// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, HttpService>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is served at one URL.
struct Site {
    endpoint: Endpoint,
    routes: Arc<Routes>,
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        match self.find(request.uri().path()) {
            Ok(service) => service.answer(request).await,
            Err(refused) => refused.into(),
        }
    }

    /// The service a path leads to. That of the URL itself leads to the only service, as Frugal's clients have it, which
    /// are given a URL and know no addresses.
    fn find(&self, path: &str) -> Result<HttpService, Refused> {
        let routes = self.routes.lock();
        let parts = self.endpoint.parts_of(path);
        let address = parts.as_ref().map(|parts| parts.first());
        let found = match address {
            Some(Some(address)) => routes.get(address),
            Some(None) if routes.len() == 1 => routes.values().next(),
            _ => None,
        };
        found.cloned().ok_or_else(|| {
            let served: Vec<String> = routes
                .keys()
                .filter_map(|address| self.endpoint.path_of(address).ok())
                .map(|path| path.to_string())
                .collect();
            Refused::new(Code::NotServed, format!("nobody serves {path}; served here: {}", served.join(", ")))
        })
    }
}

/// What accepting connections takes.
struct Accept {
    site: Arc<Site>,
    config: Config,
    stop: CancellationToken,
}

impl Accept {
    /// Accepts until it is stopped, then lets the connections finish what they have.
    async fn run(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(self.config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &room) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = self.connection(stream);
                    connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        let (site, stop, patience) = (Arc::clone(&self.site), self.stop.clone(), self.config.head_timeout);
        async move {
            let answer = service_fn(|request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.answer(request).await) }
            });
            let mut http1 = http1::Builder::new();
            http1.timer(TokioTimer::new()).header_read_timeout(patience);
            let mut connection = std::pin::pin!(http1.serve_connection(TokioIo::new(stream), answer));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%error, "a connection ended badly");
            }
        }
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}
