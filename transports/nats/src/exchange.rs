//! Requests out and what is answered: one inbox, a table of who waits, and one task that delivers the answers and sends
//! together what many ask for at once.
//!
//! ```text
//!   few wait ──► the connection                                     many wait ──► unsent ──┐
//!                                                                                          ▼
//!   the inbox ──► Delivery ──► who waits, all that came at once         the connection ◄── Delivery, when all had their turn
//! ```
//!
//! A task that another wakes runs right behind it on the same thread. So of many callers that are woken by one read of the
//! connection, the first would have its next request written before the second has made one: a system call for each here, and
//! one to read it at the NATS server, which answers it by itself again. With 64 calls in flight that is half of the processor
//! time that a call takes on both sides.

use std::collections::{HashMap, VecDeque, hash_map};
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use async_nats::client::PublishError;
use async_nats::client::traits::Publisher;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use thriftwood_core::observe::LateReplies;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tracing::debug;

use crate::error;

/// Digits of the largest number.
const MAX_DIGITS: usize = 20;

/// With so many waiting, more are likely to ask at once.
const CROWD: usize = 8;

/// Requests that are put together to be sent. While as many are unsent, further ones wait at the connection, each by itself.
const MAX_UNSENT: usize = 1024;

/// Answers that are delivered under one lock.
const BATCH: usize = 64;

/// Which request a message answers, by its number, and how; none where it cannot be told.
pub(crate) type Read = fn(Message) -> Option<(u64, Answer)>;

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Bytes),
    NoResponders,
    /// The connection did not take it.
    Unsent(PublishError),
}

/// Why nothing was asked.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The bus is closed.
    Closed,
    /// Another request with the same number is under way, and their answers could not be told apart.
    Duplicate,
}

/// The requests of one kind, on one bus.
pub(crate) struct Exchange {
    nats: Client,
    /// What answers are sent to, but for what stands behind the last dot.
    inbox: String,
    table: Arc<Table>,
    /// Ends the task that delivers when the last handle of the bus is gone without a close; the task's subscription would keep
    /// the connection alive.
    _deliver: DropGuard,
}

#[derive(Default)]
struct Table(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    unsent: VecDeque<(u64, OutboundMessage)>,
    delivery: Option<Waker>,
    closed: bool,
}

impl Exchange {
    /// Subscribes to an inbox, which serves every request there will be until `end`. Answers that nobody waits for are counted.
    pub(crate) async fn start(
        nats: &Client,
        end: &CancellationToken,
        late: LateReplies,
        read: Read,
    ) -> Result<Self, thriftwood_core::Error> {
        let inbox = nats.new_inbox();
        let answers = nats.subscribe(format!("{inbox}.*")).await.map_err(error::bus)?;
        let (table, end) = (Arc::new(Table::default()), end.child_token());
        tokio::spawn(Delivery {
            answers,
            read,
            late,
            nats: nats.clone(),
            table: Arc::downgrade(&table),
            end: Box::pin(end.clone().cancelled_owned()),
            came: Vec::new(),
            found: Vec::new(),
            sending: VecDeque::new(),
            waited: false,
        });
        Ok(Self { nats: nats.clone(), inbox: format!("{inbox}."), table, _deliver: end.drop_guard() })
    }

    /// What the answer to a request is sent to, but for its number.
    pub(crate) fn inbox(&self) -> &str {
        &self.inbox
    }

    /// What the answer to the request of this number is sent to.
    pub(crate) fn place(&self, number: u64) -> Subject {
        let mut place = String::with_capacity(self.inbox.len() + MAX_DIGITS);
        // A string takes whatever is written to it.
        let _ = write!(place, "{}{number}", self.inbox);
        place.into()
    }

    /// Sends a request, and waits for its answer as long as it takes; none when the bus was closed meanwhile.
    pub(crate) async fn ask(&self, number: u64, request: OutboundMessage) -> Result<Option<Answer>, Refused> {
        let (sender, answer) = oneshot::channel();
        let alone = self.table.lock().enter(number, sender, request)?;
        let mut entry = Entry { table: &self.table, number, answer };
        if let Some(request) = alone
            && let Err(source) = self.nats.publish_message(request).await
        {
            return Ok(Some(Answer::Unsent(source)));
        }
        Ok((&mut entry.answer).await.ok())
    }
}

impl Table {
    /// The lock guards plain collections; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes on a request. It is given back where few others wait, to be sent by whoever asks.
    fn enter(
        &mut self,
        number: u64,
        sender: oneshot::Sender<Answer>,
        request: OutboundMessage,
    ) -> Result<Option<OutboundMessage>, Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        match self.waiting.entry(number) {
            hash_map::Entry::Vacant(place) => place.insert(sender),
            hash_map::Entry::Occupied(_) => return Err(Refused::Duplicate),
        };
        if self.waiting.len() < CROWD || self.unsent.len() >= MAX_UNSENT {
            return Ok(Some(request));
        }
        self.unsent.push_back((number, request));
        if let Some(delivery) = self.delivery.take() {
            delivery.wake();
        }
        Ok(None)
    }
}

/// A place in the table, given up when whoever asked is gone.
struct Entry<'a> {
    table: &'a Table,
    number: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        // Who answered has taken it out of the table, and by now another may be there with this number.
        if matches!(self.answer.try_recv(), Err(TryRecvError::Empty)) {
            self.table.lock().waiting.remove(&self.number);
        }
    }
}

/// The task that delivers, and sends what is sent together.
struct Delivery {
    answers: Subscriber,
    read: Read,
    late: LateReplies,
    nats: Client,
    table: Weak<Table>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    came: Vec<(u64, Answer)>,
    found: Vec<(oneshot::Sender<Answer>, Answer)>,
    sending: VecDeque<(u64, OutboundMessage)>,
    /// Those that are ready to ask have had their turn.
    waited: bool,
}

impl Future for Delivery {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(table) = this.table.upgrade() else { return Poll::Ready(()) };
        if this.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let more = this.poll_take(cx);
            this.deliver(&table);
            match more {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        this.poll_send(&table, cx)
    }
}

impl Delivery {
    /// Takes what came, up to a number; ready when that is reached, and false when nothing more can come.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.came.len() < BATCH {
            let Some(message) = ready!(self.answers.poll_next_unpin(cx)) else { return Poll::Ready(false) };
            match (self.read)(message) {
                Some(answer) => self.came.push(answer),
                None => debug!("dropped a reply that names no call"),
            }
        }
        Poll::Ready(true)
    }

    fn deliver(&mut self, table: &Table) {
        if self.came.is_empty() {
            return;
        }
        let mut late = 0;
        let mut state = table.lock();
        for (number, answer) in self.came.drain(..) {
            match state.waiting.remove(&number) {
                Some(waiter) => self.found.push((waiter, answer)),
                None => {
                    debug!(operation_id = number, "dropped a reply that nobody waits for");
                    late += 1;
                }
            }
        }
        // Woken without the lock, which they want first thing.
        drop(state);
        for (waiter, answer) in self.found.drain(..) {
            // Who waited may have gone meanwhile.
            drop(waiter.send(answer));
        }
        if late > 0 {
            self.late.add(late);
        }
    }

    /// Sends what is unsent, once those that are ready to ask have had their turn.
    fn poll_send(&mut self, table: &Table, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            while !self.sending.is_empty() {
                let ready = ready!(self.nats.poll_ready_unpin(cx));
                let Some((number, request)) = self.sending.pop_front() else { break };
                if let Err(source) = ready.and_then(|()| self.nats.start_send_unpin(request)) {
                    self.came.push((number, Answer::Unsent(source)));
                }
            }
            self.deliver(table);
            let mut state = table.lock();
            if state.unsent.is_empty() {
                self.waited = false;
                match &mut state.delivery {
                    Some(known) => known.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            if !self.waited {
                self.waited = true;
                // To the end of the thread's queue, where the wake-up by the first of them did not put it.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.waited = false;
            std::mem::swap(&mut self.sending, &mut state.unsent);
        }
    }
}

/// Whoever still waits when the task ends, be it with its runtime, would wait in vain.
impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(table) = self.table.upgrade() else { return };
        let mut state = table.lock();
        state.closed = true;
        let gone = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.unsent));
        // Callers are woken by this.
        drop(state);
        drop(gone);
    }
}
