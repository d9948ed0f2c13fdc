//! The list of behaviours, over HTTP.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;

/// One bus at both ends, since nobody knows the port before it is bound. It has real connections to itself.
async fn connect(_test: &str) -> Option<Fixture> {
    Some(Fixture::shared(thriftwood::connect("http://127.0.0.1:0").await.expect("nothing is opened yet")))
}

thriftwood_conformance::call_behaviours!(connect);
thriftwood_conformance::protocol_behaviours!(connect);
thriftwood_conformance::no_event_behaviours!(connect);
