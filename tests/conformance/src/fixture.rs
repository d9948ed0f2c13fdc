//! What a behaviour works with: a bus for the side that serves and one for the side that calls.

use std::any::Any;
use std::time::Duration;

use thriftwood::codec::Protocol;
use thriftwood::{Bus, Context};

use crate::idl::{ProbeClient, ProbeServer};
use crate::letters::Letters;
use crate::probe::Probe;

/// A connected transport, and whatever has to live as long.
pub struct Fixture {
    /// Where services are served and events subscribed to.
    pub server: Bus,
    /// Where calls are made and events published. The same bus where one process owns it, another connection elsewhere.
    pub client: Bus,
    /// Servers, folders.
    held: Option<Box<dyn Any + Send + Sync>>,
    /// How dead letters are read, where there are such.
    pub(crate) letters: Option<Letters>,
}

impl Fixture {
    /// Both sides on one bus.
    pub fn shared(bus: Bus) -> Self {
        Self { server: bus.clone(), client: bus, held: None, letters: None }
    }

    /// Each side on its own.
    pub fn pair(server: Bus, client: Bus) -> Self {
        Self { server, client, held: None, letters: None }
    }

    /// This fixture, with calls and events in this protocol.
    #[must_use]
    pub fn speaking(mut self, protocol: Protocol) -> Self {
        self.server = self.server.with_protocol(protocol);
        self.client = self.client.with_protocol(protocol);
        self
    }

    /// This fixture, keeping `part` until it is closed.
    #[must_use]
    pub fn holding(mut self, part: impl Any + Send + Sync) -> Self {
        self.held = Some(Box::new(part));
        self
    }

    /// This fixture, whose dead letters are read like this.
    #[must_use]
    pub fn burying(mut self, letters: Letters) -> Self {
        self.letters = Some(letters);
        self
    }

    /// Serves a probe and gives a client of it.
    pub async fn probe(&self) -> (Probe, ProbeClient) {
        let probe = Probe::default();
        self.server.serve("probe", ProbeServer::new(probe.clone())).await.expect("the probe is served");
        (probe, ProbeClient::new(self.client.rpc("probe")))
    }

    /// Closes both sides, then lets go of what was held.
    pub async fn close(self) {
        self.client.close().await.expect("the client's bus closes");
        self.server.close().await.expect("the server's bus closes");
    }
}

/// A context that gives up only when something hangs.
pub fn patient() -> Context {
    Context::new().with_timeout(Duration::from_secs(60))
}

/// Waits for what must come, and fails when it hangs.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within 30 s"),
    }
}
