//! The called end of a connection.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::READ;
use super::outgoing::{LINGER, Outgoing};
use crate::call::{Handler, Inbound};
use crate::frame::DEFAULT_MAX_FRAME;
use crate::session::ServerSession;

/// How a server treats one connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectionOptions {
    /// The largest frame read or written, in bytes without the leading size.
    pub max_frame: usize,
    /// The most calls handled at once; while so many are, nothing more is read.
    pub concurrency: usize,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self { max_frame: DEFAULT_MAX_FRAME, concurrency: 1024 }
    }
}

/// Serves one connection until the peer closes it, it breaks, or `stop` is cancelled; what was read by then is still done,
/// and answered where the peer still listens.
///
/// Each call runs as a task of its own, so a slow one delays no other. The end of a connection cancels none: a oneway call
/// needs no connection any more, and a peer may close its sending half and wait for replies. What bounds the others is
/// their own time limit. Dropping this future cancels them all.
pub async fn serve_connection<S>(
    stream: S,
    handler: Arc<dyn Handler>,
    options: ConnectionOptions,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let mut server = Server::new(writer, handler, options);
    let mut input = BytesMut::with_capacity(READ);
    let mut reading = true;
    while reading || server.is_busy() {
        let may_read = reading && !server.session.has_waiting() && server.outgoing.has_room();
        let is_done = server.outgoing.is_done();
        tokio::select! {
            read = reader.read_buf(&mut input), if may_read => match read {
                Ok(0) => reading = false,
                Ok(_) => {
                    if let Err(error) = server.session.handle_read(&input) {
                        debug!(%error, "reading no more of a connection: the peer sent no frame");
                        reading = false;
                    }
                    input.clear();
                }
                Err(error) => {
                    debug!(%error, "a connection was lost");
                    (reading, server.broken) = (false, true);
                }
            },
            Some(reply) = server.calls.join_next() => server.take(reply),
            written = server.outgoing.advance(), if !is_done => {
                if let Err(error) = written {
                    debug!(%error, "a connection was lost");
                    (reading, server.broken) = (false, true);
                }
            }
            () = tokio::time::sleep(LINGER), if !reading && !is_done => {
                debug!("gave up on a peer that does not read its replies");
                server.broken = true;
            }
            () = stop.cancelled(), if reading => reading = false,
        }
        server.collect_replies();
        server.start_calls();
    }
    if !server.broken {
        server.outgoing.finish().await;
    }
}

/// What serving one connection is about, besides the receiving half of its stream.
struct Server<W> {
    handler: Arc<dyn Handler>,
    options: ConnectionOptions,
    session: ServerSession,
    calls: JoinSet<Option<Bytes>>,
    outgoing: Outgoing<W>,
    /// Nothing more can be written.
    broken: bool,
}

impl<W: AsyncWrite + Unpin> Server<W> {
    fn new(writer: W, handler: Arc<dyn Handler>, options: ConnectionOptions) -> Self {
        let options = ConnectionOptions { concurrency: options.concurrency.max(1), ..options };
        let session = ServerSession::new(options.max_frame);
        Self { handler, options, session, calls: JoinSet::new(), outgoing: Outgoing::new(writer), broken: false }
    }

    /// Whether there is anything left to do for what was read.
    fn is_busy(&self) -> bool {
        self.session.under_way() > 0 || self.session.has_waiting()
    }

    /// Takes the reply of a call that ended, and of all others that did meanwhile.
    fn take(&mut self, reply: Result<Option<Bytes>, JoinError>) {
        // A handler's panic is caught below it; what ends here otherwise is a call without a reply.
        self.session.handle_reply(reply.unwrap_or(None));
        while let Some(reply) = self.calls.try_join_next() {
            self.session.handle_reply(reply.unwrap_or(None));
        }
    }

    fn collect_replies(&mut self) {
        while let Some(frame) = self.session.poll_transmit() {
            self.outgoing.push(&frame);
        }
        if self.broken {
            self.outgoing.clear();
        }
    }

    /// A peer that does not read its replies is not read from either, nor is anything more done for it.
    fn start_calls(&mut self) {
        while self.session.under_way() < self.options.concurrency && self.outgoing.has_room() {
            let Some(frame) = self.session.poll_request() else { break };
            let handler = Arc::clone(&self.handler);
            let max_response = self.options.max_frame.saturating_add(4);
            let inbound = Inbound { frame, received: Instant::now(), max_response };
            self.calls.spawn(async move { handler.handle(inbound).await });
        }
    }
}
