//! Calls in: a listener that all services of the bus share, and a task per connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::call::Handler;
use thriftwood_core::connection::{ConnectionOptions, serve_connection};
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::config::{Config, Shared};
use crate::endpoint::Endpoint;
use crate::routes::Routes;
use crate::socket::{self, Socket};
use crate::stream::{Kind, Stream};
use crate::thrift::{Client, Plain, TELLING};
use crate::{error, tls};

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    shared.lifecycle.check()?;
    let addresses =
        socket::resolve(&shared.endpoint).await.map_err(|source| error::listen(&shared.endpoint, source))?;
    let tls = tls::acceptor(&shared.endpoint, &shared.config)?;
    let mut place = shared.listener();
    let listener = match &*place {
        Some(listener) => {
            if !listener.routes.add(&address, handler) {
                let text = format!(
                    "`{address}` is served on this bus already; on {} each address is served once",
                    shared.endpoint
                );
                return Err(Error::new(ErrorKind::InvalidName, text));
            }
            Arc::clone(listener)
        }
        None => {
            let bound = socket::bind(&shared.endpoint, &addresses, &shared.config);
            let (socket, endpoint) = bound.map_err(|source| error::listen(&shared.endpoint, source))?;
            let listener = Arc::new(Listener::new(endpoint));
            listener.routes.add(&address, handler);
            listener.start(socket, tls, &shared.config, options.concurrency);
            Arc::clone(place.insert(listener))
        }
    };
    drop(place);
    let local_addr = listener.endpoint.local_part();
    let shared = Arc::clone(shared);
    let serving = Arc::clone(&shared).lifecycle.serve(|stop| async move {
        stop.cancelled().await;
        listener.leave(&shared, &address).await;
    });
    Ok(serving.listening_at(local_addr))
}

/// A socket that listens, the services behind it and the connections in front of it.
pub(crate) struct Listener {
    endpoint: Endpoint,
    routes: Arc<Routes>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Listener {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, routes: Arc::default(), stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Where it really listens.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn start(&self, socket: Socket, tls: Option<TlsAcceptor>, config: &Config, concurrency: usize) {
        let mut connection = ConnectionOptions::default();
        (connection.max_frame, connection.concurrency) = (config.max_frame, concurrency);
        let accept = Accept {
            routes: Arc::clone(&self.routes),
            connection,
            tls,
            stop: self.stop.clone(),
            config: config.clone(),
        };
        self.tasks.spawn(accept.run(socket));
        self.tasks.close();
    }

    /// Ends a service: the last one, or all of them when the bus closes, with the listener and its connections.
    async fn leave(&self, shared: &Shared, address: &str) {
        let others = {
            let mut place = shared.listener();
            let others = match shared.lifecycle.check() {
                Ok(()) => self.routes.remove_if_others(address),
                Err(_) => None,
            };
            if others.is_none() && place.as_ref().is_some_and(|listener| std::ptr::eq(&**listener, self)) {
                *place = None;
            }
            others
        };
        match others {
            Some(calls_end) => calls_end.await,
            None => {
                self.stop.cancel();
                self.tasks.wait().await;
            }
        }
    }
}

/// What accepting connections takes.
struct Accept {
    routes: Arc<Routes>,
    connection: ConnectionOptions,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
    config: Config,
}

impl Accept {
    /// Accepts until it is stopped, then lets the connections finish what they have.
    async fn run(self, socket: Socket) {
        let this = Arc::new(self);
        let room = Arc::new(Semaphore::new(this.config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = this.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&socket, &room) => accepted,
            };
            match accepted {
                Ok((socket, permit)) => {
                    let connection = Arc::clone(&this);
                    connections.spawn(async move {
                        connection.serve(socket).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(socket);
        while connections.join_next().await.is_some() {}
    }

    /// Shakes hands where TLS is spoken, sees who is there, and serves.
    async fn serve(&self, socket: Kind) {
        let peer = socket.peer();
        let socket = match &self.tls {
            None => socket,
            Some(acceptor) => {
                let within = tokio::time::timeout(self.config.connect_timeout, tls::accept(socket, acceptor));
                let shaken = tokio::select! {
                    () = self.stop.cancelled() => return,
                    shaken = within => shaken.unwrap_or_else(|_| Err("it took too long over the handshake".to_owned())),
                };
                match shaken {
                    Ok(socket) => socket,
                    Err(problem) => return warn!(peer, problem, "a client could not be let in"),
                }
            }
        };
        let mut stream = Stream::new(socket);
        let first = tokio::select! {
            () = self.stop.cancelled() => return,
            first = self.first(&mut stream) => first,
        };
        let Some(first) = first else { return };
        let (handler, connection): (Arc<dyn Handler>, _) = match Client::of(first) {
            Client::Frugal => (self.routes.clone(), self.connection),
            Client::Thrift => {
                let mut connection = self.connection;
                connection.concurrency = 1;
                (Arc::new(Plain(self.routes.clone())), connection)
            }
            Client::Stranger(problem) => return warn!(peer, problem, "a client could not be understood"),
        };
        serve_connection(stream, handler, connection, self.stop.clone()).await;
    }

    /// What a client says first; `None` when it ended, was lost or stood still before it had said anything that could be
    /// answered.
    async fn first(&self, stream: &mut Stream) -> Option<[u8; TELLING]> {
        // A client may connect long before it calls.
        stream.first(1).await.ok()?;
        let first = tokio::time::timeout(self.config.stall, stream.first(TELLING)).await;
        first.ok()?.ok()?.first_chunk().copied()
    }
}

/// The next connection, once there is room for it. Until then it waits where the system keeps it.
async fn accept(socket: &Socket, room: &Arc<Semaphore>) -> io::Result<(Kind, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    Ok((socket.accept().await?, permit))
}
