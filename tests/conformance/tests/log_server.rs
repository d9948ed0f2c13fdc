//! The list of behaviours, over a log that another end of a connection has open, each side with a connection of its own.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood::log::{Config, ServeConfig};
use thriftwood_conformance::Fixture;
use thriftwood_conformance::kept::TIME;
use thriftwood_conformance::letters::in_logs;
use thriftwood_conformance::mortal::ATTEMPTS;

async fn connect(_test: &str) -> Option<Fixture> {
    served(Config::default()).await
}

async fn served(config: Config) -> Option<Fixture> {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = config.open(folder.path()).await.expect("the log opens");
    let serving = directory.serve("log://127.0.0.1:0", ServeConfig::default()).await.expect("the log is served");
    let url = format!("log://{}", serving.local_addr().expect("it listens"));
    let server = thriftwood::connect(&url).await.expect("the server's side connects");
    let client = thriftwood::connect(&url).await.expect("the client's side connects");
    Some(Fixture::pair(server, client).burying(in_logs(folder.path())).holding((serving, directory, folder)))
}

thriftwood_conformance::behaviours!(connect);
thriftwood_conformance::kept_behaviours!(connect);

async fn connect_impatient(_test: &str) -> Option<Fixture> {
    let mut config = Config::default();
    config.groups.deadline = Some(TIME);
    served(config).await
}

thriftwood_conformance::time_limit_behaviours!(connect_impatient);

async fn connect_mortal(_test: &str) -> Option<Fixture> {
    let mut config = Config::default();
    config.groups.max_attempts = Some(ATTEMPTS);
    served(config).await
}

thriftwood_conformance::mortal_behaviours!(connect_mortal);
