//! What a handler and its call have in common: headers for the reply, and word that nobody waits for it any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::frame::Headers;

#[derive(Debug, Default)]
pub(super) struct Handling {
    /// What the handler wants to send back.
    pub(super) headers: Mutex<Headers>,
    cancelled: AtomicBool,
    /// Made when somebody first waits for it, which few handlers do.
    token: OnceLock<CancellationToken>,
}

impl Handling {
    pub(super) fn cancel(&self) {
        // Before the look at the token: whoever makes one meanwhile looks at this after that.
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(token) = self.token.get() {
            token.cancel();
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    pub(super) async fn cancelled(&self) {
        let token = self.token.get_or_init(CancellationToken::new);
        if !self.is_cancelled() {
            token.cancelled().await;
        }
    }
}
