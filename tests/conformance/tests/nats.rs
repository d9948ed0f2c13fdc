//! The list of behaviours, over a real nats-server, each side with a connection of its own.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;
use thriftwood_test_support::NatsServer;

async fn connect(test: &str) -> Option<Fixture> {
    let nats = NatsServer::start(test)?;
    let server = thriftwood::connect(&nats.url()).await.expect("the server's side connects");
    let client = thriftwood::connect(&nats.url()).await.expect("the client's side connects");
    Some(Fixture::pair(server, client).holding(nats))
}

thriftwood_conformance::behaviours!(connect);
thriftwood_conformance::protocol_behaviours!(connect);
thriftwood_conformance::event_protocol_behaviours!(connect);
