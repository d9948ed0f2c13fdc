//! Both directions of a stream: frames cut out of what is read, and frames put together into one write.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::frame::FrameError;
use crate::session::Deframer;

/// Bytes that may wait to be written before nothing more is taken on. One frame may go beyond it.
pub(super) const MAX_UNWRITTEN: usize = 4 * 1024 * 1024;

/// How long the end of a connection waits for a peer that does not read.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// How often a connection reads and writes before it lets other tasks run.
pub(super) const ROUNDS: usize = 16;

/// With so many calls under way, more are likely to be made or answered at once.
pub(super) const CROWD: usize = 8;

/// The room for what is read, and the most bytes asked of the stream at a time.
const READ: usize = 64 * 1024;

/// Bytes asked of the stream at a time, unless a frame has begun that takes more: some two dozen small calls. What they bring is written
/// before the next read, so the other end has work while this one does, where both would take turns with all that is under way. Over
/// 64 KiB at a time it was, with 64 in flight, 1.1 to 1.3 times as many calls for 0.92 of the processor time, and with 256 1.1 to 1.7
/// times as many; 4 KiB were no better than 64.
const AT_ONCE: usize = 8 * 1024;

/// The least that is worth a read of its own. A buffer is used up to this before there is another: the frames in it share it,
/// and one that is kept for long would otherwise hold 64 KiB by itself.
const WORTH_READING: usize = 8 * 1024;

/// A stream, what was read of it and is no whole frame yet, and what is still to be written to it.
///
/// One task has all of it, so neither direction needs a lock, as the two halves of a split stream do.
pub(super) struct Wire<S> {
    stream: Pin<Box<S>>,
    deframer: Deframer,
    /// What is to be written; put in by whoever drives the connection.
    pub(super) unwritten: BytesMut,
    unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite> Wire<S> {
    pub(super) fn new(stream: S, max_frame: usize) -> Self {
        let (stream, deframer) = (Box::pin(stream), Deframer::new(max_frame));
        Self { stream, deframer, unwritten: BytesMut::new(), unflushed: false }
    }

    /// Reads once; false at the end of the stream. The frames are then to be had from [`next_frame`](Self::next_frame).
    pub(super) fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<bool>> {
        let at_once = self.deframer.missing().clamp(AT_ONCE, READ);
        let buffer = self.deframer.buffer();
        if buffer.capacity() - buffer.len() < WORTH_READING {
            buffer.reserve(READ);
        }
        let mut some = buffer.limit(at_once);
        // Nothing is lost when this future is dropped, so it can be made anew each time.
        let read = ready!(pin!(self.stream.read_buf(&mut some)).poll(cx))?;
        Poll::Ready(Ok(read > 0))
    }

    pub(super) fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        self.deframer.next_frame()
    }

    /// Whether a frame has begun and is not whole.
    pub(super) fn is_inside_frame(&self) -> bool {
        self.deframer.is_inside_frame()
    }

    /// Forgets what was not written.
    pub(super) fn give_up(&mut self) {
        self.unwritten.clear();
        self.unflushed = false;
    }

    /// Whether there is nothing to write or flush.
    pub(super) fn is_flushed(&self) -> bool {
        self.unwritten.is_empty() && !self.unflushed
    }

    /// Writes as much as the stream takes; ready when nothing is left.
    pub(super) fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let written = ready!(self.stream.as_mut().poll_write(cx, &self.unwritten))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unwritten.advance(written);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(self.stream.as_mut().poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Closes this end.
    pub(super) fn poll_shutdown(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
