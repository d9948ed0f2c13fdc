//! One received frame, and how its transport is told what became of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::{BoxFuture, Error};

/// What may happen to an event between publisher and subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// An event is delivered once or, when a connection or a process fails, not at all.
    AtMostOnce,
    /// An event is delivered until it is acknowledged, so possibly more than once.
    AtLeastOnce,
}

/// A frame as a transport delivers it to a subscription.
pub struct Delivery {
    /// The topic it was published to.
    pub topic: String,
    /// The whole frame, its leading size included.
    pub frame: Bytes,
    /// Its offset, on transports that keep events.
    pub offset: Option<u64>,
    /// When it was stored, on transports that keep events.
    pub time: Option<SystemTime>,
    /// 1 for the first delivery, and one more for each further one.
    pub attempt: u32,
    /// How to say what became of it; `None` where the transport does not want to know.
    pub acknowledge: Option<Box<dyn Acknowledge>>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.topic)
            .field("offset", &self.offset)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Tells a transport what became of an event. Dropped without any of these calls, the event counts as not handled.
pub trait Acknowledge: Send + Sync {
    /// It was handled, and need not be delivered again. Resolves when that is as durable as the transport makes it.
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;

    /// It was not handled, for this reason, and is to be delivered again, after this delay or as long as is usual on this transport. The
    /// reason may be empty.
    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>>;

    /// It can never be handled, for this reason, and is not to be delivered again: a dead letter. Resolves when it is kept as one.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where there are no dead letters; then it counts as not handled, as by [`nack`](Acknowledge::nack).
    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>>;

    /// It is still being handled: a transport that gives only so much time, before it delivers the event to another, starts that time
    /// again. `false` when the event is another's already.
    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        Box::pin(std::future::ready(Ok(true)))
    }

    /// It was not handled, for this reason, and whoever has it is about to try it again without giving it back, which counts as a delivery.
    /// `false` when it has had as many as the transport allows: then it is for [`nack`](Acknowledge::nack) to say so, and it becomes a
    /// dead letter.
    fn again(&mut self, reason: &str) -> bool {
        let _ = reason;
        true
    }
}
