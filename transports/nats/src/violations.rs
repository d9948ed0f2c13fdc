//! What the NATS server does not permit: heard of by a word of its own some time after a subscription or a publish, and told to whoever
//! subscribed, and to whoever publishes to the same subject again.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{ConnectOptions, Event, ServerError};

/// How many are kept of subscriptions. Nobody asks for those of a connection that is made again.
const KEPT: usize = 64;

/// How many subjects are kept to which nothing may be published. Of further ones there is a line in the log alone.
const SUBJECTS: usize = 1024;

/// How long the server's word on a subject is believed. A server whose configuration is reloaded changes what a user may do and
/// leaves the connection as it is, without a word: so what is sent after this time goes out, and the server says so again if it is
/// still not permitted.
const BELIEVED: Duration = Duration::from_secs(5);

/// Subjects that are made for one message: replies and acknowledgements. Nothing is sent there twice.
const ONCE: [&str; 2] = ["_INBOX.", "$JS."];

/// The last words of a server on what its user may not do. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations(Arc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    subscriptions: Mutex<VecDeque<String>>,
    /// Subjects of this connection, and when the server last spoke of each.
    publishes: Mutex<HashMap<String, Instant>>,
    /// Whether there are such, for those who publish.
    denies: AtomicBool,
}

impl Violations {
    /// Has a connection tell of them.
    pub(crate) fn watch(&self, options: ConnectOptions) -> ConnectOptions {
        let heard = Arc::clone(&self.0);
        options.event_callback(move |event| {
            match event {
                Event::ServerError(ServerError::Other(text)) => heard.note(text, Instant::now()),
                // Another server, or the same one started anew, may permit more.
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

    /// Whether something published to this subject, in two parts, was not permitted on this connection a short time ago.
    pub(crate) fn denies_publish(&self, prefix: &str, rest: &str) -> bool {
        self.0.denies.load(Ordering::Relaxed) && self.0.denies(&[prefix, rest].concat(), Instant::now())
    }
}

impl Heard {
    fn note(&self, text: String, now: Instant) {
        let published = text.strip_prefix("Permissions Violation for Publish to \"");
        if let Some((subject, _)) = published.and_then(|rest| rest.rsplit_once('"')) {
            self.note_publish(subject, now);
        } else if text.starts_with("Permissions Violation") {
            let mut violations = lock(&self.subscriptions);
            if violations.len() == KEPT {
                violations.pop_front();
            }
            violations.push_back(text);
        }
    }

    fn note_publish(&self, subject: &str, now: Instant) {
        if ONCE.iter().any(|prefix| subject.starts_with(prefix)) {
            return;
        }
        let mut publishes = lock(&self.publishes);
        if publishes.len() == SUBJECTS {
            publishes.retain(|_, said| is_believed(*said, now));
        }
        if publishes.len() < SUBJECTS || publishes.contains_key(subject) {
            publishes.insert(subject.to_owned(), now);
            self.denies.store(true, Ordering::Relaxed);
        }
    }

    fn denies(&self, subject: &str, now: Instant) -> bool {
        let mut publishes = lock(&self.publishes);
        let Some(said) = publishes.get(subject) else { return false };
        let is_believed = is_believed(*said, now);
        if !is_believed {
            publishes.remove(subject);
            self.denies.store(!publishes.is_empty(), Ordering::Relaxed);
        }
        is_believed
    }

    fn forget(&self) {
        let mut publishes = lock(&self.publishes);
        publishes.clear();
        self.denies.store(false, Ordering::Relaxed);
    }
}

fn is_believed(said: Instant, now: Instant) -> bool {
    now.saturating_duration_since(said) < BELIEVED
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deny(heard: &Heard, subject: &str, now: Instant) {
        heard.note(format!("Permissions Violation for Publish to \"{subject}\""), now);
    }

    #[test]
    fn a_subject_is_denied_for_a_while_and_again_when_the_server_says_so_again() {
        let (heard, said) = (Heard::default(), Instant::now());
        deny(&heard, "private.till", said);
        assert!(heard.denies("private.till", said + BELIEVED - Duration::from_millis(1)));
        assert!(!heard.denies("public.till", said));
        let later = said + BELIEVED;
        assert!(!heard.denies("private.till", later) && !heard.denies.load(Ordering::Relaxed));
        deny(&heard, "private.till", later);
        assert!(heard.denies("private.till", later) && heard.denies.load(Ordering::Relaxed));
    }

    #[test]
    fn subjects_of_one_message_and_those_long_denied_take_no_place() {
        let (heard, said) = (Heard::default(), Instant::now());
        for reply in 0..2 * SUBJECTS {
            deny(&heard, &format!("_INBOX.a.{reply}"), said);
            deny(&heard, &format!("$JS.ACK.FRUGAL.mailer.1.{reply}"), said);
        }
        assert!(lock(&heard.publishes).is_empty());
        for subject in 0..=SUBJECTS {
            deny(&heard, &subject.to_string(), said);
        }
        assert!(heard.denies("0", said) && !heard.denies(&SUBJECTS.to_string(), said), "there is no place for more");
        let later = said + BELIEVED;
        deny(&heard, "late", later);
        assert!(heard.denies("late", later));
        assert_eq!(lock(&heard.publishes).len(), 1);
    }
}
