//! Calls out: one inbox for all of a bus's calls, and a table of who waits for which operation id.

use std::collections::{HashMap, hash_map};
use std::fmt::Write;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_nats::connection::State;
use async_nats::{Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use thriftwood_core::frame::Frame;
use thriftwood_core::observe::LateReplies;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Error, RpcError, RpcErrorKind};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::bus::Shared;
use crate::error;

/// Digits of the largest operation id.
const MAX_DIGITS: usize = 20;

/// The calls of one bus.
pub(crate) struct Calls {
    shared: Arc<Shared>,
    /// What replies are sent to, but for the operation id behind it.
    inbox: String,
    /// The same, for calls that want none.
    bare_inbox: Subject,
    waiting: Arc<Waiting>,
    /// Ends the task that delivers replies when the last handle of the bus is gone without a close; the task's
    /// subscription would keep the connection alive.
    _deliver: DropGuard,
}

type Waiting = Mutex<HashMap<u64, oneshot::Sender<Answer>>>;

enum Answer {
    Reply(Bytes),
    NoResponders,
}

impl Calls {
    /// Subscribes to the inbox. One subscription serves every call there will be.
    pub(crate) async fn start(shared: &Arc<Shared>) -> Result<Arc<Self>, Error> {
        let inbox = shared.nats.new_inbox();
        let waiting = Arc::new(Waiting::default());
        let replies = shared.nats.subscribe(format!("{inbox}.*")).await.map_err(error::bus)?;
        let end = shared.lifecycle.token().child_token();
        tokio::spawn(deliver(replies, Arc::downgrade(&waiting), shared.late.clone(), end.clone()));
        let (shared, bare_inbox) = (Arc::clone(shared), Subject::from(inbox.as_str()));
        Ok(Arc::new(Self { shared, inbox: format!("{inbox}."), bare_inbox, waiting, _deliver: end.drop_guard() }))
    }

    async fn call(&self, subject: &Subject, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let unavailable = |text: &str| RpcError::new(RpcErrorKind::Unavailable, text);
        self.shared.lifecycle.check().map_err(|error| unavailable(error.message()))?;
        if self.shared.nats.connection_state() != State::Connected {
            return Err(unavailable("the NATS connection is down at the moment"));
        }
        let (size, limit) = (outbound.frame.len(), self.shared.max_payload());
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit} on NATS");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        let Outbound { operation_id, frame, oneway } = outbound;
        let lost = |source| unavailable("the NATS connection is closed").with_source(source);
        if oneway {
            // Peers' servers discard a message without a reply subject. Nothing listens to the bare inbox.
            let published = self.shared.publish(subject.clone(), Some(self.bare_inbox.clone()), frame);
            return published.await.map(|()| None).map_err(lost);
        }
        let entry = Entry::new(&self.waiting, operation_id)?;
        // Again, now that the entry is there: a close between the two has emptied the table already.
        self.shared.lifecycle.check().map_err(|error| unavailable(error.message()))?;
        let mut reply_to = String::with_capacity(self.inbox.len() + MAX_DIGITS);
        reply_to.push_str(&self.inbox);
        // A string takes whatever is written to it.
        let _ = write!(reply_to, "{operation_id}");
        self.shared.publish(subject.clone(), Some(reply_to.into()), frame).await.map_err(lost)?;
        match entry.answer().await {
            Some(Answer::Reply(frame)) => Ok(Some(frame)),
            Some(Answer::NoResponders) => Err(unavailable(&format!("nobody serves `{subject}`"))),
            None => Err(RpcError::new(RpcErrorKind::Disconnected, "the bus was closed before the reply came")),
        }
    }
}

/// The way to one subject.
pub(crate) struct Channel {
    calls: Arc<Calls>,
    address: Result<Subject, String>,
}

impl Channel {
    pub(crate) fn new(calls: Arc<Calls>, address: &str) -> Self {
        let checked = error::check_subject("the address of a service on NATS", address, false);
        Self { calls, address: checked.map(|()| Subject::from(address)) }
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            match &self.address {
                Ok(subject) => self.calls.call(subject, outbound).await,
                Err(problem) => Err(RpcError::new(RpcErrorKind::InvalidRequest, problem)),
            }
        })
    }
}

/// A place in the table, given up when the caller is gone.
struct Entry<'a> {
    waiting: &'a Waiting,
    operation_id: u64,
    answer: oneshot::Receiver<Answer>,
    /// Who answered has taken it out of the table.
    answered: bool,
}

impl<'a> Entry<'a> {
    fn new(waiting: &'a Waiting, operation_id: u64) -> Result<Self, RpcError> {
        let (sender, answer) = oneshot::channel();
        match lock(waiting).entry(operation_id) {
            hash_map::Entry::Vacant(place) => place.insert(sender),
            // The reply could not be told from that of the call which is under way.
            hash_map::Entry::Occupied(_) => {
                let text = format!("a call with the same operation id, {operation_id}, is under way on this bus");
                return Err(RpcError::new(RpcErrorKind::InvalidRequest, text));
            }
        };
        Ok(Self { waiting, operation_id, answer, answered: false })
    }

    async fn answer(mut self) -> Option<Answer> {
        let answer = (&mut self.answer).await.ok();
        self.answered = answer.is_some();
        answer
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !self.answered {
            lock(self.waiting).remove(&self.operation_id);
        }
    }
}

async fn deliver(mut replies: Subscriber, waiting: Weak<Waiting>, late: LateReplies, end: CancellationToken) {
    // Once for all replies: to begin waiting for it takes its lock.
    let mut cancelled = pin!(end.cancelled());
    loop {
        let message = tokio::select! {
            biased;
            message = replies.next() => message,
            () = &mut cancelled => None,
        };
        let (Some(message), Some(waiting)) = (message, waiting.upgrade()) else { break };
        let Some((operation_id, answer)) = read(message) else {
            debug!("dropped a reply that names no call");
            continue;
        };
        let waiter = lock(&waiting).remove(&operation_id);
        match waiter {
            // The caller may have gone meanwhile.
            Some(waiter) => drop(waiter.send(answer)),
            None => {
                debug!(operation_id, "dropped a reply that nobody waits for");
                late.add(1);
            }
        }
    }
    // Whoever still waits would wait in vain.
    if let Some(waiting) = waiting.upgrade() {
        lock(&waiting).clear();
    }
}

/// Which call a message answers: by the frame inside, since some peers answer to the bare inbox; or by the subject it came
/// to, for a status and for bytes that cannot be read, so that their caller hears of it at once.
fn read(message: Message) -> Option<(u64, Answer)> {
    let by_subject = || message.subject.rsplit('.').next()?.parse().ok();
    // An empty payload is how some peers see the status; no frame is empty.
    if message.status == Some(StatusCode::NO_RESPONDERS) || message.payload.is_empty() {
        return Some((by_subject()?, Answer::NoResponders));
    }
    let in_frame = Frame::decode(message.payload.clone()).ok().and_then(|frame| frame.operation_id());
    Some((in_frame.or_else(by_subject)?, Answer::Reply(message.payload)))
}

/// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
