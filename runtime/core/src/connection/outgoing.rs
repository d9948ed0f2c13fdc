//! The sending half of a stream: frames put together into one write, flushed when there are no more.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Bytes that may wait to be written before nothing more is taken on. One frame may go beyond it.
const MAX_UNWRITTEN: usize = 4 * 1024 * 1024;

/// How long the end of a connection waits for a peer that does not read.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// A writer and what it has still to write.
pub(super) struct Outgoing<W> {
    writer: W,
    bytes: BytesMut,
    unflushed: bool,
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, bytes: BytesMut::new(), unflushed: false }
    }

    pub(super) fn push(&mut self, frame: &Bytes) {
        self.bytes.extend_from_slice(frame);
    }

    /// Forgets what was not written.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.unflushed = false;
    }

    /// Whether more may be taken on. A peer that does not read must not make memory grow.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < MAX_UNWRITTEN
    }

    /// Whether there is nothing to write or flush.
    pub(super) fn is_done(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Makes some progress. Nothing is lost when the future is dropped.
    pub(super) async fn advance(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            if self.writer.write_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unflushed = true;
        }
        if self.bytes.is_empty() && self.unflushed {
            self.writer.flush().await?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Writes what is left, unless the peer takes too long over it, and closes this end.
    pub(super) async fn finish(mut self) {
        let rest = async {
            while !self.is_done() {
                self.advance().await?;
            }
            self.writer.shutdown().await
        };
        // Either way the connection is at its end, and nobody is left to be told.
        let _ = tokio::time::timeout(LINGER, rest).await;
    }
}
