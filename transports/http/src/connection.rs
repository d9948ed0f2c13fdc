//! Accepts connections, and serves each in a task of its own, over HTTP/1.1 or HTTP/2 as its client begins.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::Config;
use crate::routes::Site;
use crate::stall::Stall;

/// How long a server that cannot accept waits before it tries again; most often it is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// The resets of streams that may wait to be dealt with before a connection counts as an attack. A caller whose calls time
/// out together sends as many at once, and hyper's own 20 would end all its other calls with them.
const RESETS: usize = 4096;

/// What accepting connections takes.
pub(crate) struct Accept {
    pub(crate) site: Arc<Site>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) config: Config,
    pub(crate) stop: CancellationToken,
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
        drop(listener);
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
        stream: TcpStream,
        builder: auto::Builder<TokioExecutor>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (site, tls, stop) = (Arc::clone(&self.site), self.tls.clone(), self.stop.clone());
        let patience = self.config.head_timeout;
        // Below TLS, where a write that gets nowhere is seen as that.
        let stream = Stall::new(stream, self.config.body_timeout);
        async move {
            let Some(tls) = tls else { return serve(stream, builder, site, stop, patience).await };
            match tokio::time::timeout(patience, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve(stream, builder, site, stop, patience).await,
                Ok(Err(error)) => {
                    let why = thriftwood_tls::explain(&error).unwrap_or_else(|| error.to_string());
                    warn!(why, "a client's TLS handshake failed");
                }
                Err(_) => debug!("a client did not finish its TLS handshake"),
            }
        }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    builder: auto::Builder<TokioExecutor>,
    site: Arc<Site>,
    stop: CancellationToken,
    patience: Duration,
) {
    let begun = AtomicBool::new(false);
    let answer = service_fn(|request| {
        begun.store(true, Ordering::Relaxed);
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answer));
    // Until the first request nothing else watches a client that has not even said which HTTP it speaks.
    let mut first = std::pin::pin!(tokio::time::sleep(patience));
    let (mut watches, mut stopped) = (true, false);
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
            () = stop.cancelled(), if !stopped => {
                stopped = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        debug!(error, "a connection ended badly");
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}
