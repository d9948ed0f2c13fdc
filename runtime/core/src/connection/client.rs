//! The calling end of a connection.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::READ;
use crate::session::{ClientEvent, ClientSession};
use crate::transport::Outbound;
use crate::{RpcError, RpcErrorKind};

/// Calls that may wait to be written; a caller beyond that waits for room, as long as its time limit lets it.
const QUEUE: usize = 1024;

/// A handle to a connection. Clones share it; it closes when the last is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    commands: mpsc::Sender<Command>,
}

type Answer = oneshot::Sender<ClientEvent>;

#[derive(Debug)]
enum Command {
    Call(Outbound, Answer),
    Cancel(u64),
}

impl Connection {
    /// Takes over `stream` and starts the task that drives it. Frames of up to `max_frame` bytes are read.
    pub fn spawn<S>(stream: S, max_frame: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (commands, queue) = mpsc::channel(QUEUE);
        tokio::spawn(drive(stream, queue, max_frame));
        Self { commands }
    }

    /// Whether the connection has ended; calls on it fail.
    pub fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }

    /// Sends a call and waits for its reply. When the future is dropped, the call is forgotten and its reply, should it
    /// still come, dropped.
    ///
    /// # Errors
    /// [`RpcErrorKind::Unavailable`] when the connection had ended before, [`RpcErrorKind::Disconnected`] when it ended
    /// before the reply came.
    pub async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let (answer, wait) = oneshot::channel();
        let mut guard = CancelOnDrop { commands: &self.commands, operation_id: Some(outbound.operation_id) };
        self.commands
            .send(Command::Call(outbound, answer))
            .await
            .map_err(|_| RpcError::new(RpcErrorKind::Unavailable, "the connection is closed"))?;
        let event = wait.await.unwrap_or(ClientEvent::Disconnected);
        guard.operation_id = None;
        match event {
            ClientEvent::Reply(frame) => Ok(Some(frame)),
            ClientEvent::Sent => Ok(None),
            ClientEvent::Disconnected => {
                Err(RpcError::new(RpcErrorKind::Disconnected, "the connection was lost before the reply came"))
            }
        }
    }
}

/// Tells the task that a caller has gone.
struct CancelOnDrop<'a> {
    commands: &'a mpsc::Sender<Command>,
    operation_id: Option<u64>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.operation_id {
            // With the queue full the entry stays until its reply or the end of the connection; nothing else is lost.
            let _ = self.commands.try_send(Command::Cancel(id));
        }
    }
}

async fn drive<S>(stream: S, mut queue: mpsc::Receiver<Command>, max_frame: usize)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut session: ClientSession<Answer> = ClientSession::new(max_frame);
    let mut input = BytesMut::with_capacity(READ);
    let mut output = BytesMut::new();
    loop {
        tokio::select! {
            command = queue.recv() => match command {
                Some(command) => {
                    handle(&mut session, command);
                    // What else is waiting goes into the same write.
                    while let Ok(command) = queue.try_recv() {
                        handle(&mut session, command);
                    }
                }
                // No handle is left, so nobody waits.
                None => return,
            },
            read = reader.read_buf(&mut input) => match read {
                Ok(0) => break,
                Ok(_) => {
                    if let Err(error) = session.handle_read(&input) {
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
            written = writer.write_buf(&mut output), if !output.is_empty() => {
                if !matches!(written, Ok(1..)) {
                    break;
                }
            }
        }
        while let Some(frame) = session.poll_transmit() {
            output.extend_from_slice(&frame);
        }
        deliver(&mut session);
    }
    session.handle_end();
    deliver(&mut session);
    // Calls still queued are told by their answers being dropped with the queue.
}

fn handle(session: &mut ClientSession<Answer>, command: Command) {
    match command {
        Command::Call(Outbound { operation_id, frame, oneway: false }, answer) => {
            session.handle_call(operation_id, frame, answer);
        }
        Command::Call(Outbound { frame, oneway: true, .. }, answer) => session.handle_oneway(frame, answer),
        Command::Cancel(operation_id) => session.handle_cancel(operation_id),
    }
}

fn deliver(session: &mut ClientSession<Answer>) {
    while let Some((answer, event)) = session.poll_event() {
        // The caller may have gone.
        let _ = answer.send(event);
    }
}
