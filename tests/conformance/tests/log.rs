//! The list of behaviours, over an embedded log.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;
use thriftwood_conformance::kept::TIME;
use thriftwood_conformance::letters::in_logs;
use thriftwood_conformance::mortal::ATTEMPTS;

async fn connect(_test: &str) -> Option<Fixture> {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("log:{}", folder.path().display());
    Some(Fixture::shared(thriftwood::connect(&url).await.expect("the log opens")).holding(folder))
}

thriftwood_conformance::behaviours!(connect);
thriftwood_conformance::protocol_behaviours!(connect);
thriftwood_conformance::event_protocol_behaviours!(connect);
thriftwood_conformance::kept_behaviours!(connect);

async fn connect_impatient(_test: &str) -> Option<Fixture> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = thriftwood::log::Config::default();
    config.groups.deadline = Some(TIME);
    Some(Fixture::shared(config.connect(folder.path()).await.expect("the log opens")).holding(folder))
}

thriftwood_conformance::time_limit_behaviours!(connect_impatient);

async fn connect_mortal(_test: &str) -> Option<Fixture> {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("log:{}?max_attempts={ATTEMPTS}", folder.path().display());
    let bus = thriftwood::connect(&url).await.expect("the log opens");
    Some(Fixture::shared(bus).burying(in_logs(folder.path())).holding(folder))
}

thriftwood_conformance::mortal_behaviours!(connect_mortal);
