//! Accepting: a task per connection, which sees who is there and serves it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::call::Handler;
use thriftwood_core::connection::{ConnectionOptions, serve_connection};
use thriftwood_socket::{Listening, Socket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use crate::config::Config;
use crate::routes::Routes;
use crate::stream::Stream;
use crate::thrift::{Client, Plain, TELLING};
use crate::wrong_door;

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// How old a connection is allowed to be at a stop to be waited for though it has said nothing: its first call is on the way.
const FRESH: Duration = Duration::from_millis(500);

/// What accepting connections takes.
pub(crate) struct Accept {
    routes: Arc<Routes>,
    connection: ConnectionOptions,
    tls: Option<TlsAcceptor>,
    /// Accept no more.
    stop: CancellationToken,
    /// Have clients go elsewhere.
    leave: CancellationToken,
    config: Config,
    /// For so many connections at once, over all sockets.
    room: Arc<Semaphore>,
}

impl Accept {
    pub(crate) fn new(
        routes: &Arc<Routes>,
        tls: Option<TlsAcceptor>,
        stop: &CancellationToken,
        config: &Config,
        concurrency: usize,
    ) -> Self {
        let mut connection = ConnectionOptions::default();
        (connection.max_frame, connection.concurrency) = (config.max_frame, concurrency);
        connection.stall = Some(config.stall);
        let room = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let (stop, leave) = (stop.clone(), CancellationToken::new());
        Self { routes: Arc::clone(routes), connection, tls, stop, leave, config: config.clone(), room }
    }

    /// To be held by each socket of the server. Once none is left, clients are told to go elsewhere: before that, they would come
    /// back here.
    pub(crate) fn listening(&self) -> Arc<DropGuard> {
        Arc::new(self.leave.clone().drop_guard())
    }

    /// Accepts until it is stopped, then lets the connections finish what they have.
    pub(crate) async fn run(self: Arc<Self>, socket: Listening, listening: Arc<DropGuard>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.accept(&socket) => accepted,
            };
            match accepted {
                Ok((socket, permit)) => {
                    let connection = Arc::clone(&self);
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
        for socket in socket.close(self.config.silence) {
            let connection = Arc::clone(&self);
            connections.spawn(async move {
                let _permit = connection.room.acquire().await;
                connection.serve(socket).await;
            });
        }
        drop(listening);
        while connections.join_next().await.is_some() {}
    }

    /// Shakes hands where TLS is spoken, sees who is there, and serves.
    async fn serve(&self, socket: Socket) {
        let (peer, accepted) = (socket.peer(), Instant::now());
        let socket = match &self.tls {
            None => socket,
            Some(acceptor) => {
                let within =
                    tokio::time::timeout(self.config.connect_timeout, thriftwood_socket::accept(socket, acceptor));
                let shaken = tokio::select! {
                    () = self.has_left(accepted) => return,
                    shaken = within => shaken.unwrap_or_else(|_| Err("it took too long over the handshake".to_owned())),
                };
                match shaken {
                    Ok(socket) => socket,
                    Err(problem) => return warn!(peer, problem, "a client could not be let in"),
                }
            }
        };
        let mut stream = Stream::accepted(socket);
        let first = tokio::select! {
            () = self.has_left(accepted) => return,
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
            Client::Http => {
                warn!(peer, "a client speaks HTTP, and was told that this is no http:// address");
                // Whoever does not take that either is not waited for.
                tokio::select! {
                    () = self.has_left(accepted) => {}
                    _ = tokio::time::timeout(self.config.stall, wrong_door::tell(&mut stream)) => {}
                }
                return;
            }
            Client::Stranger(problem) => return warn!(peer, problem, "a client could not be understood"),
        };
        serve_connection(stream, handler, connection, self.leave.clone()).await;
    }

    /// Resolves when there is no use in waiting any more for what a connection says first, that was accepted then.
    async fn has_left(&self, accepted: Instant) {
        self.leave.cancelled().await;
        tokio::time::sleep_until(accepted + FRESH).await;
    }

    /// What a client says first; `None` when it ended, was lost or stood still before it had said anything that could be
    /// answered.
    async fn first(&self, stream: &mut Stream) -> Option<[u8; TELLING]> {
        // A client may connect long before it calls.
        stream.first(1).await.ok()?;
        let first = tokio::time::timeout(self.config.stall, stream.first(TELLING)).await;
        first.ok()?.ok()?.first_chunk().copied()
    }

    /// The next connection, once there is room for it. Until then it waits where the system keeps it.
    async fn accept(&self, socket: &Listening) -> io::Result<(Socket, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(io::Error::other)?;
        Ok((socket.accept(self.config.silence).await?, permit))
    }
}
