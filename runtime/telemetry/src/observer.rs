//! The observer that a bus is given.

use std::sync::Arc;

use thriftwood_core::Context;
use thriftwood_core::observe::{CallStart, EventStart, Observation, Observer};
use tracing::level_filters::LevelFilter;

use crate::metrics::instruments;
use crate::peer::Peer;
use crate::{call, event};

/// An observer for a bus that was connected by this URL, for [`Bus::with_observer`](thriftwood_core::Bus::with_observer).
///
/// The host and the port of the URL become the attributes `server.address` and `server.port`; what else is in it, such as a
/// password, is not kept.
pub fn observer(url: &str) -> Arc<dyn Observer> {
    Arc::new(Telemetry { peer: Peer::of(url) })
}

/// Makes spans of what happens on one bus.
struct Telemetry {
    peer: Peer,
}

impl Observer for Telemetry {
    /// Whether a subscriber, a logger or metrics are there. With `tracing`'s feature `log`, which any crate of a program can turn on,
    /// the fields of a span are evaluated though nobody wants it, and that took a sixth of publishing an event.
    fn listens(&self) -> bool {
        LevelFilter::current() >= LevelFilter::WARN
            || log::max_level() >= log::LevelFilter::Warn
            || instruments().is_some()
    }

    fn call(&self, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        call::begin(&self.peer, start, context)
    }

    fn event(&self, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        event::begin(&self.peer, start, context)
    }

    fn late_replies(&self, transport: &'static str, replies: u64) {
        call::late_replies(&self.peer, transport, replies);
    }
}
