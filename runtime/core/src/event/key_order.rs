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

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio::time::Sleep;

use super::lines::Lines;
use super::{Acknowledge, Delivery, Guarantee};
use crate::frame::event_key;
use crate::transport::EventSource;
use crate::{BoxFuture, Error, ErrorKind};

/// Events with a key that are here and not acknowledged. While there are so many, no more are taken from the transport.
const HELD: usize = 256;

/// A source of events that keeps the order of their keys.
pub(super) struct KeyOrder {
    source: Box<dyn EventSource>,
    lines: Arc<Lines>,
    /// Gives more time to what waits, where the transport gives only so much.
    keeping: Option<AbortHandle>,
    /// Runs until the next event that was refused is due.
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl KeyOrder {
    /// Puts itself around a source.
    pub(super) fn around(source: &mut Box<dyn EventSource>) {
        let inner = std::mem::replace(source, Box::new(Nothing));
        let lines = Lines::new(inner.time_limit());
        let keeping = lines.keep();
        *source = Box::new(Self { source: inner, lines, keeping, timer: None, ended: false });
    }

    /// An event whose turn it is, if there is one here.
    fn poll_here(&mut self, cx: &mut TaskContext<'_>) -> Option<Delivery> {
        loop {
            let due = match self.lines.next(cx.waker()) {
                Ok((key, delivery)) => return Some(Turn::of(&self.lines, key, delivery)),
                Err(due) => tokio::time::Instant::from_std(due?),
            };
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

impl EventSource for KeyOrder {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        loop {
            if let Some(delivery) = self.poll_here(cx) {
                return Poll::Ready(Some(Ok(delivery)));
            }
            match (self.ended, self.lines.held()) {
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
            if let Some(delivery) = self.lines.join(&key, delivery) {
                return Poll::Ready(Some(Ok(Turn::of(&self.lines, key, delivery))));
            }
        }
    }

    fn guarantee(&self) -> Guarantee {
        self.source.guarantee()
    }
}

impl Drop for KeyOrder {
    fn drop(&mut self) {
        if let Some(keeping) = &self.keeping {
            keeping.abort();
        }
        self.lines.close();
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
        let back = match event {
            Some(event) if comes_again => self.lines.refuse(key, event, self.pause),
            event => {
                self.lines.release(key);
                event
            }
        };
        // Which tells the transport.
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
