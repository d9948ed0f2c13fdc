//! How long a connection waits for its peer: for the rest of a frame that has begun, and for room to write replies.
//!
//! A frame counts from its first byte, so that a peer that sends a byte now and then gains nothing; replies count from the last
//! byte that was taken, so that a slow network costs nobody its connection. While nothing is read because the server has
//! enough to do, no frame is waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::Context as TaskContext;
use std::time::Duration;

use tokio::time::Sleep;

/// Both waits of one connection. `None` is without end.
pub(super) struct Patience {
    limit: Option<Duration>,
    frame: Option<Pin<Box<Sleep>>>,
    room: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, frame: None, room: None }
    }

    /// Waits for the rest of a frame; true when it has taken too long.
    pub(super) fn with_frame(&mut self, cx: &mut TaskContext<'_>) -> bool {
        Self::is_over(&mut self.frame, self.limit, cx)
    }

    /// No frame is waited for.
    pub(super) fn without_frame(&mut self) {
        self.frame = None;
    }

    /// Waits for the peer to take something; true when it has not for too long.
    pub(super) fn with_replies(&mut self, progress: bool, cx: &mut TaskContext<'_>) -> bool {
        if progress {
            self.room = None;
        }
        Self::is_over(&mut self.room, self.limit, cx)
    }

    /// The peer took everything.
    pub(super) fn without_replies(&mut self) {
        self.room = None;
    }

    fn is_over(timer: &mut Option<Pin<Box<Sleep>>>, limit: Option<Duration>, cx: &mut TaskContext<'_>) -> bool {
        let Some(limit) = limit else { return false };
        timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit))).as_mut().poll(cx).is_ready()
    }
}
