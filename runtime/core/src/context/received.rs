//! What the last reply to a call brought along.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock;
use crate::frame::{self, Headers};

/// The headers of the last reply. A context may be used by many calls at once, most of which bring what the one before brought: those
/// only look, and take no lock for it.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// It brought the caller's correlation id and nothing else.
    only_id: AtomicBool,
    brought: Mutex<Brought>,
}

/// The headers of a reply.
#[derive(Debug, Default)]
pub(super) enum Brought {
    #[default]
    Nothing,
    /// The caller's correlation id and nothing else.
    CorrelationId,
    Headers(Headers),
}

impl Received {
    pub(super) fn set(&self, brought: Brought) {
        let only_id = matches!(brought, Brought::CorrelationId);
        if only_id && self.only_id.load(Ordering::Acquire) {
            return;
        }
        let mut place = lock(&self.brought);
        *place = brought;
        // Under the lock, so that it says what is there.
        self.only_id.store(only_id, Ordering::Release);
    }

    /// They, where the caller's correlation id is this one.
    pub(super) fn headers(&self, correlation_id: &str) -> Headers {
        match &*lock(&self.brought) {
            Brought::Nothing => Headers::new(),
            Brought::CorrelationId => [(frame::CORRELATION_ID, correlation_id)].into_iter().collect(),
            Brought::Headers(headers) => headers.clone(),
        }
    }
}
