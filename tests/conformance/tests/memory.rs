//! The list of behaviours, inside one process.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;

async fn connect(_test: &str) -> Option<Fixture> {
    Some(Fixture::shared(thriftwood::connect("memory:").await.expect("memory connects")))
}

thriftwood_conformance::behaviours!(connect);
thriftwood_conformance::protocol_behaviours!(connect);
thriftwood_conformance::event_protocol_behaviours!(connect);
