//! The bus: what a user holds after `connect`, and what every generated type is made from.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{EventSource, Serve, ServeOptions, Transport};
use crate::Error;
use crate::call::{Handler, Rpc};
use crate::codec::Protocol;
use crate::event::{Delivery, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use crate::middleware::{Innermost, Layer, Layered, LayeredEvents, Published, Publishing, Receiving, Step, dynamic};
use crate::observe::{Observer, Observing};

/// A connected transport. Cheap to clone; all clones are the same bus.
#[derive(Clone)]
pub struct Bus {
    transport: Arc<dyn Transport>,
    protocol: Protocol,
    observing: Option<Observing>,
}

impl Bus {
    /// A bus over this transport. `thriftwood::connect` makes one from a URL.
    pub fn new(transport: impl Transport) -> Self {
        Self { transport: Arc::new(transport), protocol: Protocol::default(), observing: None }
    }

    /// This bus, writing calls and events in this protocol. What was made from it before goes on in its own; the other handles of
    /// the same bus do too. Servers and subscribers need none: they read each message in the protocol it is in.
    ///
    /// ```
    /// use thriftwood_core::codec::Protocol;
    ///
    /// let bus = thriftwood_core::memory::bus();
    /// let compact = bus.clone().with_protocol(Protocol::Compact);
    /// assert_eq!(compact.protocol(), Protocol::Compact);
    /// ```
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The protocol in which calls and events are written.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// This bus with an observer that hears of every call and event made, handled, published or received through it from now
    /// on, in place of any it had. What was made from the bus before is not observed.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        let observing = Observing::new(observer, self.transport.scheme());
        self.watch(&observing);
        self.observing = Some(observing);
        self
    }

    /// For a transport that is made of buses: has this one's do the same, see [`Transport::watch`].
    pub fn watch(&self, observing: &Observing) {
        self.transport.watch(observing);
    }

    /// This bus without its observer.
    #[must_use]
    pub fn unobserved(mut self) -> Self {
        self.observing = None;
        self
    }

    /// The way to the service at `address`, for a generated client.
    pub fn rpc(&self, address: &str) -> Rpc {
        let rpc = Rpc::new(self.transport.rpc(address)).with_protocol(self.protocol);
        match &self.observing {
            Some(observing) => rpc.observed(observing.at(address)),
            None => rpc,
        }
    }

    /// Serves a generated server at `address`. Await the result to start it: when that resolves, calls reach it.
    pub fn serve(&self, address: impl Into<String>, mut handler: impl Handler) -> Serve {
        let address = address.into();
        if let Some(observing) = &self.observing {
            handler.observe(observing.at(&address));
        }
        Serve {
            transport: Arc::clone(&self.transport),
            address,
            handler: Arc::new(handler),
            options: ServeOptions::default(),
        }
    }

    /// This bus with a middleware around every frame that is published through it, below those of the publishers made from it.
    /// The layer added last sees a frame first.
    #[must_use]
    pub fn layer_published<L>(mut self, layer: L) -> Self
    where
        L: Layer<Innermost<Publishing>>,
        Layered<L::Service>: Step<Published>,
    {
        let layered = Layered(layer.layer(Innermost::new(Publishing(Arc::clone(&self.transport)))));
        let (transport, published) = (self.transport, Some(dynamic(layered)));
        self.transport = Arc::new(LayeredEvents { transport, published, received: None });
        self
    }

    /// This bus with a middleware around every frame that its subscriptions receive, before those of the subscribers made from
    /// it. The layer added last sees a frame last, since the one added first is next to the transport.
    #[must_use]
    pub fn layer_received<L>(mut self, layer: L) -> Self
    where
        L: Layer<Innermost<Receiving>>,
        Layered<L::Service>: Step<Delivery>,
    {
        let received = Some(dynamic(Layered(layer.layer(Innermost::new(Receiving)))));
        self.transport = Arc::new(LayeredEvents { transport: self.transport, published: None, received });
        self
    }

    /// Publishes a whole frame as it is; for bridges and tools that never look inside. What one transport carried, another carries
    /// byte for byte. No time limit is kept, and no observer hears of it.
    ///
    /// # Errors
    /// As a publisher's methods.
    pub async fn publish_frame(&self, topic: &Topic, frame: Bytes, options: PublishOptions) -> Result<(), Error> {
        self.transport.publish(topic, frame, options).await
    }

    /// Subscribes to whole frames, each with its topic and the way to acknowledge it; the other half of a bridge.
    ///
    /// # Errors
    /// As [`Subscriber::subscribe`](crate::event::Subscriber::subscribe).
    pub async fn subscribe_frames(&self, filter: TopicFilter, options: SubscribeOptions) -> Result<Frames, Error> {
        Ok(Frames(self.transport.subscribe(filter, options).await?))
    }

    /// Stops everything that is served and subscribed here, lets calls under way finish, and lets go of sockets and files.
    ///
    /// # Errors
    /// When what was still to be written could not be.
    pub async fn close(&self) -> Result<(), Error> {
        self.transport.close().await
    }

    /// The transport's URL scheme.
    pub fn scheme(&self) -> &'static str {
        self.transport.scheme()
    }

    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    pub(crate) fn observing(&self) -> Option<&Observing> {
        self.observing.as_ref()
    }
}

/// The frames of one subscription.
pub struct Frames(Box<dyn EventSource>);

impl Frames {
    /// The next frame, or `None` when the subscription has ended. An error concerns one event or one moment, and the next call
    /// goes on. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Delivery, Error>> {
        std::future::poll_fn(|cx| self.0.poll_next(cx)).await
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frames").field(&self.0.guarantee()).finish()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bus").field(&self.scheme()).finish()
    }
}
