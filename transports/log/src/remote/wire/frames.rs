//! Messages out of a stream of bytes, with no more memory than what came.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{MAX_MESSAGE, PREFIX};

/// So many bytes are asked for at once.
const CHUNK: usize = 64 * 1024;
/// Messages of up to so many bytes wait for no room: as many of them as one connection may have under way are 64 MiB.
const SMALL: usize = 4096;

/// One message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: u32,
    pub(crate) kind: u8,
    pub(crate) body: Bytes,
    /// Its share of what a server holds at once.
    pub(crate) held: Option<OwnedSemaphorePermit>,
}

/// Reads messages.
pub(crate) struct Frames<R> {
    from: R,
    buffer: BytesMut,
    /// How long the rest of a message may take that has begun.
    stall: Duration,
    /// The bytes that all connections hold together; who would exceed them waits.
    room: Option<Arc<Semaphore>>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(from: R, stall: Duration, room: Option<Arc<Semaphore>>) -> Self {
        Self { from, buffer: BytesMut::new(), stall, room }
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Message>> {
        if !self.fill(4).await? {
            return Ok(None);
        }
        let length = (&self.buffer[..4]).get_u32_le() as usize;
        if !(PREFIX - 4..=MAX_MESSAGE).contains(&length) {
            let problem = format!("a message of {length} bytes came, and {MAX_MESSAGE} are the most");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let held = match &self.room {
            Some(room) if length > SMALL => {
                let room = Arc::clone(room).acquire_many_owned(length as u32).await;
                Some(room.map_err(io::Error::other)?)
            }
            _ => None,
        };
        if !self.fill(4 + length).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.advance(4);
        let mut body = self.buffer.split_to(length).freeze();
        Ok(Some(Message { id: body.get_u32_le(), kind: body.get_u8(), body, held }))
    }

    /// Reads until there are so many bytes. `false` where the stream ends before the first of them.
    async fn fill(&mut self, length: usize) -> io::Result<bool> {
        while self.buffer.len() < length {
            // As much as is missing, a chunk at a time: a length that lies sets nothing aside.
            self.buffer.reserve((length - self.buffer.len()).clamp(CHUNK / 4, 4 * CHUNK));
            let is_idle = self.buffer.is_empty() && length <= 4;
            let reading = self.from.read_buf(&mut self.buffer);
            let read = if is_idle {
                reading.await?
            } else {
                tokio::time::timeout(self.stall, reading).await.map_err(|_| {
                    let problem = format!("the rest of a message did not come within {:?}", self.stall);
                    io::Error::new(io::ErrorKind::TimedOut, problem)
                })??
            };
            if read == 0 {
                return if is_idle { Ok(false) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::wire::Request;

    const STALL: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn messages_come_whole_however_the_stream_is_cut() {
        let one = Request::Take { member: 1, in_order: false, most: 1, wait: 2 }.encode(7);
        let call = Request::Call { address: "a".into(), oneway: false, frame: vec![5; 300_000].into() }.encode(8);
        let bytes = [&one[..], &call[..], &one[..]].concat();
        let (near, mut far) = tokio::io::duplex(1_000);
        let sending = tokio::spawn(async move {
            for piece in bytes.chunks(777) {
                tokio::io::AsyncWriteExt::write_all(&mut far, piece).await.unwrap();
            }
        });
        let room = Arc::new(Semaphore::new(1 << 20));
        let mut frames = Frames::new(near, STALL, Some(Arc::clone(&room)));
        for (id, length) in [(7, 13), (8, 300_006), (7, 13)] {
            let message = frames.next().await.unwrap().unwrap();
            assert_eq!((message.id, message.body.len()), (id, length));
            assert_eq!(room.available_permits() == 1 << 20, length == 13);
        }
        assert!(frames.next().await.unwrap().is_none());
        sending.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_does_not_go_on_and_a_length_that_lies_end_the_stream() {
        let (near, mut far) = tokio::io::duplex(1_000);
        let mut frames = Frames::new(near, STALL, None);
        tokio::io::AsyncWriteExt::write_all(&mut far, &[20, 0, 0]).await.unwrap();
        assert_eq!(frames.next().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        for length in [0_u32, 4, MAX_MESSAGE as u32 + 1, u32::MAX] {
            let bytes = length.to_le_bytes();
            let mut frames = Frames::new(&bytes[..], STALL, None);
            assert_eq!(frames.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData, "{length}");
        }
        let mut frames = Frames::new(&[20, 0, 0, 0, 1][..], STALL, None);
        assert_eq!(frames.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
