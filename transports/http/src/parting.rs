//! How long a connection is kept at a stop for a client that says nothing: one whose machine is gone would hold the stop until
//! HTTP/2's keep-alive notices, a minute with the usual limits.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};

/// How often is looked whether anything has moved.
const GLANCE: Duration = Duration::from_secs(1);

/// With so many glances in a row at which nothing had, and no handler at work, the client is not waited for.
const GLANCES: u32 = 5;

/// What goes on on one connection.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Whether a byte went either way since the last glance.
    moved: AtomicBool,
    /// Requests that are read or answered.
    under_way: AtomicUsize,
    /// Those of them whose bodies are still to come.
    read: AtomicUsize,
}

impl Pulse {
    pub(crate) fn beat(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    /// One more request, until what is returned is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> Counted {
        Counted::one(self, |pulse| &pulse.under_way)
    }

    /// The body of a request. Its handler is asked when all of it has come, and the body is dropped.
    pub(crate) fn body<B>(self: &Arc<Self>, body: B) -> CountedBody<B> {
        CountedBody { body, _read: Counted::one(self, |pulse| &pulse.read) }
    }

    /// Resolves when nothing moves any more and no handler is at work.
    pub(crate) async fn stops(&self) {
        let mut still = 0;
        while still < GLANCES {
            tokio::time::sleep(GLANCE).await;
            let handled = self.under_way.load(Ordering::Relaxed) > self.read.load(Ordering::Relaxed);
            still = if self.moved.swap(false, Ordering::Relaxed) || handled { 0 } else { still + 1 };
        }
    }
}

/// One of a count, until it is dropped.
pub(crate) struct Counted(Arc<Pulse>, fn(&Pulse) -> &AtomicUsize);

impl Counted {
    fn one(pulse: &Arc<Pulse>, of: fn(&Pulse) -> &AtomicUsize) -> Self {
        of(pulse).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(pulse), of)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is counted while it is to be read.
pub(crate) struct CountedBody<B> {
    body: B,
    _read: Counted,
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
