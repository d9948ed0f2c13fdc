//! What the buses of one name share: who serves what, and who subscribes to what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    next: AtomicUsize,
}

/// One subscription, as publishers see it.
pub(super) struct Subscriber {
    pub(super) filter: TopicFilter,
    pub(super) group: Option<String>,
    pub(super) events: mpsc::Sender<(String, Bytes)>,
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
        lock(&self.servers).entry(address).or_default().push(accept);
        accepted
    }

    /// A pipe to one of the servers at `address`, each in turn; `None` when there is none.
    pub(super) fn connect(&self, address: &str) -> Option<DuplexStream> {
        let mut servers = lock(&self.servers);
        let at_address = servers.get_mut(address)?;
        at_address.retain(|accept| !accept.is_closed());
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let accept = at_address.get(turn % at_address.len().max(1))?;
        let (near, far) = tokio::io::duplex(PIPE);
        accept.send(far).ok()?;
        Some(near)
    }

    pub(super) fn add_subscriber(&self, subscriber: Subscriber) {
        lock(&self.subscribers).push(Arc::new(subscriber));
    }

    /// Who gets an event on this topic: every subscription outside a group, and one of each group, in turn.
    pub(super) fn recipients(&self, topic: &str) -> Vec<Arc<Subscriber>> {
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| !subscriber.events.is_closed());
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let mut recipients: Vec<Arc<Subscriber>> = Vec::new();
        let mut groups: HashMap<&str, Vec<&Arc<Subscriber>>> = HashMap::new();
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.filter.matches(topic)) {
            match &subscriber.group {
                None => recipients.push(Arc::clone(subscriber)),
                Some(group) => groups.entry(group).or_default().push(subscriber),
            }
        }
        recipients.extend(groups.values().map(|members| Arc::clone(members[turn % members.len()])));
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
