//! Serving a directory: accepts connections, lets in whom it may, and keeps all of them within bounds.

mod admission;
mod groups;
mod out;
mod session;
mod streams;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use thriftwood_core::transport::Serving;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::{Endpoint, Listening, Socket, acceptor, bind, cannot_listen, resolve};
use thriftwood_tls::ServerTls;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::shared::Handle;

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// How a directory is served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeConfig {
    /// The certificate of the server, and whose clients' it asks for. Without one there is no TLS.
    pub tls: Option<ServerTls>,
    /// A file of tokens, one a line, of which a client must know one; empty lines and those that begin with `#` are none. It is read for
    /// each connection, so that tokens can be changed.
    pub token_file: Option<PathBuf>,
    /// How long a client may take over the handshakes of TLS and of this protocol.
    pub hello_timeout: Duration,
    /// How long the rest of a message may take that has begun, and how long a client may take nothing of what is written to it.
    pub stall: Duration,
    /// How long the other end may be silent, without even acknowledging what was sent, before the connection counts as lost. In
    /// whole seconds, at least 4.
    pub silence: Duration,
    /// The most connections at once; further ones wait until one ends.
    pub max_connections: usize,
    /// The most requests under way on one connection, those included that wait for a record; further ones are refused.
    pub max_requests: usize,
    /// The most bytes of requests that all connections together have under way, at least 72 MiB; whoever would exceed it waits.
    pub max_in_flight: usize,
    /// How long appends under way may take when the server is stopped.
    pub grace: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            tls: None,
            token_file: None,
            hello_timeout: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            silence: Duration::from_secs(20),
            max_connections: 1024,
            max_requests: 16 * 1024,
            max_in_flight: 256 * 1024 * 1024,
            grace: Duration::from_secs(5),
        }
    }
}

/// What all connections of a server share.
pub(crate) struct Server {
    /// Keeps the directory open for as long as it is served.
    handle: Arc<Handle>,
    config: ServeConfig,
    /// A random number by which clients know this process from the one before it.
    number: u64,
    claims: AtomicU64,
    stop: CancellationToken,
    /// Bytes of requests.
    room: Arc<Semaphore>,
}

/// Listens there, and serves until it is stopped or the directory is closed.
pub(crate) async fn serve(handle: &Arc<Handle>, url: &str, config: ServeConfig) -> Result<Serving, Error> {
    handle.0.lifecycle.check()?;
    let mut endpoint = super::endpoint(url)?;
    if let (Endpoint::Tcp { tls, .. }, Some(_)) = (&mut endpoint, &config.tls) {
        *tls = true;
    }
    if matches!(endpoint, Endpoint::Tcp { tls: true, .. }) && config.tls.is_none() {
        let url = super::url(&endpoint);
        let text = format!(
            "cannot serve at {url}: TLS needs a certificate and its key; `ServeConfig::tls` has them, `--tls-cert` and `--tls-key` \
             on the command line"
        );
        return Err(Error::new(ErrorKind::InvalidUrl, text));
    }
    let tls = acceptor(&endpoint, config.tls.as_ref())?;
    admission::check(&config)?;
    let failed = |source| cannot_listen(&super::url(&endpoint), source);
    let addresses = resolve(&endpoint).await.map_err(failed)?;
    let (sockets, endpoint, local_addr) = bind(&endpoint, &addresses, 1).map_err(failed)?;
    let mut listening = Vec::new();
    for socket in sockets {
        listening.push(socket.listen().map_err(failed)?);
    }
    info!(url = super::url(&endpoint), "a log is served");
    let room = config.max_in_flight.clamp(super::wire::MAX_MESSAGE, Semaphore::MAX_PERMITS);
    let handle = Arc::clone(handle);
    let lifecycle = handle.0.lifecycle.clone();
    let serving = lifecycle.serve(|stop| async move {
        let server = Arc::new(Server {
            number: handle.0.waiting.bus(),
            handle,
            config,
            claims: AtomicU64::new(1),
            stop,
            room: Arc::new(Semaphore::new(room)),
        });
        let mut all = JoinSet::new();
        for socket in listening {
            all.spawn(Arc::clone(&server).accept(socket, tls.clone()));
        }
        while all.join_next().await.is_some() {}
    });
    Ok(serving.listening_at(local_addr))
}

impl Server {
    /// Accepts until it is stopped, then waits for the connections to end.
    async fn accept(self: Arc<Self>, socket: Listening, tls: Option<TlsAcceptor>) {
        let room = Arc::new(Semaphore::new(self.config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                // Never closed, so this only waits.
                let place = Arc::clone(&room).acquire_owned().await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>((socket.accept(self.config.silence).await?, place))
            };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = next => accepted,
            };
            match accepted {
                Ok((socket, place)) => {
                    let (server, tls) = (Arc::clone(&self), tls.clone());
                    connections.spawn(async move {
                        server.connection(socket, tls).await;
                        drop(place);
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

    async fn connection(self: Arc<Self>, socket: Socket, tls: Option<TlsAcceptor>) {
        let peer = socket.peer();
        let greeted = tokio::select! {
            () = self.stop.cancelled() => return,
            greeted = tokio::time::timeout(self.config.hello_timeout, self.greet(socket, tls)) => greeted,
        };
        match greeted.unwrap_or_else(|_| Err("it took too long to say who it is".to_owned())) {
            Ok(socket) => session::run(self, socket, peer).await,
            Err(problem) => warn!(peer, problem, "a client was not let in"),
        }
    }

    /// Shakes hands: TLS where it is spoken, then ours.
    async fn greet(&self, socket: Socket, tls: Option<TlsAcceptor>) -> Result<Socket, String> {
        let mut socket = match tls {
            Some(tls) => thriftwood_socket::accept(socket, &tls).await?,
            None => socket,
        };
        admission::admit(&mut socket, &self.config, self.number).await?;
        Ok(socket)
    }
}
