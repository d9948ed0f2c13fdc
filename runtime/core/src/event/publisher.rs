//! The sending half: writes a payload into a frame and gives it to the transport.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use tower_layer::Layer;

use super::topic::ScopeTopic;
use super::{Envelope, Operation, PublishOptions, Recorded, Scope, ScopeEvent, Topic};
use crate::call::next_operation_id;
use crate::codec::{Message, MessageType, Wire, Writer};
use crate::frame::{Body, FrameBuilder, KEY, Written};
use crate::middleware::{DynStep, Innermost, Layered, Step, dynamic};
use crate::observe::Observed;
use crate::until::Until;
use crate::{BoxFuture, Bus, Context, Error, ErrorKind};

/// A typed publisher of one scope, on which the generated publisher is a thin face. Cheap to clone.
pub struct Publisher<E: ScopeEvent> {
    direct: Direct,
    layers: Option<Arc<dyn DynStep<Envelope<E>>>>,
}

/// The way to the transport without middleware.
#[derive(Clone)]
struct Direct {
    bus: Bus,
    scope: Arc<ScopeTopic>,
}

/// An event on its way. Not an `async fn`, whose future is several times as large, and copied into that of the caller.
struct Sending<'a> {
    published: Until<BoxFuture<'a, Result<(), Error>>>,
    observed: Option<Observed>,
    topic: &'a Topic,
    limit: Duration,
}

impl<E: ScopeEvent> Publisher<E> {
    /// A publisher to the scope's topics with these values for its prefix variables.
    pub fn new(bus: &Bus, scope: &'static Scope, variables: Vec<String>) -> Self {
        let scope = Arc::new(ScopeTopic::new(scope, variables));
        Self { direct: Direct { bus: bus.clone(), scope }, layers: None }
    }

    /// A publisher that keeps what is published instead of sending it, and where to find it. For tests.
    pub fn recorded(scope: &'static Scope, variables: Vec<String>) -> (Self, Recorded<E>) {
        let recorded = Recorded::default();
        (Self::new(&crate::memory::bus(), scope, variables).layer(recorded.clone()), recorded)
    }

    /// This publisher with a middleware around every publish. The layer added last sees an event first. With a layer, each
    /// payload is cloned once, since a layer sees it as a value.
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Innermost<Publisher<E>>>,
        Layered<L::Service>: Step<Envelope<E>>,
    {
        let direct = self.direct.clone();
        let layered = Layered(layer.layer(Innermost::new(self)));
        Self { direct, layers: Some(dynamic(layered)) }
    }

    /// Publishes one payload. When this resolves, the transport has done what it promises.
    ///
    /// # Errors
    /// When a prefix variable cannot be part of a topic, the event is too large, or the transport fails or is closed.
    pub async fn publish<T: Wire + Clone + Sync>(
        &self,
        context: &Context,
        operation: &'static Operation,
        payload: &T,
        event: fn(T) -> E,
    ) -> Result<(), Error> {
        let topic = self.direct.scope.topic(operation)?;
        match &self.layers {
            None => match self.direct.send(context, operation, topic, payload)? {
                Some(sending) => sending.await,
                None => Ok(()),
            },
            Some(step) => {
                let event = event(payload.clone());
                step.call(Envelope { context: context.clone(), topic: topic.name.clone(), event, slot: None }).await
            }
        }
    }
}

impl<E: ScopeEvent> Publisher<E> {
    /// Publishes an event that is a value of the scope's enum already.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish).
    pub async fn publish_event(&self, context: &Context, event: E) -> Result<(), Error> {
        let topic = self.direct.scope.topic(event.operation())?.name.clone();
        Step::call(self, Envelope { context: context.clone(), topic, event, slot: None }).await
    }
}

impl<E: ScopeEvent> Step<Envelope<E>> for Publisher<E> {
    async fn call(&self, envelope: Envelope<E>) -> Result<(), Error> {
        if let Some(step) = &self.layers {
            return step.call(envelope).await;
        }
        let Envelope { context, topic, event, .. } = envelope;
        let operation = event.operation();
        // A layer may have sent it to another topic; the stream stays that of the scope.
        let topic = Topic { name: topic, stream: Arc::clone(&self.direct.scope.topic(operation)?.stream) };
        // Written before the await: an event need not be `Sync`.
        match self.direct.send(&context, operation, &topic, &EventBody(&event))? {
            Some(sending) => sending.await,
            None => Ok(()),
        }
    }
}

impl Direct {
    /// Writes the frame, says to the observer that an event begins, and gives it to the transport: at once where that can, else by a
    /// future that takes no longer than the context allows.
    fn send<'a>(
        &'a self,
        context: &Context,
        operation: &'static Operation,
        topic: &'a Topic,
        payload: &impl Body,
    ) -> Result<Option<Sending<'a>>, Error> {
        let observed = self.bus.observing().and_then(|o| o.publish(&topic.name, operation, context));
        let seen = observed.as_ref().map_or(context, |observed| &observed.context);
        let options = PublishOptions::default().durability(context.durability());
        let transport = self.bus.transport();
        let published = match self.frame(seen, operation, payload) {
            Err(error) => Err(error),
            Ok(frame) => match frame.small().and_then(|frame| transport.publish_at_once(topic, frame, options)) {
                Some(published) => {
                    frame.forget();
                    published
                }
                None => {
                    let limit = context.remaining();
                    let published = Until::within(limit, transport.publish(topic, frame.into_bytes(), options));
                    return Ok(Some(Sending { published, observed, topic, limit }));
                }
            },
        };
        if let Some(observed) = observed {
            observed.end_event(&published);
        }
        published.map(|()| None)
    }

    fn frame(&self, context: &Context, operation: &Operation, payload: &impl Body) -> Result<Written, Error> {
        let mut frame = FrameBuilder::new();
        context.write_request(&mut frame, next_operation_id(), context.remaining());
        frame.all_headers(self.scope.headers());
        if let Some(key) = context.own_key() {
            frame.header(KEY, key);
        }
        Ok(frame.written_in(self.bus.protocol(), Message::new(operation.name, MessageType::Call), payload)?)
    }
}

impl Future for Sending<'_> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let published = ready!(Pin::new(&mut self.published).poll(cx));
        let result = published.unwrap_or_else(|| {
            let text = format!("`{}` was not published within {} ms", self.topic.name, self.limit.as_millis());
            Err(Error::new(ErrorKind::Timeout, text))
        });
        if let Some(observed) = self.observed.take() {
            observed.end_event(&result);
        }
        Poll::Ready(result)
    }
}

/// An event's payload.
struct EventBody<'a, E>(&'a E);

impl<E: ScopeEvent> Body for EventBody<'_, E> {
    fn write<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }
}

impl<E: ScopeEvent> Clone for Publisher<E> {
    fn clone(&self) -> Self {
        Self { direct: self.direct.clone(), layers: self.layers.clone() }
    }
}

impl<E: ScopeEvent> fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("scope", &self.direct.scope).field("layered", &self.layers.is_some()).finish()
    }
}
