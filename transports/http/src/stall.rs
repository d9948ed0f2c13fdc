//! A stream that fails when its other end has read nothing for too long, so that nobody keeps replies in memory by not
//! fetching them; and that is not closed at a stop under what its other end still sends.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::parting::Pulse;

/// How long the other end may take to close a connection of which it was told that it ends. Closed with bytes unread, a socket
/// resets the connection; a client whose next write then fails may never read which of its requests were answered, and which not begun.
const LINGER: Duration = Duration::from_secs(1);

/// A stream, and how long a write may get nowhere.
pub(crate) struct Stall<S> {
    stream: S,
    patience: Duration,
    /// While a write waits: when it has waited for too long.
    limit: Option<Pin<Box<Sleep>>>,
    waits: bool,
    /// The server stops.
    leave: CancellationToken,
    /// Runs once nothing more is sent.
    linger: Option<Pin<Box<Sleep>>>,
    pulse: Arc<Pulse>,
}

impl<S: AsyncWrite + Unpin> Stall<S> {
    /// What is read and written is told to `pulse`.
    pub(crate) fn new(stream: S, patience: Duration, leave: CancellationToken, pulse: Arc<Pulse>) -> Self {
        Self { stream, patience, limit: None, waits: false, leave, linger: None, pulse }
    }

    /// What a write came to; an error when it has been waiting for too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.waits = false;
            return write;
        }
        let patience = self.patience;
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(patience)));
        if !self.waits {
            self.waits = true;
            limit.as_mut().reset(Instant::now() + patience);
        }
        ready!(limit.as_mut().poll(cx));
        let text = format!("the other end has read nothing for {} ms", patience.as_millis());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.pulse.beat();
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stall<S> {
    /// Reads what nobody looks at any more, until the other end closes too.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let limit = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if limit.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut unread = [MaybeUninit::uninit(); 4096];
        loop {
            let mut unread = ReadBuf::uninit(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unread)) {
                Ok(()) if !unread.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        let written = ready!(self.judge(cx, write));
        // Not at a flush, which there may be one of with nothing to do, whenever the connection is looked at.
        self.pulse.beat();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        let written = ready!(self.judge(cx, write));
        self.pulse.beat();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let shutdown = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.judge(cx, shutdown))?;
        }
        if self.leave.is_cancelled() { self.poll_linger(cx) } else { Poll::Ready(Ok(())) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Waits twice for less than it may, on either side of a write that went through, and then for longer.
    #[tokio::test(start_paused = true)]
    async fn each_write_that_waits_has_the_whole_of_its_time() {
        let (mut reader, writer) = duplex(1);
        let patience = Duration::from_secs(30);
        let mut writer = Stall::new(writer, patience, CancellationToken::new(), Arc::default());
        let reads = async {
            for _ in 0..4 {
                sleep(patience * 2 / 3).await;
                reader.read_exact(&mut [0]).await.unwrap();
            }
            sleep(patience * 2).await;
        };
        let writes = async {
            writer.write_all(b"12345").await.unwrap();
            let began = Instant::now();
            let error = writer.write_all(b"6").await.unwrap_err();
            assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
            assert!(error.to_string().contains("read nothing for 30000 ms"), "{error}");
        };
        tokio::join!(reads, writes);
    }
}
