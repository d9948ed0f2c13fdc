//! The called end of a connection.
//!
//! ```text
//!  stream ──► Driver ──► handler, polled here ──► reply ──► stream      most calls
//!               │
//!               ├──► a task of its own, once it has to wait ──► reply   slow calls
//!               │
//!  supervisor ──┴──► a new Driver, when a handler blocks this one       calls that block the thread
//! ```
//!
//! `docs/decisions/inline-handlers.md` says why, and what it costs.

mod calls;
mod driver;
mod pace;
mod parting;
mod patience;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::wire::Wire;
use crate::call::Handler;
use crate::frame::DEFAULT_MAX_FRAME;
use calls::Calls;
use driver::{Driver, Io};

/// How a server treats one connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectionOptions {
    /// The largest frame read or written, in bytes without the leading size.
    pub max_frame: usize,
    /// The most calls handled at once. While so many are, as many again are read and wait, and then nothing more is read.
    pub concurrency: usize,
    /// How long the rest of a frame that has begun may take, and how long the peer may take none of its replies, before the
    /// connection is given up. `None` is without end.
    pub stall: Option<Duration>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self { max_frame: DEFAULT_MAX_FRAME, concurrency: 1024, stall: None }
    }
}

/// Serves one connection until the peer closes it, it breaks, or `stop` is cancelled; what was read by then is still done,
/// and answered where the peer still listens. At a stop, a peer of our own kind is told to go elsewhere, and what it had sent before
/// it learned of it is read, done and answered too; of others, a frame that had begun.
///
/// A call whose handler has to wait goes on in a task of its own, so a slow one delays no other. A handler that blocks its
/// thread delays the others of its connection by no more than some milliseconds: then they go on without it. A handler is dropped
/// when its caller cancels the call, and, where the peer is one that cancels, when the connection ends; unless the call is
/// oneway, which needs no connection any more. Other peers may close their sending half and wait for replies: what bounds
/// their calls is their own time limit. Dropping this future cancels them all.
pub async fn serve_connection<S>(
    stream: S,
    handler: Arc<dyn Handler>,
    options: ConnectionOptions,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let io = Io::new(Wire::new(stream, options.max_frame), options.stall, stop);
    let calls = Arc::new(Calls::new(handler, options));
    // Last in, first out: the driver and the calls end with this future, however it ends.
    let end = EndOnDrop(Arc::clone(&calls));
    let mut driver = tokio::spawn(Driver::new(Box::new(io), Arc::clone(&calls), 0));
    end.0.set_driver(driver.abort_handle());
    loop {
        tokio::select! {
            // A driver does not panic; were it to, its stream is gone with it.
            _ = &mut driver => return,
            (io, turn) = calls.stalled() => {
                driver = tokio::spawn(Driver::new(io, Arc::clone(&calls), turn));
                end.0.set_driver(driver.abort_handle());
            }
        }
    }
}

struct EndOnDrop<S>(Arc<Calls<S>>);

impl<S> Drop for EndOnDrop<S> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
