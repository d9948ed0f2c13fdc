//! Accepts connections, and serves each in a task of its own, over HTTP/1.1 or HTTP/2 as its client begins.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::Config;
use crate::parting::Pulse;
use crate::routes::Site;
use crate::stall::Stall;

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// How old a connection is allowed to be at a stop to be waited for though it has said nothing: its first request is on the way.
const FRESH: Duration = Duration::from_millis(500);

/// How often is looked whether it has come.
const GLANCE: Duration = Duration::from_millis(5);

/// How long an HTTP/1.1 connection is kept open at a stop. HTTP/1.1 has no word for a connection at rest by which a client could
/// learn that it ends, so a request may be on its way; one that comes is answered, and the answer says `connection: close`.
const CROSSING: Duration = Duration::from_millis(100);

/// The resets of streams that may wait to be dealt with before a connection counts as an attack. A caller whose calls time
/// out together sends as many at once, and hyper's own 20 would end all its other calls with them.
const RESETS: usize = 4096;

/// What accepting connections takes.
pub(crate) struct Accept {
    pub(crate) site: Arc<Site>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) config: Config,
    /// Accept no more.
    pub(crate) stop: CancellationToken,
    /// Have clients go elsewhere.
    pub(crate) leave: CancellationToken,
}

impl Accept {
    /// Accepts until it is stopped, then lets the connections finish what they have.
    pub(crate) async fn run(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(self.config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        let builder = self.builder();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &room) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = self.connection(stream, builder.clone());
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
        for stream in thriftwood_socket::close(listener) {
            let (connection, room) = (self.connection(stream, builder.clone()), Arc::clone(&room));
            connections.spawn(async move {
                let _permit = room.acquire_owned().await;
                connection.await;
            });
        }
        // Not before: clients that are told to go elsewhere would come back here.
        self.leave.cancel();
        while connections.join_next().await.is_some() {}
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.config.head_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.config.max_streams)
            .max_pending_accept_reset_streams(RESETS)
            // Ends the connection of a client that is gone without a word.
            .keep_alive_interval(self.config.head_timeout)
            .keep_alive_timeout(self.config.head_timeout);
        builder
    }

    fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        builder: auto::Builder<TokioExecutor>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (site, tls, leave) = (Arc::clone(&self.site), self.tls.clone(), self.leave.clone());
        let patience = self.config.head_timeout;
        let pulse = Arc::new(Pulse::default());
        // Below TLS, where a write that gets nowhere is seen as that.
        let stream = Stall::new(stream, self.config.body_timeout, leave.clone(), Arc::clone(&pulse));
        async move {
            let Some(tls) = tls else { return serve(stream, builder, site, leave, patience, &pulse).await };
            let accepted = Instant::now();
            let shaken = tokio::select! {
                shaken = tls.accept(stream) => shaken,
                () = tokio::time::sleep(patience) => return debug!("a client did not finish its TLS handshake"),
                () = has_left(&leave, accepted) => return,
            };
            match shaken {
                Ok(stream) => serve(stream, builder, site, leave, patience, &pulse).await,
                Err(error) => {
                    let why = thriftwood_tls::explain(&error).unwrap_or_else(|| error.to_string());
                    warn!(why, "a client's TLS handshake failed");
                }
            }
        }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    builder: auto::Builder<TokioExecutor>,
    site: Arc<Site>,
    leave: CancellationToken,
    patience: Duration,
    pulse: &Arc<Pulse>,
) {
    let (begun, shared, accepted) = (AtomicBool::new(false), AtomicBool::new(false), Instant::now());
    let answer = service_fn(|request: Request<Incoming>| {
        let is_http2 = request.version() == Version::HTTP_2;
        shared.store(is_http2, Ordering::Relaxed);
        begun.store(true, Ordering::Relaxed);
        let (site, leave, under_way) = (Arc::clone(&site), leave.clone(), pulse.request());
        let request = request.map(|body| pulse.body(body));
        async move {
            let mut answer = site.answer(request).await;
            drop(under_way);
            if !is_http2 && leave.is_cancelled() {
                answer.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answer));
    // Until the first request nothing else watches a client that has not even said which HTTP it speaks.
    let mut first = std::pin::pin!(tokio::time::sleep(patience));
    let (mut watches, mut left) = (true, false);
    let mut leaves = std::pin::pin!(async {
        leave.cancelled().await;
        // Before its first request a connection would be closed, and that request lost.
        while !begun.load(Ordering::Relaxed) && accepted.elapsed() < FRESH {
            tokio::time::sleep(GLANCE).await;
        }
        // HTTP/2 says by itself which request is the last that it takes.
        if begun.load(Ordering::Relaxed) && !shared.load(Ordering::Relaxed) {
            tokio::time::sleep(CROSSING).await;
        }
    });
    let mut silent = std::pin::pin!(pulse.stops());
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = first.as_mut(), if watches => {
                watches = false;
                if !begun.load(Ordering::Relaxed) {
                    debug!("a client did not begin its first request");
                    return;
                }
            }
            () = leaves.as_mut(), if !left => {
                left = true;
                connection.as_mut().graceful_shutdown();
            }
            () = silent.as_mut(), if left => return debug!("a client has said nothing since the server stops"),
        }
    };
    if let Err(error) = ended {
        debug!(error, "a connection ended badly");
    }
}

/// Resolves when there is no use in waiting any more for what a connection says first, that was accepted then.
async fn has_left(leave: &CancellationToken, accepted: Instant) {
    leave.cancelled().await;
    tokio::time::sleep_until(accepted + FRESH).await;
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

#[cfg(test)]
mod tests;
