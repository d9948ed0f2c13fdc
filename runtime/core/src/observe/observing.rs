//! The runtime's side of the observer: what clients, servers, publishers and subscriptions hold, and one observation while
//! it lasts.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use tracing::Span;

use super::{CallStart, EventStart, Observation, Observer, Outcome, Role, Side};
use crate::call::{Method, Response};
use crate::event::{Meta, Operation};
use crate::{Context, Error, RpcError};

/// An observer, with what it is told of every call and event of one bus. Cheap to clone.
#[derive(Clone)]
pub struct Observing(Arc<Inner>);

struct Inner {
    observer: Arc<dyn Observer>,
    transport: &'static str,
    /// The address of a service; empty for events, which have topics.
    address: String,
}

impl Observing {
    /// The observer of a bus over this transport.
    pub(crate) fn new(observer: Arc<dyn Observer>, transport: &'static str) -> Self {
        Self(Arc::new(Inner { observer, transport, address: String::new() }))
    }

    /// The same, for the calls to one address.
    pub(crate) fn at(&self, address: &str) -> Self {
        let (observer, transport) = (Arc::clone(&self.0.observer), self.0.transport);
        Self(Arc::new(Inner { observer, transport, address: address.to_owned() }))
    }

    /// Says that replies came too late.
    pub(crate) fn late_replies(&self, replies: u64) {
        self.0.observer.late_replies(self.0.transport, replies);
    }

    /// Says that a call begins.
    pub(crate) fn call(
        &self,
        side: Side,
        service: &'static str,
        method: Option<&'static Method>,
        context: &Context,
    ) -> Option<Observed> {
        if !self.0.observer.listens() {
            return None;
        }
        let transport = self.0.transport;
        let start = CallStart { side, transport, address: &self.0.address, service, method };
        let mut context = context.clone();
        let observation = self.0.observer.call(&start, &mut context)?;
        Some(Observed { observation, context })
    }

    /// Says that an event is about to be published.
    pub(crate) fn publish(&self, topic: &str, operation: &'static Operation, context: &Context) -> Option<Observed> {
        let (group, offset, stored, attempt) = (None, None, None, 0);
        let transport = self.0.transport;
        let role = Role::Publisher;
        self.event(&EventStart { role, transport, topic, operation, group, offset, stored, attempt }, context)
    }

    /// Says that an event was received.
    pub(crate) fn received(
        &self,
        meta: &Meta,
        group: Option<&str>,
        operation: &'static Operation,
        context: &Context,
    ) -> Option<Observed> {
        let Meta { topic, offset, time: stored, attempt, .. } = meta;
        let (transport, role) = (self.0.transport, Role::Subscriber);
        let (offset, stored, attempt) = (*offset, *stored, *attempt);
        self.event(&EventStart { role, transport, topic, operation, group, offset, stored, attempt }, context)
    }

    fn event(&self, start: &EventStart<'_>, context: &Context) -> Option<Observed> {
        if !self.0.observer.listens() {
            return None;
        }
        let mut context = context.clone();
        let observation = self.0.observer.event(start, &mut context)?;
        Some(Observed { observation, context })
    }
}

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observing").field("transport", &self.0.transport).field("address", &self.0.address).finish()
    }
}

/// One call or event while the observer follows it.
pub(crate) struct Observed {
    observation: Box<dyn Observation>,
    /// As the observer left it.
    pub(crate) context: Context,
}

impl Observed {
    pub(crate) fn span(&self) -> Span {
        self.observation.span()
    }

    pub(crate) fn end(self, outcome: Outcome<'_>) {
        self.observation.end(outcome);
    }

    /// For a call: it ended with this.
    pub(crate) fn end_call<R: Response>(self, result: Result<&R, &RpcError>) {
        self.end(match result {
            Err(error) => Outcome::Call(error),
            Ok(response) => match (response.failure(), response.exception()) {
                (Some(error), _) => Outcome::Call(error),
                (None, Some(name)) => Outcome::Exception(name),
                (None, None) => Outcome::Ok,
            },
        });
    }

    /// For an event: it ended with this.
    pub(crate) fn end_event<T>(self, result: &Result<T, Error>) {
        self.end(result.as_ref().err().map_or(Outcome::Ok, Outcome::Event));
    }
}

/// Does what belongs to a call or event, in its span where it has one.
pub(crate) fn seen<T>(observed: Option<&Observed>, work: impl FnOnce() -> T) -> T {
    match observed {
        Some(observed) => observed.span().in_scope(work),
        None => work(),
    }
}

/// Runs a future inside of a span, if there is one.
pub(crate) async fn entered<F: Future>(span: Option<Span>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _entered = span.as_ref().map(Span::enter);
        future.as_mut().poll(cx)
    })
    .await
}
