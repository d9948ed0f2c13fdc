//! Requests about streams and calls: where something is, what it holds, and one batch more.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::RpcErrorKind;
use tokio::sync::OwnedSemaphorePermit;

use super::Server;
use crate::remote::wire::{Fault, FaultKind, Fetched, Reply, StreamInfo};
use crate::store::raw::{self, Span};
use crate::store::{Appended, Batch, Durability, From, Log, LogView, Pending, StoreError, StoreErrorKind};
use crate::{MAX_FRAME, client, error};

/// No request waits longer for a record, whatever it says.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(60);
/// The most bytes of batches in one reply, unless one batch alone is larger.
const MAX_FETCH: u32 = 8 * 1024 * 1024;

/// What the store's error is to a client.
pub(super) fn fault(source: StoreError) -> Fault {
    let sequence = matches!(source, StoreError::Sequence { .. } | StoreError::Fenced { .. });
    let closed = matches!(source.kind(), StoreErrorKind::Closed);
    let mut fault = Fault::from(error::bus(source));
    if sequence {
        fault.kind = FaultKind::Sequence;
    }
    if closed {
        fault.text = "the log was closed".to_owned();
    }
    fault
}

/// Hands a batch over to its log.
pub(super) async fn append(
    server: &Server,
    stream: &str,
    durability: Durability,
    batch: Bytes,
) -> Result<Pending, Fault> {
    let log = server.handle.0.stream(stream).await?;
    let Some(batch) = Batch::from_wire(&batch) else {
        return Err(Fault::new(FaultKind::Invalid, "these bytes are no batch; nothing was stored"));
    };
    log.submit(batch, durability).await.map_err(fault)
}

pub(super) fn appended(appended: Appended) -> Reply {
    Reply::Appended { first: appended.first, count: appended.count, time: raw::micros(appended.time()) }
}

pub(super) async fn open(server: &Server, stream: &str, from: From) -> Result<Reply, Fault> {
    let log = server.handle.0.stream(stream).await?;
    let reader = {
        let log = log.clone();
        tokio::task::spawn_blocking(move || log.reader(from)).await.map_err(error::interrupted)?
    };
    let at = reader.map_err(fault)?.offset();
    Ok(Reply::Opened { log_id: log.id(), first: log.first_offset(), next: log.next_offset(), at })
}

/// Waits for batches from this offset on, and finds them.
pub(super) async fn fetch(
    server: &Server,
    stream: &str,
    offset: u64,
    known: (u64, u64),
    most: u32,
    wait: u32,
) -> Result<(Fetched, Option<Span>), Fault> {
    let log = server.handle.0.stream(stream).await?;
    let wait = Duration::from_millis(wait.into()).min(MAX_WAIT);
    if log.next_offset() <= offset && !wait.is_zero() {
        tokio::select! {
            more = more_than(&log, offset) => more?,
            () = tokio::time::sleep(wait) => {}
            () = server.stop.cancelled() => {}
        }
    }
    let span = log.span(offset, known, most.min(MAX_FETCH).into()).map_err(fault)?;
    let mut fetched =
        Fetched { first: log.first_offset(), next: log.next_offset(), until: offset, ..Fetched::default() };
    if let Some(span) = &span {
        (fetched.segment, fetched.position, fetched.until) = (span.segment, span.position, span.until);
    }
    Ok((fetched, span))
}

/// Resolves when there is a record with this offset.
async fn more_than(log: &Log, offset: u64) -> Result<(), Fault> {
    let wakeup = log.wakeup();
    poll_fn(|cx| {
        // Before the look: what happens after it wakes.
        wakeup.arm(cx.waker());
        if log.next_offset() > offset {
            return Poll::Ready(Ok(()));
        }
        log.ended().map_or(Poll::Pending, |ended| Poll::Ready(Err(fault(ended))))
    })
    .await
}

/// Looks at every byte from this offset on, up to the first record or the end of what is damaged.
pub(super) async fn check(server: &Server, stream: &str, offset: u64) -> Result<Reply, Fault> {
    let log = server.handle.0.stream(stream).await?;
    let looked = tokio::task::spawn_blocking(move || {
        let mut reader = log.reader(From::Offset(offset))?;
        match reader.next_ready() {
            Ok(Some(record)) => Ok((record.offset(), record.offset())),
            Ok(None) => Ok((reader.offset(), reader.offset())),
            Err(StoreError::Corrupt { from, to, .. } | StoreError::Unsupported { from, to, .. }) => Ok((from, to)),
            Err(error) => Err(error),
        }
    });
    let (from, to) = looked.await.map_err(error::interrupted)?.map_err(fault)?;
    Ok(Reply::Checked { from, to })
}

/// Lists the streams there are, opening none.
pub(super) async fn list(server: &Server) -> Result<Reply, Fault> {
    let shared = Arc::clone(&server.handle.0);
    let looked = tokio::task::spawn_blocking(move || {
        let mut streams = Vec::new();
        for (name, dir) in shared.stream_dirs()? {
            let found = match shared.open_stream(&name) {
                Some(log) => Some((log.id(), log.first_offset(), log.next_offset())),
                // What cannot be looked at now is not listed; whoever asks for it by name is told why.
                None => LogView::open(&dir, shared.disk())
                    .ok()
                    .map(|view| (view.id(), view.first_offset(), view.next_offset())),
            };
            streams.extend(found.map(|(log_id, first, next)| StreamInfo { name, log_id, first, next }));
        }
        Ok::<_, thriftwood_core::Error>(streams)
    });
    Ok(Reply::Streams(looked.await.map_err(error::interrupted)??))
}

/// Stores a call and waits for its reply.
pub(super) async fn call(
    server: &Server,
    address: &str,
    oneway: bool,
    frame: Bytes,
    held: Option<OwnedSemaphorePermit>,
) -> Result<Reply, Fault> {
    let stored = client::store(&server.handle.0, address, frame, oneway).await;
    drop(held);
    let reply = match stored {
        Ok(Some(place)) => place.reply().await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    reply.map(Reply::Replied).map_err(|error| {
        let kind = match error.kind() {
            RpcErrorKind::RequestTooLarge => FaultKind::TooLarge,
            RpcErrorKind::InvalidRequest => FaultKind::Name,
            RpcErrorKind::Disconnected => FaultKind::Closed,
            _ => FaultKind::Storage,
        };
        Fault::new(kind, error.message())
    })
}

const _: () = assert!(MAX_FRAME < crate::remote::wire::MAX_MESSAGE);
