//! How a server takes calls: those that nobody has answered, in order, and those that came back.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;
use tracing::error;

use crate::calls::{Calls, Request, State, Unanswered, is_call};
use crate::store::{StoreError, Wakeup};

/// One server's way to the calls of its address.
pub(crate) struct Taker {
    calls: Arc<Calls>,
    /// Wakes it when the log has more.
    more: Wakeup,
    /// Wakes it when a call has come back.
    back: Wakeup,
    /// Runs until the next call is due again.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Taker {
    pub(crate) fn new(calls: &Arc<Calls>) -> Self {
        let (more, back) = (calls.log().wakeup(), Wakeup::among(&calls.sleepers));
        Self { calls: Arc::clone(calls), more, back, timer: None }
    }

    /// The next call that nobody has answered or has; `None` when the log is closed. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Request> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        loop {
            // First, so that what happens from here on is not missed. The reader wakes the one that polled it last; the
            // others have to be woken as well.
            self.more.arm(cx.waker());
            self.back.arm(cx.waker());
            let taken = self.poll_taken(cx);
            if let Poll::Ready(request) = taken {
                if let Some(request) = &request {
                    self.calls.begins(request.record.offset());
                }
                return Poll::Ready(request);
            }
            let due = self.calls.lock().progress.next_due();
            let Some(due) = due else {
                self.timer = None;
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.into())));
            if timer.deadline() != due.into() {
                timer.as_mut().reset(due.into());
            }
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
        }
    }

    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        let patience = self.calls.patience();
        let mut state = self.calls.lock();
        let State { unanswered, progress, .. } = &mut *state;
        let Some(Unanswered { reader, again, answered }) = unanswered else { return Poll::Ready(None) };
        while let Some((offset, attempt)) = progress.take_due(Instant::now(), patience) {
            again.seek(offset);
            match again.next_ready() {
                Ok(Some(record)) if record.offset() == offset => {
                    // Read alone, so it would hold a whole chunk by itself.
                    if let Some(request) = Request::read(record.detached(), attempt) {
                        return Poll::Ready(Some(request));
                    }
                }
                Ok(_) => drop(progress.ack(offset)),
                Err(error) => {
                    error!(%error, offset, "a call that came back cannot be read, and is given up");
                    progress.ack(offset);
                }
            }
        }
        loop {
            match ready!(reader.poll_next(cx)) {
                Some(Ok(record)) => {
                    let offset = record.offset();
                    let wanted = !answered.remove(&offset) && is_call(&record);
                    let attempt = progress.take(offset, wanted, Instant::now(), patience);
                    if let Some(request) = attempt.and_then(|attempt| Request::read(record, attempt)) {
                        return Poll::Ready(Some(request));
                    }
                }
                Some(Err(error @ StoreError::Corrupt { .. })) => error!(%error, "calls were lost"),
                Some(Err(error)) => {
                    error!(%error, "calls cannot be read");
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        // It may have been woken for something that another has to do now.
        self.calls.sleepers.wake();
    }
}
