//! Middleware over the frames of events, around a whole bus: what is published as a [`Published`], what is received as a
//! [`Delivery`].

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::Bytes;

use super::{DynStep, Passage, Step};
use crate::call::Handler;
use crate::event::{Delivery, Guarantee, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use crate::observe::Observing;
use crate::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use crate::{BoxFuture, Error};

/// An event's frame on its way out.
#[derive(Clone, Debug)]
pub struct Published {
    /// Where to.
    pub topic: Topic,
    /// The whole frame, its leading size included.
    pub frame: Bytes,
    /// What the transport is told about it.
    pub options: PublishOptions,
}

impl Passage for Published {
    type Output = ();
    type Error = Error;
}

/// What comes back is what the subscription gets. A failure takes its place: the subscription sees it, and the event counts as not
/// handled.
impl Passage for Delivery {
    type Output = Delivery;
    type Error = Error;
}

/// What a layer over published frames wraps: the transport.
pub struct Publishing(pub(crate) Arc<dyn Transport>);

impl Step<Published> for Publishing {
    async fn call(&self, event: Published) -> Result<(), Error> {
        self.0.publish(&event.topic, event.frame, event.options).await
    }
}

/// What a layer over received frames wraps: the subscription, which takes each as it comes.
pub struct Receiving;

impl Step<Delivery> for Receiving {
    async fn call(&self, delivery: Delivery) -> Result<Delivery, Error> {
        Ok(delivery)
    }
}

/// A transport with layers around its events.
pub(crate) struct LayeredEvents {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) published: Option<Arc<dyn DynStep<Published>>>,
    pub(crate) received: Option<Arc<dyn DynStep<Delivery>>>,
}

impl Transport for LayeredEvents {
    fn scheme(&self) -> &'static str {
        self.transport.scheme()
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        self.transport.rpc(address)
    }

    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>> {
        self.transport.serve(address, handler, options)
    }

    fn publish_at_once(&self, topic: &Topic, frame: &[u8], options: PublishOptions) -> Option<Result<(), Error>> {
        match &self.published {
            Some(_) => None,
            None => self.transport.publish_at_once(topic, frame, options),
        }
    }

    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>> {
        match &self.published {
            Some(step) => step.call(Published { topic: topic.clone(), frame, options }),
            None => self.transport.publish(topic, frame, options),
        }
    }

    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        let Some(step) = &self.received else { return self.transport.subscribe(filter, options) };
        Box::pin(async move {
            let source = self.transport.subscribe(filter, options).await?;
            let layered = LayeredSource { source, step: Arc::clone(step), passing: None };
            Ok(Box::new(layered) as Box<dyn EventSource>)
        })
    }

    fn watch(&self, observing: &Observing) {
        self.transport.watch(observing);
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.transport.close()
    }
}

struct LayeredSource {
    source: Box<dyn EventSource>,
    step: Arc<dyn DynStep<Delivery>>,
    /// The delivery that is in the layers. One at a time, so they stay in order.
    passing: Option<BoxFuture<'static, Result<Delivery, Error>>>,
}

impl EventSource for LayeredSource {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        let passing = match &mut self.passing {
            Some(passing) => passing,
            None => match ready!(self.source.poll_next(cx)) {
                Some(Ok(delivery)) => self.passing.insert(self.step.call(delivery)),
                other => return Poll::Ready(other),
            },
        };
        let passed = ready!(passing.as_mut().poll(cx));
        self.passing = None;
        Poll::Ready(Some(passed))
    }

    fn guarantee(&self) -> Guarantee {
        self.source.guarantee()
    }

    fn time_limit(&self) -> Option<Duration> {
        self.source.time_limit()
    }

    fn keep_key_order(&mut self) -> bool {
        self.source.keep_key_order()
    }

    fn max_in_flight(&mut self, events: usize) {
        self.source.max_in_flight(events);
    }

    fn begins_at_once(&mut self, events: usize) {
        self.source.begins_at_once(events);
    }
}
