//! What the NATS server does not permit: heard of by a word of its own some time after a subscription, and told to whoever
//! subscribed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{ConnectOptions, Event, ServerError};

/// How many are kept. Nobody asks for those of a connection that is made again, or of what was published.
const KEPT: usize = 64;

/// The last words of a server on what its user may not do. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations(Arc<Mutex<VecDeque<String>>>);

impl Violations {
    /// Has a connection tell of them.
    pub(crate) fn watch(&self, options: ConnectOptions) -> ConnectOptions {
        let heard = self.clone();
        options.event_callback(move |event| {
            if let Event::ServerError(ServerError::Other(text)) = event
                && text.starts_with("Permissions Violation")
            {
                let mut violations = heard.lock();
                if violations.len() == KEPT {
                    violations.pop_front();
                }
                violations.push_back(text);
            }
            std::future::ready(())
        })
    }

    /// What was said of a subscription to this subject, if something was; said once.
    pub(crate) fn take(&self, subject: &str) -> Option<String> {
        // As nats-server writes it; of a queue group there is more behind.
        let start = format!("Permissions Violation for Subscription to \"{subject}\"");
        let mut violations = self.lock();
        let at = violations.iter().position(|text| text.starts_with(&start))?;
        violations.remove(at)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
