//! A connected socket that remembers what went wrong with it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::BytesMut;
use thriftwood_socket::{Socket, is_turned_away};
use thriftwood_tls::explain;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::opening::{Answerer, Opening, Stranger};

/// A socket on its way through a connection's driver.
pub(crate) struct Stream {
    socket: Socket,
    /// What was read to see who is there, and is still to be read.
    first: BytesMut,
    /// What a caller has read, until it tells who answers.
    opening: Option<Opening>,
    /// Whether a server has ever answered there, on this connection or another.
    known: Arc<AtomicBool>,
    fate: Fate,
}

/// What became of a stream: its end, the first error of reading or writing, or that a stranger answers, whichever came first;
/// and whether a server has answered on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    problem: OnceLock<Problem>,
    answered: AtomicBool,
}

#[derive(Debug)]
pub(crate) enum Problem {
    /// It ended or failed, why, and whether nobody had ever answered by then.
    Lost { why: String, unknown: bool },
    /// The other end would not have this one, so that it looked at nothing it was sent; what it said.
    TurnedAway(String),
    /// The other end is somebody else.
    Stranger(Stranger),
}

impl Fate {
    pub(crate) fn problem(&self) -> Option<&Problem> {
        self.0.problem.get()
    }

    pub(crate) fn answered(&self) -> bool {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// Whether this is that one and not a like one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn set(&self, problem: impl FnOnce() -> Problem) {
        self.0.problem.get_or_init(problem);
    }
}

impl Stream {
    /// One that was accepted.
    pub(crate) fn accepted(socket: Socket) -> Self {
        Self { socket, first: BytesMut::new(), opening: None, known: Arc::default(), fate: Fate::default() }
    }

    /// One that was dialled, on which it is looked who answers. Sets `known` when it is a server.
    pub(crate) fn dialled(socket: Socket, known: Arc<AtomicBool>) -> Self {
        Self { opening: Some(Opening::default()), known, ..Self::accepted(socket) }
    }

    /// The first bytes that come, which are read again afterwards; fewer when there are no more.
    pub(crate) async fn first(&mut self, count: usize) -> io::Result<&[u8]> {
        let mut first = std::mem::take(&mut self.first);
        while first.len() < count && self.read_buf(&mut first).await? > 0 {}
        self.first = first;
        Ok(&self.first)
    }

    pub(crate) fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Sees who says this.
    fn look(&mut self, said: &[u8]) {
        let Some(answerer) = self.opening.as_mut().and_then(|opening| opening.take(said)) else { return };
        self.opening = None;
        match answerer {
            Answerer::Server => {
                self.known.store(true, Ordering::Relaxed);
                self.fate.0.answered.store(true, Ordering::Relaxed);
            }
            Answerer::Stranger(stranger) => self.fate.set(|| Problem::Stranger(stranger)),
        }
    }

    fn lost(&self, why: String) -> Problem {
        Problem::Lost { why, unknown: !self.known.load(Ordering::Relaxed) }
    }

    fn note<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.fate.set(|| {
                let text = explain(error).unwrap_or_else(|| error.to_string());
                if is_turned_away(error) { Problem::TurnedAway(text) } else { self.lost(text) }
            });
        }
        polled
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0 {
            self.fate.set(|| self.lost("the other end closed it".to_owned()));
        }
        if self.opening.is_some() {
            self.look(&buf.filled()[before..]);
        }
        self.note(polled)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_flush(cx);
        self.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
