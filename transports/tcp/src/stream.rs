//! A connected socket that remembers what went wrong with it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::BytesMut;
use thriftwood_socket::{Socket, is_turned_away};
use thriftwood_tls::explain;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A socket on its way through a connection's driver.
pub(crate) struct Stream {
    socket: Socket,
    /// What was read to see who is there, and is still to be read.
    first: BytesMut,
    fate: Fate,
}

/// What became of a stream: its end, or the first error of reading or writing, whichever came first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<OnceLock<Problem>>);

#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) text: String,
    /// Whether the other end would not have this one, so that it looked at nothing it was sent.
    pub(crate) turned_away: bool,
}

impl Fate {
    pub(crate) fn problem(&self) -> Option<&Problem> {
        self.0.get()
    }

    /// Whether this is that one and not a like one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn end(&self) {
        self.0.get_or_init(|| Problem { text: "the other end closed it".to_owned(), turned_away: false });
    }

    fn note<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.0.get_or_init(|| Problem {
                text: explain(error).unwrap_or_else(|| error.to_string()),
                turned_away: is_turned_away(error),
            });
        }
        polled
    }
}

impl Stream {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, first: BytesMut::new(), fate: Fate::default() }
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
            self.fate.end();
        }
        self.fate.note(polled)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.fate.note(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_flush(cx);
        self.fate.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.fate.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.fate.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
