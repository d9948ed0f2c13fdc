//! The transport inside one process: calls over a pipe that real sessions drive, events through a channel per subscription.
//!
//! Everything but the wire is as on any other transport: frames, limits, time limits, middleware. Events are delivered at
//! most once and not kept.

mod client;
mod direct;
mod hub;
mod publisher;
mod server;
mod subscriber;

use std::sync::Arc;

use bytes::Bytes;

use crate::call::Handler;
use crate::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use crate::observe::{LateReplies, Observing};
use crate::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use crate::{BoxFuture, Bus, Error};
pub use direct::rpc;
use hub::Hub;

/// A bus inside this process.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let bus = thriftwood_core::memory::bus();
/// assert_eq!(bus.scheme(), "memory");
/// # });
/// ```
pub fn bus() -> Bus {
    Bus::new(Memory { hub: Hub::new(), late: LateReplies::default() })
}

/// The bus of this name, which everybody in this process who asks for the same name shares. It goes when the last of them
/// does.
pub fn named(name: &str) -> Bus {
    Bus::new(Memory { hub: Hub::named(name), late: LateReplies::default() })
}

struct Memory {
    hub: Arc<Hub>,
    late: LateReplies,
}

impl Transport for Memory {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(client::Channel::new(Arc::clone(&self.hub), address, self.late.clone()))
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(async move { server::serve(&self.hub, address, handler, &options) })
    }

    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(publisher::publish(&self.hub, topic, frame, options))
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async move { subscriber::subscribe(&self.hub, filter, &options) })
    }

    fn watch(&self, observing: &Observing) {
        self.late.watch(observing);
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.hub.close().await;
            Ok(())
        })
    }
}
