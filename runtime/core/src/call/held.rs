//! What a bus holds while one of its calls is under way: its place among those at once, and the word that ends it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The calls of one server that are under way, and the word that ends them all.
#[derive(Debug)]
pub(crate) struct Gate {
    under_way: AtomicUsize,
    kill: CancellationToken,
    /// Somebody waits for the last call to end.
    awaited: AtomicBool,
    idle: Notify,
}

/// A call's place at the gate, given back when it is dropped.
#[derive(Debug)]
pub struct Held(Arc<Gate>);

impl Gate {
    pub(crate) fn new(kill: CancellationToken) -> Arc<Self> {
        let (under_way, awaited) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { under_way, kill, awaited, idle: Notify::new() })
    }

    /// A place, if fewer than so many are taken.
    pub(crate) fn enter(self: &Arc<Self>, max_calls: usize) -> Option<Held> {
        let held = Held(Arc::clone(self));
        // Given back by the place's end, also where there was none.
        (self.under_way.fetch_add(1, Ordering::SeqCst) < max_calls).then_some(held)
    }

    /// Whether all were told to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.kill.is_cancelled()
    }

    /// Resolves when all places have been given back.
    pub(crate) async fn idle(&self) {
        self.awaited.store(true, Ordering::SeqCst);
        loop {
            let mut idle = pin!(self.idle.notified());
            // From here on a place that is given back is noticed; one before is counted.
            idle.as_mut().enable();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Held {
    /// Resolves when all are told to end.
    pub(super) fn killed(&self) -> WaitForCancellationFuture<'_> {
        self.0.kill.cancelled()
    }

    /// Runs a call until it ends or all are ended. Most calls end at once, and then nothing else is looked at.
    pub(crate) async fn during(self, call: impl Future<Output = Option<Bytes>>) -> Option<Bytes> {
        let (mut call, mut killed) = (pin!(call), None);
        poll_fn(|cx| {
            if let Poll::Ready(reply) = call.as_mut().poll(cx) {
                return Poll::Ready(reply);
            }
            let killed = killed.get_or_insert_with(|| Box::pin(self.killed()));
            killed.as_mut().poll(cx).map(|()| None)
        })
        .await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.awaited.load(Ordering::SeqCst) {
            self.0.idle.notify_waiters();
        }
    }
}
