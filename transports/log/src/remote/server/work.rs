//! Servers of calls that are elsewhere: each call goes out to one of them, and its answer comes back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{BoxFuture, RpcError, RpcErrorKind};
use tokio::sync::oneshot;

use super::session::{Session, Speaker};
use crate::remote::wire::{Fault, FaultKind, Outcome, Reply};
use crate::server;

/// The most servers of one connection.
const MOST: usize = 1024;

/// The servers of one connection.
#[derive(Default)]
pub(super) struct Workers(Mutex<All>);

/// By their numbers; without a `Serving` while they come to rest.
type All = HashMap<u32, (Arc<Remote>, Option<Serving>)>;

/// A server at the other end.
struct Remote {
    number: u32,
    speaker: Speaker,
    /// Calls that it has; `None` once it has gone.
    under_way: Mutex<Option<HashMap<u64, oneshot::Sender<Outcome>>>>,
    /// How many it was given.
    given: AtomicU64,
}

impl Session {
    pub(super) async fn serve(&self, worker: u32, address: String, concurrency: u32) -> Result<Reply, Fault> {
        let under_way = Mutex::new(Some(HashMap::new()));
        let remote = Arc::new(Remote { number: worker, speaker: self.speaker(), under_way, given: AtomicU64::new(0) });
        {
            let mut all = self.workers.lock();
            if all.contains_key(&worker) || all.len() >= MOST {
                let text = format!("there is a worker {worker} on this connection, or {MOST} others");
                return Err(Fault::new(FaultKind::Overloaded, text));
            }
            // Before its first call comes.
            all.insert(worker, (Arc::clone(&remote), None));
        }
        let mut options = ServeOptions::default();
        options.concurrency = concurrency.max(1) as usize;
        let shared = &self.server.handle.0;
        let serving = server::serve(shared, address, remote, options).await;
        let mut all = self.workers.lock();
        match (serving, all.get_mut(&worker)) {
            (Ok(serving), Some((_, place))) => *place = Some(serving),
            // Its client went meanwhile, and with the server's handle goes nothing but the handle.
            (Ok(_), None) => {}
            (Err(error), _) => {
                all.remove(&worker);
                return Err(error.into());
            }
        }
        Ok(Reply::Done)
    }
}

impl Workers {
    pub(super) fn answer(&self, worker: u32, call: u64, outcome: Outcome) -> Reply {
        let remote = self.lock().get(&worker).map(|(remote, _)| Arc::clone(remote));
        let waiting = remote.and_then(|remote| remote.under_way().as_mut()?.remove(&call));
        if let Some(waiting) = waiting {
            // Whoever waited may have ended with the bus.
            let _ = waiting.send(outcome);
        }
        Reply::Done
    }

    /// Sends a worker nothing more, and waits for the answers to what it has.
    pub(super) async fn rest(&self, worker: u32) -> Reply {
        let serving = self.lock().get_mut(&worker).and_then(|(_, serving)| serving.take());
        if let Some(serving) = serving {
            serving.stop().await;
            self.lock().remove(&worker);
        }
        Reply::Done
    }

    /// The client has gone: what it had is for others.
    pub(super) async fn clear(&self) {
        let all = std::mem::take(&mut *self.lock());
        for (remote, serving) in all.into_values() {
            drop(remote.under_way().take());
            if let Some(serving) = serving {
                serving.stop().await;
            }
        }
    }

    /// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remote {
    /// As [`Workers::lock`].
    fn under_way(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Outcome>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Remote {
    /// Its name is known where it is.
    fn service(&self) -> &'static str {
        "elsewhere"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let call = self.given.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let is_there = self.under_way().as_mut().map(|calls| calls.insert(call, sender)).is_some();
        let Inbound { frame, received, failure, .. } = inbound;
        let age = u64::try_from(Instant::now().saturating_duration_since(received).as_millis()).unwrap_or(u64::MAX);
        let work = Reply::Work { worker: self.number, call, age, frame };
        let is_sent = is_there && self.speaker.say(work.encode(0));
        Box::pin(async move {
            let outcome = if is_sent { answer.await.ok() } else { None };
            let gone = || Outcome::Stopped("the connection to the server of the call was lost".to_owned());
            let (kind, text) = match outcome.unwrap_or_else(gone) {
                Outcome::Reply(reply) => return Some(reply),
                Outcome::Done => return None,
                Outcome::Failed(text) => (RpcErrorKind::Internal, text),
                Outcome::Stopped(text) => (RpcErrorKind::Unavailable, text),
            };
            if let Some(failure) = failure {
                failure.tell(RpcError::new(kind, text));
            }
            None
        })
    }
}
