//! The calling end of a connection.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::READ;
use super::outgoing::Outgoing;
use crate::session::{ClientEvent, ClientSession};
use crate::transport::Outbound;
use crate::{RpcError, RpcErrorKind};

/// Calls that may wait to be written; a caller beyond that waits for room, as long as its time limit lets it.
const QUEUE: usize = 1024;

/// A handle to a connection. Clones share it; when the last is dropped, what was sent is still written and then it closes.
#[derive(Clone, Debug)]
pub struct Connection {
    calls: mpsc::Sender<Command>,
    /// Apart from the calls, so that a full queue of them keeps nobody from giving up. It holds no more than one entry for
    /// each call that was queued.
    cancels: mpsc::UnboundedSender<u64>,
}

type Answer = oneshot::Sender<Ending>;

#[derive(Debug)]
struct Command {
    outbound: Outbound,
    answer: Answer,
}

/// What a caller is told.
#[derive(Debug)]
enum Ending {
    /// By the session.
    Event(ClientEvent),
    /// The connection ended while the call was still waiting to be written.
    Unsent,
}

impl Connection {
    /// Takes over `stream` and starts the task that drives it. Frames of up to `max_frame` bytes are read.
    pub fn spawn<S>(stream: S, max_frame: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (calls, queue) = mpsc::channel(QUEUE);
        let (cancels, cancelled) = mpsc::unbounded_channel();
        tokio::spawn(drive(stream, queue, cancelled, max_frame));
        Self { calls, cancels }
    }

    /// Whether the connection has ended; calls on it fail.
    pub fn is_closed(&self) -> bool {
        self.calls.is_closed()
    }

    /// Sends a call and waits for its reply. When the future is dropped, the call is forgotten and its reply, should it
    /// still come, dropped.
    ///
    /// # Errors
    /// [`RpcErrorKind::Unavailable`] when the connection ended before the call was sent, [`RpcErrorKind::Disconnected`]
    /// when it ended before the reply came, [`RpcErrorKind::InvalidRequest`] when a call with the same operation id is
    /// under way.
    pub async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let mut guard = CancelOnDrop { cancels: &self.cancels, operation_id: Some(outbound.operation_id) };
        // Dropped before the guard, which is how the task knows, when the guard's word reaches it, whose call is meant.
        let (answer, wait) = oneshot::channel();
        let command = Command { outbound, answer };
        self.calls.send(command).await.map_err(|_| unsent())?;
        let ending = wait.await.unwrap_or(Ending::Event(ClientEvent::Disconnected));
        guard.operation_id = None;
        match ending {
            Ending::Event(ClientEvent::Reply(frame)) => Ok(Some(frame)),
            Ending::Event(ClientEvent::Sent) => Ok(None),
            Ending::Event(ClientEvent::Disconnected) => {
                Err(RpcError::new(RpcErrorKind::Disconnected, "the connection was lost before the reply came"))
            }
            Ending::Event(ClientEvent::Duplicate) => Err(RpcError::new(
                RpcErrorKind::InvalidRequest,
                "a call with the same operation id is under way on this connection",
            )),
            Ending::Unsent => Err(unsent()),
        }
    }
}

fn unsent() -> RpcError {
    RpcError::new(RpcErrorKind::Unavailable, "the connection closed before the call was sent")
}

/// Tells the task that a caller has gone.
struct CancelOnDrop<'a> {
    cancels: &'a mpsc::UnboundedSender<u64>,
    operation_id: Option<u64>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.operation_id {
            // When the task has ended there is nothing left to forget.
            let _ = self.cancels.send(id);
        }
    }
}

/// What the task owns besides the receiving half of the stream.
struct Driver<W> {
    session: ClientSession<Answer>,
    outgoing: Outgoing<W>,
}

impl<W: AsyncWrite + Unpin> Driver<W> {
    fn take(&mut self, command: Command) {
        let Command { outbound: Outbound { operation_id, frame, oneway }, answer } = command;
        if answer.is_closed() {
            // Given up while it waited here: nobody wants it done.
            return;
        }
        if oneway {
            self.session.handle_oneway(frame, answer);
        } else {
            self.session.handle_call(operation_id, frame, answer);
        }
        while let Some(frame) = self.session.poll_transmit() {
            self.outgoing.push(&frame);
        }
    }

    fn cancel(&mut self, operation_id: u64) {
        // Only if it is this call's caller who has gone, and not that of another with the same id, refused meanwhile.
        if self.session.token(operation_id).is_some_and(oneshot::Sender::is_closed) {
            self.session.handle_cancel(operation_id);
        }
    }

    fn deliver(&mut self) {
        while let Some((answer, event)) = self.session.poll_event() {
            // The caller may have gone.
            let _ = answer.send(Ending::Event(event));
        }
    }
}

async fn drive<S>(
    stream: S,
    mut queue: mpsc::Receiver<Command>,
    mut cancelled: mpsc::UnboundedReceiver<u64>,
    max_frame: usize,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let mut driver = Driver { session: ClientSession::new(max_frame), outgoing: Outgoing::new(writer) };
    let mut input = BytesMut::with_capacity(READ);
    loop {
        tokio::select! {
            command = queue.recv(), if driver.outgoing.has_room() => {
                let Some(command) = command else {
                    // No handle is left and nobody waits; but a oneway call is done only when it is written.
                    return driver.outgoing.finish().await;
                };
                driver.take(command);
                // What else is waiting goes into the same write.
                while driver.outgoing.has_room() && let Ok(command) = queue.try_recv() {
                    driver.take(command);
                }
            }
            Some(operation_id) = cancelled.recv() => driver.cancel(operation_id),
            read = reader.read_buf(&mut input) => match read {
                Ok(0) => break,
                Ok(_) => {
                    if let Err(error) = driver.session.handle_read(&input) {
                        debug!(%error, "closing a connection: the peer sent no frame");
                        break;
                    }
                    input.clear();
                }
                Err(error) => {
                    debug!(%error, "a connection was lost");
                    break;
                }
            },
            written = driver.outgoing.advance(), if !driver.outgoing.is_done() => {
                if let Err(error) = written {
                    debug!(%error, "a connection was lost");
                    break;
                }
            }
        }
        driver.deliver();
    }
    driver.session.handle_end();
    driver.deliver();
    queue.close();
    while let Ok(Command { answer, .. }) = queue.try_recv() {
        // The caller may have gone.
        let _ = answer.send(Ending::Unsent);
    }
}
