//! How long a connection goes on reading once its server stops: until nothing more can come that its peer counts on.
//!
//! A peer of ours is told, and says when no more comes. Of others a frame that has begun is read to its end. A connection of which
//! nothing was heard yet may have its first call on the way.

use std::future::Future;
use std::pin::Pin;
use std::task::Context as TaskContext;
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::connection::wire::LINGER;

/// How long after its beginning a connection may not have been heard of. Whoever connects to call does so within a round trip.
const FRESH: Duration = Duration::from_millis(500);

pub(super) struct Parting {
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    began: Instant,
    heard: bool,
    /// Runs from the stop on.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Parting {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { stop: Box::pin(stop.cancelled_owned()), began: Instant::now(), heard: false, limit: None }
    }

    /// Whether the stop has come just now.
    pub(super) fn begins(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.limit.is_some() || self.stop.as_mut().poll(cx).is_pending() {
            return false;
        }
        let until = if self.heard { Instant::now() + LINGER } else { self.began + FRESH };
        self.limit = Some(Box::pin(tokio::time::sleep_until(until)));
        true
    }

    pub(super) fn has_begun(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether it has taken too long.
    pub(super) fn is_overdue(&mut self, cx: &mut TaskContext<'_>) -> bool {
        self.limit.as_mut().is_some_and(|limit| limit.as_mut().poll(cx).is_ready())
    }

    /// A frame has come, or begun.
    pub(super) fn hear(&mut self) {
        if !self.heard {
            self.heard = true;
            if let Some(limit) = &mut self.limit {
                limit.as_mut().reset(Instant::now() + LINGER);
            }
        }
    }

    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }
}
