//! What a subscriber asks for before it subscribes: which topics, from where, and with whom it shares them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tower_layer::Layer;

use super::intake::Intake;
use super::layered::{Handover, LayeredSource};
use super::topic::ScopeTopic;
use super::{Envelope, Operation, Payload, Scope, ScopeEvent, Subscription};
use crate::middleware::{DynStep, Innermost, Layered, Step, dynamic};
use crate::{Bus, Error};

/// Where in a kept stream of events a subscription starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// For a group, where it left off, or at the first event when the group is new; without a group, with the next event
    /// to be published.
    #[default]
    Default,
    /// At the first event that is kept.
    First,
    /// With the next event to be published.
    Next,
    /// At the first event stored at this time or later.
    Time(SystemTime),
    /// At this offset.
    Offset(u64),
}

/// What a subscription asks of its transport.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// Subscriptions of one group share the events: each goes to one of them. Where the transport keeps events, the group's
    /// position is kept too.
    pub group: Option<String>,
    /// Where to start. A group that has a position goes on from there, whatever this says.
    pub start: Start,
}

impl SubscribeOptions {
    /// With this group.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// With this start.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }
}

/// A typed subscriber of one scope, on which the generated subscriber is a thin face: set options, then subscribe to an
/// operation.
pub struct Subscriber<E: ScopeEvent> {
    bus: Bus,
    scope: ScopeTopic,
    options: SubscribeOptions,
    layers: Option<Arc<dyn MakeStep<E>>>,
}

impl<E: ScopeEvent> Subscriber<E> {
    /// A subscriber to the scope's topics with these values for its prefix variables; `*` takes every value of one.
    pub fn new(bus: &Bus, scope: &'static Scope, variables: Vec<String>) -> Self {
        let scope = ScopeTopic::new(scope, variables);
        Self { bus: bus.clone(), scope, options: SubscribeOptions::default(), layers: None }
    }

    /// Shares the events with every other subscription of this group, and, where the transport keeps events, goes on where
    /// the group left off.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.options.group = Some(name.into());
        self
    }

    /// Starts somewhere else than [`Start::Default`] says. Only transports that keep events can start in the past; the
    /// others refuse to subscribe.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.options.start = start;
        self
    }

    /// This subscriber with a middleware around every event, from when it is received until it is acknowledged. The layer
    /// added last sees an event first. With a layer, each payload is cloned once, since a layer sees it as a value.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Innermost<Handover<E>>> + Send + Sync + 'static,
        Layered<L::Service>: Step<Envelope<E>>,
    {
        self.layers = Some(Arc::new(LayerOver { inner: self.layers.take(), layer }));
        self
    }

    /// Subscribes to one operation. When this resolves, whatever is published from now on is delivered.
    ///
    /// # Errors
    /// When a prefix variable cannot be part of a topic, the transport cannot do what the options ask, or it fails.
    pub async fn subscribe<T: Payload + Clone + Send + 'static>(
        &self,
        operation: &'static Operation,
        wrap: fn(T) -> E,
        unwrap: fn(E) -> Option<T>,
    ) -> Result<Subscription<T>, Error> {
        let filter = self.scope.filter(operation)?;
        let source = self.bus.transport().subscribe(filter, self.options.clone()).await?;
        let intake =
            Intake { source, operation, group: self.options.group.clone(), observing: self.bus.observing().cloned() };
        Ok(match &self.layers {
            None => Subscription::plain(intake),
            Some(layers) => {
                let source = LayeredSource::new(intake, wrap, unwrap);
                Subscription::layered(source.run(|handover| layers.make(handover)))
            }
        })
    }
}

impl<E: ScopeEvent> fmt::Debug for Subscriber<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("scope", &self.scope).field("options", &self.options).finish_non_exhaustive()
    }
}

/// Builds the middleware of one subscription around the step that hands an event to its consumer.
trait MakeStep<E: ScopeEvent>: Send + Sync {
    fn make(&self, handover: Handover<E>) -> Arc<dyn DynStep<Envelope<E>>>;
}

/// One layer, around what the layers before it make.
struct LayerOver<E: ScopeEvent, L> {
    inner: Option<Arc<dyn MakeStep<E>>>,
    layer: L,
}

impl<E: ScopeEvent, L> MakeStep<E> for LayerOver<E, L>
where
    L: Layer<Innermost<Handover<E>>> + Send + Sync,
    Layered<L::Service>: Step<Envelope<E>>,
{
    fn make(&self, handover: Handover<E>) -> Arc<dyn DynStep<Envelope<E>>> {
        let inner = match &self.inner {
            None => handover,
            Some(inner) => Handover::over(inner.make(handover)),
        };
        dynamic(Layered(self.layer.layer(Innermost::new(inner))))
    }
}
