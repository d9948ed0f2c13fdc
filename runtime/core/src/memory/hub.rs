//! What the buses of one name share: who serves what, and who subscribes to what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::event::TopicFilter;
use crate::transport::Lifecycle;

/// Bytes a pipe holds before its writer waits.
const PIPE: usize = 256 * 1024;

#[derive(Default)]
pub(super) struct Hub {
    pub(super) lifecycle: Lifecycle,
    servers: Mutex<HashMap<String, Vec<mpsc::UnboundedSender<DuplexStream>>>>,
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
    /// Counts the servers and subscribers chosen so far.
    turn: AtomicU64,
}

/// One subscription, as publishers see it.
pub(super) struct Subscriber {
    filter: TopicFilter,
    group: Option<String>,
    pub(super) events: mpsc::Sender<(String, Bytes)>,
    /// When it was last chosen out of its group, counted in choices.
    chosen: AtomicU64,
}

impl Subscriber {
    pub(super) fn new(filter: TopicFilter, group: Option<String>, events: mpsc::Sender<(String, Bytes)>) -> Self {
        Self { filter, group, events, chosen: AtomicU64::new(0) }
    }

    /// The member that comes next: the one with the fewest events waiting, and of several the one chosen longest ago. A
    /// count of turns would not do: with two topics published by turns, each would always go to the same member.
    fn precedence(&self) -> (usize, u64) {
        (self.events.max_capacity() - self.events.capacity(), self.chosen.load(Ordering::Relaxed))
    }
}

impl Hub {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(super) fn named(name: &str) -> Arc<Self> {
        static HUBS: LazyLock<Mutex<HashMap<String, Weak<Hub>>>> = LazyLock::new(Mutex::default);
        let mut hubs = lock(&HUBS);
        if let Some(hub) = hubs.get(name).and_then(Weak::upgrade).filter(|hub| hub.lifecycle.check().is_ok()) {
            return hub;
        }
        hubs.retain(|_, hub| hub.strong_count() > 0);
        let hub = Self::new();
        hubs.insert(name.to_owned(), Arc::downgrade(&hub));
        hub
    }

    /// Takes in a server, which gets the far ends of pipes.
    pub(super) fn add_server(&self, address: String) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (accept, accepted) = mpsc::unbounded_channel();
        let mut servers = lock(&self.servers);
        let at_address = servers.entry(address).or_default();
        at_address.retain(|accept| !accept.is_closed());
        at_address.push(accept);
        accepted
    }

    /// A pipe to one of the servers at `address`, each in turn; `None` when there is none.
    pub(super) fn connect(&self, address: &str) -> Option<DuplexStream> {
        let mut servers = lock(&self.servers);
        let at_address = servers.get_mut(address)?;
        let (near, mut far) = tokio::io::duplex(PIPE);
        while !at_address.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize % at_address.len();
            match at_address[turn].send(far) {
                Ok(()) => return Some(near),
                Err(mpsc::error::SendError(refused)) => far = refused,
            }
            at_address.remove(turn);
        }
        servers.remove(address);
        None
    }

    pub(super) fn add_subscriber(&self, subscriber: Subscriber) {
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| !subscriber.events.is_closed());
        subscribers.push(Arc::new(subscriber));
    }

    /// Who gets an event on this topic: every subscription outside a group, and one of each group.
    pub(super) fn recipients(&self, topic: &str) -> Vec<Arc<Subscriber>> {
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| !subscriber.events.is_closed());
        let mut recipients: Vec<Arc<Subscriber>> = Vec::new();
        let mut groups: HashMap<&str, &Arc<Subscriber>> = HashMap::new();
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.filter.matches(topic)) {
            match &subscriber.group {
                None => recipients.push(Arc::clone(subscriber)),
                Some(group) => {
                    let first = groups.entry(group).or_insert(subscriber);
                    if subscriber.precedence() < first.precedence() {
                        *first = subscriber;
                    }
                }
            }
        }
        for chosen in groups.into_values() {
            chosen.chosen.store(self.turn.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            recipients.push(Arc::clone(chosen));
        }
        recipients
    }

    pub(super) async fn close(&self) {
        self.lifecycle.close().await;
        lock(&self.servers).clear();
        lock(&self.subscribers).clear();
    }
}

/// The locks guard plain collections; a panic while one was held cannot have left it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
