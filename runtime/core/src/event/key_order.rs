//! Keeps the order of keys where the transport does not: of the events of one key, the next one comes when the one before it
//! was acknowledged.
//!
//! ```text
//! transport ─▶ first of its key? ─▶ consumer ─ack─▶ transport, and the next of the key gets ready
//!                    └ no ─▶ line            └nack▶ comes again after a pause, its line waits
//! ```
//!
//! An event that was refused is not given back to the transport, which could deliver it to another member while later events
//! of its key are here; it is tried again from here, for as long as the subscription lives, or as often as the transport allows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::Sleep;
use tracing::debug;

use super::{Acknowledge, Delivery, Guarantee};
use crate::frame::event_key;
use crate::transport::EventSource;
use crate::{BoxFuture, Error, ErrorKind};

/// Events with a key that are here and not acknowledged. While there are so many, no more are taken from the transport.
const HELD: usize = 256;
/// How long an event that was refused waits; twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a transport is asked for more time for what is held back here.
const EXTEND: Duration = Duration::from_secs(1);

/// A source of events that keeps the order of their keys.
pub(super) struct KeyOrder {
    source: Box<dyn EventSource>,
    lines: Arc<Lines>,
    /// Runs until the next event that was refused is due.
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while something is held back.
    extend: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

#[derive(Default)]
struct Lines(Mutex<State>);

#[derive(Default)]
struct State {
    /// Of each key whose event is with the consumer, or about to be: those behind it.
    waiting: HashMap<Bytes, VecDeque<Delivery>>,
    /// Those whose turn it is.
    ready: VecDeque<(Bytes, Delivery)>,
    /// Those that were refused, by when they come again and in which order they were refused.
    refused: BTreeMap<(Instant, u64), (Bytes, Delivery)>,
    refusals: u64,
    held: usize,
    waker: Option<Waker>,
    /// The subscription is gone: what is refused goes back to the transport.
    closed: bool,
}

impl KeyOrder {
    /// Puts itself around a source.
    pub(super) fn around(source: &mut Box<dyn EventSource>) {
        let inner = std::mem::replace(source, Box::new(Nothing));
        *source = Box::new(Self { source: inner, lines: Arc::default(), timer: None, extend: None, ended: false });
    }

    /// An event whose turn it is, if there is one here.
    fn poll_here(&mut self, cx: &mut TaskContext<'_>) -> Option<Delivery> {
        loop {
            let mut state = self.lines.lock();
            state.waker = Some(cx.waker().clone());
            let due = state.refused.first_key_value().map(|((at, _), _)| *at);
            let next = match due {
                Some(at) if at <= Instant::now() => state.refused.pop_first().map(|(_, event)| event),
                _ => state.ready.pop_front(),
            };
            drop(state);
            if let Some((key, delivery)) = next {
                return Some(Turn::of(&self.lines, key, delivery));
            }
            let due = tokio::time::Instant::from_std(due?);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return None;
            }
        }
    }
}

impl KeyOrder {
    /// Asks for more time for what is held back, each time a while has passed.
    fn poll_extend(&mut self, cx: &mut TaskContext<'_>) {
        loop {
            let state = self.lines.lock();
            let waiting = state.waiting.values().flatten().chain(state.refused.values().map(|(_, event)| event));
            let mut held = waiting.filter_map(|event| event.acknowledge.as_ref()).peekable();
            if held.peek().is_none() {
                drop(held);
                drop(state);
                self.extend = None;
                return;
            }
            let timer = self.extend.get_or_insert_with(|| Box::pin(tokio::time::sleep(EXTEND)));
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            let asking: Vec<_> = held.map(|acknowledge| acknowledge.in_progress()).collect();
            drop(state);
            tokio::spawn(async move {
                for asked in asking {
                    if let Err(error) = asked.await {
                        debug!(%error, "more time could not be asked for; the event comes again when its time is up");
                    }
                }
            });
            timer.as_mut().reset(tokio::time::Instant::now() + EXTEND);
        }
    }
}

impl EventSource for KeyOrder {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        self.poll_extend(cx);
        loop {
            if let Some(delivery) = self.poll_here(cx) {
                return Poll::Ready(Some(Ok(delivery)));
            }
            let held = self.lines.lock().held;
            match (self.ended, held) {
                (true, 0) => return Poll::Ready(None),
                (true, _) | (false, HELD..) => return Poll::Pending,
                (false, _) => {}
            }
            let delivery = match std::task::ready!(self.source.poll_next(cx)) {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.ended = true;
                    continue;
                }
            };
            let Some(key) = event_key(&delivery.frame).map(Bytes::copy_from_slice) else {
                return Poll::Ready(Some(Ok(delivery)));
            };
            let mut state = self.lines.lock();
            state.held += 1;
            if let Some(line) = state.waiting.get_mut(&key) {
                line.push_back(delivery);
                drop(state);
                self.poll_extend(cx);
                continue;
            }
            state.waiting.insert(key.clone(), VecDeque::new());
            drop(state);
            return Poll::Ready(Some(Ok(Turn::of(&self.lines, key, delivery))));
        }
    }

    fn guarantee(&self) -> Guarantee {
        self.source.guarantee()
    }
}

impl Drop for KeyOrder {
    fn drop(&mut self) {
        let mut state = self.lines.lock();
        // Dropped outside of the lock: that tells the transport.
        let left = std::mem::replace(&mut *state, State { closed: true, ..State::default() });
        drop(state);
        drop(left);
    }
}

impl Lines {
    /// The lock guards plain collections; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The event of this key that was with the consumer is done with.
    fn release(&mut self, key: Bytes) {
        if self.closed {
            return;
        }
        self.held -= 1;
        match self.waiting.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back((key, next)),
            None => drop(self.waiting.remove(&key)),
        }
        self.wake();
    }

    /// It comes again, after `pause` or as long as is usual, and its line goes on waiting. Gives it back when there is nobody it could
    /// come to.
    fn refuse(&mut self, key: Bytes, mut delivery: Delivery, pause: Option<Duration>) -> Option<Delivery> {
        if self.closed {
            return Some(delivery);
        }
        let usual = || FIRST_PAUSE.saturating_mul(1 << delivery.attempt.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
        let pause = pause.unwrap_or_else(usual);
        delivery.attempt = delivery.attempt.saturating_add(1);
        self.refusals += 1;
        self.refused.insert((Instant::now() + pause, self.refusals), (key, delivery));
        self.wake();
        None
    }
}

/// The turn of a key's event, for as long as it is with the consumer.
struct Turn {
    lines: Arc<Lines>,
    key: Bytes,
    /// What would come again; gone once it was acknowledged.
    event: Option<Delivery>,
    /// How long it waits until then, where somebody has said so.
    pause: Option<Duration>,
    /// Whether the transport knows that it was refused.
    noted: bool,
}

impl Turn {
    /// The event as the consumer gets it.
    fn of(lines: &Arc<Lines>, key: Bytes, event: Delivery) -> Delivery {
        let Delivery { offset, time, attempt, .. } = event;
        let (topic, frame) = (event.topic.clone(), event.frame.clone());
        let turn = Self { lines: Arc::clone(lines), key, event: Some(event), pause: None, noted: false };
        Delivery { topic, frame, offset, time, attempt, acknowledge: Some(Box::new(turn)) }
    }
}

impl Acknowledge for Turn {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        let acknowledge = self.event.take().and_then(|event| event.acknowledge);
        Box::pin(async move {
            let acknowledged = match acknowledge {
                Some(acknowledge) => acknowledge.ack().await,
                None => Ok(()),
            };
            drop(self);
            acknowledged
        })
    }

    fn nack(mut self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        let Some(acknowledge) = self.event.as_mut().and_then(|event| event.acknowledge.as_mut()) else {
            self.event = None;
            let refused = Error::new(ErrorKind::Unsupported, "this subscription does not redeliver");
            return Box::pin(std::future::ready(Err(refused)));
        };
        (self.noted, self.pause) = (true, delay);
        if acknowledge.again(reason) {
            drop(self);
            return Box::pin(std::future::ready(Ok(())));
        }
        let given_up = self.event.take().and_then(|event| event.acknowledge).map(|last| last.nack(reason, None));
        Box::pin(async move {
            let told = match given_up {
                Some(given_up) => given_up.await,
                None => Ok(()),
            };
            // Now the next of its key.
            drop(self);
            told
        })
    }

    fn dead_letter(mut self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        let acknowledge = self.event.take().and_then(|event| event.acknowledge);
        let reason = reason.to_owned();
        Box::pin(async move {
            let buried = match acknowledge {
                Some(acknowledge) => acknowledge.dead_letter(&reason).await,
                None => Err(Error::new(ErrorKind::Unsupported, "this subscription does not redeliver")),
            };
            drop(self);
            buried
        })
    }

    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        match self.event.as_ref().and_then(|event| event.acknowledge.as_ref()) {
            Some(acknowledge) => acknowledge.in_progress(),
            None => Box::pin(std::future::ready(Ok(true))),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let key = std::mem::take(&mut self.key);
        let mut event = self.event.take().filter(|event| event.acknowledge.is_some());
        let mut comes_again = self.noted;
        if let Some(acknowledge) = event.as_mut().and_then(|event| event.acknowledge.as_mut())
            && !self.noted
        {
            comes_again = acknowledge.again("");
        }
        let mut state = self.lines.lock();
        let back = match event {
            Some(event) if comes_again => state.refuse(key, event, self.pause),
            event => {
                state.release(key);
                event
            }
        };
        drop(state);
        // Dropped outside of the lock: that tells the transport.
        drop(back);
    }
}

/// In the place of a source while it is moved.
struct Nothing;

impl EventSource for Nothing {
    fn poll_next(&mut self, _: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        Poll::Ready(None)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce
    }
}
