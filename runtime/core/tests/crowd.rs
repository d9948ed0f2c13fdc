//! Many calls at once: what is sent of them, and of their replies, is written together.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use pipe::{MAX_FRAME, frame, options};
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::connection::{Connection, serve_connection};
use thriftwood_core::transport::Outbound;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_util::sync::CancellationToken;

/// A pipe that counts how often something is written to it.
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// With one worker, since that is where a task that is woken runs right behind the one that woke it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_calls_of_many_callers_are_written_together() {
    const CALLERS: u64 = 64;
    const ROUNDS: u64 = 100;
    let (near, mut far) = duplex(1024 * 1024);
    // A reply is a frame of the same operation id, and so the call itself is one.
    tokio::spawn(async move {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read) = far.read(&mut bytes).await
            && read > 0
        {
            far.write_all(&bytes[..read]).await.unwrap();
        }
    });
    let writes = Arc::new(AtomicUsize::new(0));
    let connection = Connection::spawn(Counted(near, Arc::clone(&writes)), MAX_FRAME);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let operation_id = caller * ROUNDS + round;
                    let frame = frame(operation_id, "m", MessageType::Call, &[]);
                    connection.call(Outbound { operation_id, frame, oneway: false }).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let (writes, calls) = (writes.load(Ordering::Relaxed), (CALLERS * ROUNDS) as usize);
    println!("{writes} writes for {calls} calls");
    assert!(writes * 8 <= calls, "{writes} writes for {calls} calls");
}

/// Answers a call with itself, but not at once.
struct Waits;

impl Handler for Waits {
    fn service(&self) -> &'static str {
        "Waits"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Some(inbound.frame)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_replies_of_many_calls_that_had_to_wait_are_written_together() {
    const CALLS: u64 = 64;
    const ROUNDS: usize = 100;
    let (mut near, far) = duplex(1024 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let stream = Counted(far, Arc::clone(&writes));
    tokio::spawn(serve_connection(stream, Arc::new(Waits), options(1024), CancellationToken::new()));
    let calls: Vec<u8> = (0..CALLS).flat_map(|id| frame(id, "m", MessageType::Call, &[])).collect();
    let mut replies = vec![0; calls.len()];
    for _ in 0..ROUNDS {
        near.write_all(&calls).await.unwrap();
        near.read_exact(&mut replies).await.unwrap();
    }
    let (writes, calls) = (writes.load(Ordering::Relaxed), CALLS as usize * ROUNDS);
    println!("{writes} writes for {calls} replies");
    assert!(writes * 8 <= calls, "{writes} writes for {calls} replies");
}
