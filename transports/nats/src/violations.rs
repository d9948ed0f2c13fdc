//! What the NATS server does not permit: heard of by a word of its own some time after a subscription or a publish, and told to whoever
//! subscribed, and to whoever publishes to the same subject again.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{ConnectOptions, Event, ServerError};

/// How many are kept of subscriptions. Nobody asks for those of a connection that is made again.
const KEPT: usize = 64;

/// How many subjects are kept to which nothing may be published. Of further ones there is a line in the log alone.
const SUBJECTS: usize = 1024;

/// The last words of a server on what its user may not do. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations(Arc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    subscriptions: Mutex<VecDeque<String>>,
    /// Subjects, of this connection.
    publishes: Mutex<HashSet<String>>,
    /// Whether there are such, for those who publish.
    denies: AtomicBool,
}

impl Violations {
    /// Has a connection tell of them.
    pub(crate) fn watch(&self, options: ConnectOptions) -> ConnectOptions {
        let heard = Arc::clone(&self.0);
        options.event_callback(move |event| {
            match event {
                Event::ServerError(ServerError::Other(text)) => heard.note(text),
                // What its user may do may have changed: a server lets go of those of whom it has.
                Event::Connected | Event::Disconnected => heard.forget(),
                _ => {}
            }
            std::future::ready(())
        })
    }

    /// What was said of a subscription to this subject, if something was; said once.
    pub(crate) fn take(&self, subject: &str) -> Option<String> {
        // As nats-server writes it; of a queue group there is more behind.
        let start = format!("Permissions Violation for Subscription to \"{subject}\"");
        let mut violations = lock(&self.0.subscriptions);
        let at = violations.iter().position(|text| text.starts_with(&start))?;
        violations.remove(at)
    }

    /// Whether something published to this subject, in two parts, was not permitted on this connection.
    pub(crate) fn denies_publish(&self, prefix: &str, rest: &str) -> bool {
        self.0.denies.load(Ordering::Relaxed) && lock(&self.0.publishes).contains(&[prefix, rest].concat())
    }
}

impl Heard {
    fn note(&self, text: String) {
        let published = text.strip_prefix("Permissions Violation for Publish to \"");
        if let Some((subject, _)) = published.and_then(|rest| rest.rsplit_once('"')) {
            let mut publishes = lock(&self.publishes);
            if publishes.len() < SUBJECTS {
                publishes.insert(subject.to_owned());
                self.denies.store(true, Ordering::Relaxed);
            }
        } else if text.starts_with("Permissions Violation") {
            let mut violations = lock(&self.subscriptions);
            if violations.len() == KEPT {
                violations.pop_front();
            }
            violations.push_back(text);
        }
    }

    fn forget(&self) {
        let mut publishes = lock(&self.publishes);
        publishes.clear();
        self.denies.store(false, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
