//! The requests of one service: taken, started as places are free, and, when the service stops, not lost.
//!
//! Leaving a queue group is the delicate part. The NATS server goes on choosing this member until it has read the
//! unsubscription, and the client library forgets the subscription before that (`async-nats` 0.51 drops it the next time
//! anything wakes its connection), so that requests on their way between the two vanish: one in some four thousand calls
//! of a rolling restart under load. So a service first asks for a last few requests, a number that the server itself
//! counts and holds to, and takes those; under load they come at once, and what is left to lose is what arrives within the
//! microseconds of an unsubscription at times when next to nothing arrives at all.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::bus::Shared;
use crate::server::Server;

/// How long the last few requests may take to come.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// A subscription, and the tasks of calls that have to wait.
pub(crate) struct Requests {
    server: Arc<Server>,
    subscription: Subscriber,
    calls: JoinSet<()>,
    /// Taken from the subscription while no place was free, when the service stops.
    waiting: VecDeque<Message>,
    concurrency: usize,
    /// How many came so far.
    taken: u64,
    /// How often the connection had been made when the subscription was. The NATS server counts a subscription's messages
    /// anew with each.
    connects: u64,
}

impl Requests {
    pub(crate) fn new(server: Arc<Server>, shared: &Shared, subscription: Subscriber, concurrency: usize) -> Self {
        let (calls, waiting, connects) = (JoinSet::new(), VecDeque::new(), connects(shared));
        Self { server, subscription, calls, waiting, concurrency, taken: 0, connects }
    }

    /// The service's name.
    pub(crate) fn service(&self) -> &'static str {
        self.server.name()
    }

    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The next request, once there is a place for it: while all are taken, further ones wait in the subscription. Ready with
    /// nothing when no more come.
    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        while !self.calls.is_empty() && self.calls.poll_join_next(cx).is_ready() {}
        if self.calls.len() >= self.concurrency {
            return Poll::Pending;
        }
        let message = ready!(self.subscription.poll_next_unpin(cx));
        self.taken += u64::from(message.is_some());
        Poll::Ready(message)
    }

    /// Gives a request a task.
    pub(crate) fn start(&mut self, message: Message) {
        self.calls.spawn(Arc::clone(&self.server).answer(message));
    }

    /// Gives what is left of a call a task, and a place among those under way.
    pub(crate) fn spawn(&mut self, rest: impl Future<Output = ()> + Send + 'static) {
        self.calls.spawn(rest);
    }

    /// Takes what the NATS server has sent or will send before it has heard that this service stops, and answers it all.
    pub(crate) async fn leave(mut self, shared: &Shared) {
        if !self.take_last(shared).await {
            let drained = tokio::time::timeout(shared.timeout, self.subscription.drain()).await;
            if matches!(drained, Ok(Ok(()))) {
                // Without a connection nobody confirms it.
                self.take_until(tokio::time::sleep(shared.timeout)).await;
            }
        }
        while !self.calls.is_empty() || !self.waiting.is_empty() {
            self.start_waiting();
            self.calls.join_next().await;
        }
    }

    /// Asks for the last few requests, and takes them. True when nothing more can come.
    async fn take_last(&mut self, shared: &Shared) -> bool {
        let before = self.taken;
        let mut confirmed = false;
        if self.take_until(async { confirmed = shared.round_trip().await.is_ok() }).await {
            return true;
        }
        if !confirmed || connects(shared) != self.connects {
            return false;
        }
        // More than are on their way, going by how many came within one round trip.
        let last = self.taken + 16 + 8 * (self.taken - before);
        if self.subscription.unsubscribe_after(last).await.is_err() {
            return true;
        }
        self.take_until(tokio::time::sleep(LAST_REQUESTS)).await
    }

    /// Takes everything that comes until `end`, whether or not places are free. True when nothing more can come.
    async fn take_until(&mut self, end: impl Future<Output = ()>) -> bool {
        let mut end = std::pin::pin!(end);
        loop {
            self.start_waiting();
            tokio::select! {
                message = self.subscription.next() => {
                    let Some(message) = message else { return true };
                    self.waiting.push_back(message);
                    self.taken += 1;
                }
                Some(_) = self.calls.join_next() => {}
                () = &mut end => return false,
            }
        }
    }

    fn start_waiting(&mut self) {
        while self.calls.len() < self.concurrency
            && let Some(message) = self.waiting.pop_front()
        {
            self.start(message);
        }
    }
}

fn connects(shared: &Shared) -> u64 {
    shared.nats.statistics().connects.load(Ordering::Relaxed)
}
