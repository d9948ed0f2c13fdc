//! The bus to a log server: one connection, made again whenever it is lost, under everything that is done with the bus.

mod admin;
mod ahead;
mod calls;
mod config;
mod follow;
mod group;
mod line;
mod link;
mod member;
mod produce;
mod serve;

use std::sync::Arc;

use bytes::Bytes;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error};

pub use admin::{GroupName, ServedLog};
pub use config::{ConnectConfig, connect_remote};

use crate::subscriber;
use link::Link;
use produce::Producers;

/// The bus.
struct Remote {
    link: Arc<Link>,
    producers: Producers,
}

impl Remote {
    fn bus(link: Arc<Link>, config: &ConnectConfig) -> Bus {
        let producers = Producers::new(Arc::clone(&link), config.durability);
        Bus::new(Self { link, producers })
    }
}

impl Transport for Remote {
    fn scheme(&self) -> &'static str {
        "log"
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        Arc::new(calls::Channel::new(Arc::clone(&self.link), address))
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(serve::serve(&self.link, address, handler, options))
    }

    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.producers.publish(topic, frame, options))
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async move {
            let from = subscriber::from(&options)?;
            match options.group {
                Some(group) => group::subscribe(&self.link, group, filter, from).await,
                None => follow::subscribe(&self.link, filter, from).await,
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.link.lifecycle.close().await;
            self.link.hang_up();
            Ok(())
        })
    }
}
