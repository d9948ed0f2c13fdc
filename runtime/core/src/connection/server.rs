//! The called end of a connection.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::READ;
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

/// Reply bytes that may wait to be written. A peer that does not read its replies is not read from either.
const MAX_UNWRITTEN: usize = 4 * 1024 * 1024;

/// Serves one connection until the peer closes it, it breaks, or `stop` is cancelled and the calls under way are answered.
///
/// Each call runs as a task of its own, so a slow one delays no other. When the connection ends the calls still running are
/// cancelled: nobody could hear their replies.
pub async fn serve_connection<S>(
    stream: S,
    handler: Arc<dyn Handler>,
    options: ConnectionOptions,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut session = ServerSession::new(options.max_frame);
    let mut calls: JoinSet<Option<Bytes>> = JoinSet::new();
    let mut input = BytesMut::with_capacity(READ);
    let mut output = BytesMut::new();
    let mut stopping = false;
    loop {
        if stopping && session.under_way() == 0 && !session.has_waiting() && output.is_empty() {
            break;
        }
        let may_read = !stopping && !session.has_waiting() && output.len() < MAX_UNWRITTEN;
        tokio::select! {
            read = reader.read_buf(&mut input), if may_read => match read {
                Ok(0) => break,
                Ok(_) => {
                    if let Err(error) = session.handle_read(&input) {
                        debug!(%error, "closing a connection: the peer sent no frame");
                        stopping = true;
                    }
                    input.clear();
                }
                Err(error) => {
                    debug!(%error, "a connection was lost");
                    break;
                }
            },
            Some(reply) = calls.join_next() => {
                // A handler's panic is caught below it; what ends here otherwise is a call without a reply.
                session.handle_reply(reply.unwrap_or(None));
                while let Some(reply) = calls.try_join_next() {
                    session.handle_reply(reply.unwrap_or(None));
                }
            }
            written = writer.write_buf(&mut output), if !output.is_empty() => {
                if !matches!(written, Ok(1..)) {
                    break;
                }
            }
            () = stop.cancelled(), if !stopping => stopping = true,
        }
        while session.under_way() < options.concurrency {
            let Some(frame) = session.poll_request() else { break };
            let handler = Arc::clone(&handler);
            let inbound = Inbound { frame, received: Instant::now(), max_response: options.max_frame + 4 };
            calls.spawn(async move { handler.handle(inbound).await });
        }
        while let Some(frame) = session.poll_transmit() {
            output.extend_from_slice(&frame);
        }
    }
}
