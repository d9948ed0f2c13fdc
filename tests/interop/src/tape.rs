//! A transport that plays back what was captured, and keeps what it is given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use thriftwood::call::Handler;
use thriftwood::event::{Delivery, Guarantee, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood::transport::{EventSource, Outbound, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood::{BoxFuture, Error, ErrorKind, RpcError};

/// What is played to whoever calls or subscribes, and what was sent. Clones are the same tape.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    replies: Arc<Mutex<VecDeque<Bytes>>>,
    events: Arc<Mutex<VecDeque<(String, Bytes)>>>,
    sent: Arc<Mutex<Vec<(String, Bytes)>>>,
    filters: Arc<Mutex<Vec<TopicFilter>>>,
}

impl Tape {
    /// The next call is answered with this frame.
    pub fn reply(&self, frame: &Bytes) {
        lock(&self.replies).push_back(frame.clone());
    }

    /// The next subscriber receives this event.
    pub fn event(&self, topic: &str, frame: &Bytes) {
        lock(&self.events).push_back((topic.to_owned(), frame.clone()));
    }

    /// Takes what was called or published since the last time: address or topic, and frame.
    pub fn sent(&self) -> Vec<(String, Bytes)> {
        std::mem::take(&mut *lock(&self.sent))
    }

    /// Takes what was subscribed to since the last time.
    pub fn subscribed(&self) -> Vec<TopicFilter> {
        std::mem::take(&mut *lock(&self.filters))
    }
}

impl Transport for Tape {
    fn scheme(&self) -> &'static str {
        "tape"
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(Channel { tape: self.clone(), address: address.to_owned() })
    }

    fn serve(&self, _: String, _: Arc<dyn Handler>, _: ServeOptions) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "a tape serves nobody")) })
    }

    fn publish<'a>(&'a self, topic: &'a Topic, frame: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        lock(&self.sent).push((topic.name.clone(), frame));
        Box::pin(async { Ok(()) })
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        _: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        lock(&self.filters).push(filter);
        let source = Source(self.clone());
        Box::pin(async move { Ok(Box::new(source) as Box<dyn EventSource>) })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

struct Channel {
    tape: Tape,
    address: String,
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        lock(&self.tape.sent).push((self.address.clone(), outbound.frame));
        let reply = if outbound.oneway { None } else { lock(&self.tape.replies).pop_front() };
        Box::pin(async move { Ok(reply) })
    }
}

struct Source(Tape);

impl EventSource for Source {
    fn poll_next(&mut self, _: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        let next = lock(&self.0.events).pop_front();
        Poll::Ready(next.map(|(topic, frame)| {
            Ok(Delivery { topic, frame, offset: None, time: None, attempt: 1, acknowledge: None })
        }))
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
