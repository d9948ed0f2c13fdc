//! The way out of a connection: replies in the order in which they are ready, small ones together, batches straight from their files.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_socket::WriteHalf;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::store::raw::Span;

/// So many bytes are put together before they are written.
const TOGETHER: usize = 64 * 1024;
/// Fewer bytes of a file are read and written with what else there is: a system call of their own costs more than copying them.
const SMALL: u64 = 32 * 1024;
/// The most bytes of a file that go out in one step: a slow client then has `stall` for each, and no more is read at once.
const STEP: u64 = 1024 * 1024;
/// Where bytes of a file pass through memory, so many at once.
const PIECE: u64 = 128 * 1024;

/// Something to be written, and the place among its connection's requests that is free when it was.
pub(super) struct Out {
    pub(super) what: What,
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

pub(super) enum What {
    Message(Bytes),
    /// A message that ends with bytes of a file.
    Batches(Bytes, Span),
    /// There is no more.
    End,
}

/// Writes until there is no more.
pub(super) async fn run(mut half: WriteHalf, mut queue: UnboundedReceiver<Out>, stall: Duration) -> io::Result<()> {
    let mut together = Vec::new();
    // Places are free when what they were for was written.
    let mut places = Vec::new();
    while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some(Out { what, _place }) = next {
            places.push(_place);
            match what {
                What::End => {
                    flush(&mut half, &mut together, stall).await?;
                    return within(stall, half.shutdown()).await;
                }
                What::Message(bytes) => together.extend_from_slice(&bytes),
                What::Batches(head, span) if span.length <= SMALL => {
                    together.extend_from_slice(&head);
                    together.extend_from_slice(&whole(&span, span.position, span.length)?);
                }
                What::Batches(head, span) => {
                    together.extend_from_slice(&head);
                    flush(&mut half, &mut together, stall).await?;
                    send(&mut half, &span, stall).await?;
                }
            }
            next = if together.len() < TOGETHER { queue.try_recv().ok() } else { None };
        }
        flush(&mut half, &mut together, stall).await?;
        places.clear();
    }
    Ok(())
}

async fn flush(half: &mut WriteHalf, together: &mut Vec<u8>, stall: Duration) -> io::Result<()> {
    for piece in together.chunks(TOGETHER) {
        within(stall, half.write_all(piece)).await?;
    }
    within(stall, half.flush()).await?;
    if together.capacity() > 4 * TOGETHER {
        // One large reply is no reason to hold so much for good.
        *together = Vec::new();
    }
    together.clear();
    Ok(())
}

async fn send(half: &mut WriteHalf, span: &Span, stall: Duration) -> io::Result<()> {
    let (mut position, end) = (span.position, span.position + span.length);
    if let Some(file) = span.file.as_file().filter(|_| half.sends_files()) {
        while position < end {
            let sent = within(stall, half.send_file(file, position, (end - position).min(STEP) as usize)).await?;
            if sent == 0 {
                return Err(shorter());
            }
            position += sent as u64;
        }
        return Ok(());
    }
    while position < end {
        let piece = whole(span, position, (end - position).min(PIECE))?;
        within(stall, half.write_all(&piece)).await?;
        position += piece.len() as u64;
    }
    within(stall, half.flush()).await
}

fn whole(span: &Span, position: u64, length: u64) -> io::Result<Vec<u8>> {
    let bytes = span.file.read_at(length as usize, position)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(shorter()) }
}

/// The client was promised more: the connection cannot go on.
fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a segment was cut while it was sent")
}

async fn within<T>(stall: Duration, writing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(stall, writing).await.unwrap_or_else(|_| {
        let problem = format!("the client took nothing of what was written to it for {stall:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, problem))
    })
}
