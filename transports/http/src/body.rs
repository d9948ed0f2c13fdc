//! Reads a body no further than its limit, and hands out an answer's.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use thriftwood_core::error::BoxError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Why a body could not be read.
pub(crate) enum Unread {
    /// It has, or says that it has, more bytes than the limit.
    TooLarge,
    /// All bodies together have more bytes than there is memory set aside for them.
    NoRoom,
    /// The connection was lost, or the peer broke HTTP's rules.
    Lost(BoxError),
}

/// The memory a body counts for, until it is dropped.
#[derive(Default)]
pub(crate) struct Hold {
    memory: Option<Arc<Semaphore>>,
    held: Option<OwnedSemaphorePermit>,
}

impl Hold {
    /// Out of this much memory, in which a permit is a byte.
    pub(crate) fn of(memory: Arc<Semaphore>) -> Self {
        Self { memory: Some(memory), held: None }
    }

    fn take(&mut self, size: usize) -> bool {
        let Some(memory) = &self.memory else { return true };
        let more = u32::try_from(size).ok().and_then(|size| Arc::clone(memory).try_acquire_many_owned(size).ok());
        match (more, &mut self.held) {
            (None, _) => return false,
            (Some(more), Some(held)) => held.merge(more),
            (more, none) => *none = more,
        }
        true
    }
}

/// The whole body, when it has at most `limit` bytes. Memory is taken for the bytes that came, not for those announced.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, limit: usize, hold: &mut Hold) -> Result<Bytes, Unread>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge);
    }
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|error| Unread::Lost(error.into()))?.into_data() else { continue };
        if data.remaining() > limit - (first.len() + all.len()) {
            return Err(Unread::TooLarge);
        }
        if !hold.take(data.remaining()) {
            return Err(Unread::NoRoom);
        }
        // Nearly every body comes in one piece, which is then not copied.
        if first.is_empty() && all.is_empty() {
            first = data.copy_to_bytes(data.remaining());
            continue;
        }
        all.put_slice(&std::mem::take(&mut first));
        all.put(data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The body of an answer. A service that stops waits until its answers have been handed to their connections.
#[derive(Debug)]
pub struct AnswerBody {
    data: Full<Bytes>,
    under_way: Option<TaskTrackerToken>,
}

impl AnswerBody {
    pub(crate) fn new(data: impl Into<Bytes>) -> Self {
        Self { data: Full::new(data.into()), under_way: None }
    }

    pub(crate) fn hold(&mut self, token: TaskTrackerToken) {
        self.under_way = Some(token);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.data).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.data.size_hint()
    }
}
