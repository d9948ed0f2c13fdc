//! The requests of one service: taken, started as places are free, and, when the service stops, not lost.
//!
//! Leaving a queue group is the delicate part. The NATS server goes on choosing this member until it has read the
//! unsubscription, and the client library forgets the subscription before that (`async-nats` 0.51 drops it the next time
//! anything wakes its connection), so that requests on their way between the two vanish: one in some four thousand calls
//! of a rolling restart under load. So a service first asks for a last few requests, a number that the server itself
//! counts and holds to, and takes those; under load they come at once, and what is left to lose is what arrives within the
//! microseconds of an unsubscription at times when next to nothing arrives at all.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::bus::Shared;

/// How long the last few requests may take to come.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// A subscription, and the tasks that answer what comes by it.
pub(crate) struct Requests<A> {
    subscription: Subscriber,
    answer: A,
    calls: JoinSet<()>,
    /// Taken from the subscription while no place was free.
    waiting: VecDeque<Message>,
    concurrency: usize,
    /// How many came so far.
    taken: u64,
    /// How often the connection had been made when the subscription was. The NATS server counts a subscription's messages
    /// anew with each.
    connects: u64,
}

impl<A, F> Requests<A>
where
    A: Fn(Message) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    pub(crate) fn new(shared: &Shared, subscription: Subscriber, concurrency: usize, answer: A) -> Self {
        Self {
            subscription,
            answer,
            calls: JoinSet::new(),
            waiting: VecDeque::new(),
            concurrency,
            taken: 0,
            connects: connects(shared),
        }
    }

    /// Answers requests for as long as there are any. May be dropped between two of them; nothing is lost.
    pub(crate) async fn serve(&mut self) {
        // While all places are taken, further requests wait in the subscription.
        while self.advance(|calls, concurrency| calls < concurrency, pending()).await.is_some() {}
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
            self.start();
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
            match self.advance(|_, _| true, &mut end).await {
                Some(true) => {}
                Some(false) => return false,
                None => return true,
            }
        }
    }

    /// One step: a request comes, a call ends, or `end` resolves, which gives false. `None` when no more requests come.
    async fn advance(&mut self, takes: fn(usize, usize) -> bool, end: impl Future<Output = ()>) -> Option<bool> {
        self.start();
        tokio::select! {
            message = self.subscription.next(), if takes(self.calls.len(), self.concurrency) => {
                self.waiting.push_back(message?);
                self.taken += 1;
                self.start();
            }
            Some(_) = self.calls.join_next() => {}
            () = end => return Some(false),
        }
        Some(true)
    }

    fn start(&mut self) {
        while self.calls.len() < self.concurrency
            && let Some(message) = self.waiting.pop_front()
        {
            self.calls.spawn((self.answer)(message));
        }
    }
}

fn connects(shared: &Shared) -> u64 {
    shared.nats.statistics().connects.load(Ordering::Relaxed)
}
