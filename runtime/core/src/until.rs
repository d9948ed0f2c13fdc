//! Waits for a reply, a handler or a publish no longer than it may.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

/// Waits for `future` no longer than until the deadline, and gives nothing then. Only what has to wait has a timer made for it,
/// apart, so that what needs none has no room for one.
pub(crate) struct Until<F> {
    future: F,
    limit: Limit,
}

enum Limit {
    None,
    At(Instant),
    /// Nanoseconds, counted from when it has to wait; as a `Duration` they would make every call in flight 8 bytes larger.
    Within(u64),
    Set(Pin<Box<Sleep>>),
}

impl<F> Until<F> {
    pub(crate) fn new(deadline: Option<Instant>, future: F) -> Self {
        Self { future, limit: deadline.map_or(Limit::None, Limit::At) }
    }

    /// The same, of what most often need not wait: the clock is read only when it does.
    pub(crate) fn within(time: Duration, future: F) -> Self {
        Self { future, limit: Limit::Within(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)) }
    }

    /// Whether it waits for as long as it takes.
    pub(crate) fn has_no_limit(&self) -> bool {
        matches!(self.limit, Limit::None)
    }
}

impl<F: Future + Unpin> Future for Until<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = Pin::new(&mut self.future).poll(cx) {
            return Poll::Ready(Some(output));
        }
        let deadline = match self.limit {
            Limit::At(deadline) => Some(deadline),
            Limit::Within(nanos) => after(Duration::from_nanos(nanos)),
            Limit::None | Limit::Set(_) => None,
        };
        if let Some(deadline) = deadline {
            self.limit = Limit::Set(Box::pin(sleep_until(deadline.into())));
        }
        let Limit::Set(timer) = &mut self.limit else { return Poll::Pending };
        timer.as_mut().poll(cx).map(|()| None)
    }
}

/// When so much time from now is over; `None` when that is beyond all times.
pub(crate) fn after(time: Duration) -> Option<Instant> {
    // The runtime's time, which tests can hold still.
    tokio::time::Instant::now().checked_add(time).map(tokio::time::Instant::into_std)
}
