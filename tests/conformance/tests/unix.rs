//! The list of behaviours, over a unix socket, each side with a bus of its own.

#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;

async fn connect(_test: &str) -> Option<Fixture> {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("unix:{}", folder.path().join("socket").display());
    let server = thriftwood::connect(&url).await.expect("nothing is opened yet");
    let client = thriftwood::connect(&url).await.expect("nothing is opened yet");
    Some(Fixture::pair(server, client).holding(folder))
}

thriftwood_conformance::call_behaviours!(connect);
thriftwood_conformance::no_event_behaviours!(connect);
