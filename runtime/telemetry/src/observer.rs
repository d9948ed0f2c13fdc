//! The observer that a bus is given.

use std::sync::Arc;

use thriftwood_core::Context;
use thriftwood_core::observe::{CallStart, EventStart, Observation, Observer};

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
