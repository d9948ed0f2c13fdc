//! How the server is told what became of one delivery.

use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};
use thriftwood_core::{Error, ErrorKind};

use super::failed;

/// The way back to the server for one delivery.
pub(super) struct Acker {
    nats: Client,
    subject: Subject,
    /// How long the server may take to confirm.
    timeout: Duration,
}

impl Acker {
    /// For a delivery that is answered on this subject.
    pub(super) fn new(nats: &Client, subject: Subject, timeout: Duration) -> Self {
        Self { nats: nats.clone(), subject, timeout }
    }

    /// Says it, and does not wait to hear that it came there.
    pub(super) async fn say(&self, kind: AckKind) -> Result<(), Error> {
        let said = self.nats.publish(self.subject.clone(), kind.into()).await;
        said.map_err(|source| failed("a refusal could not be sent", source))
    }

    /// Asks for more time. Not while there is no connection: what waits for one is sent when it is there, by when the time is up, and
    /// publishers would stand behind it in the client's queue.
    pub(super) async fn prolong(&self) -> Result<(), Error> {
        if self.nats.connection_state() != State::Connected {
            return Ok(());
        }
        let asked = self.nats.publish(self.subject.clone(), AckKind::Progress.into()).await;
        asked.map_err(|source| failed("more time could not be asked for", source))
    }

    /// Says it, and waits until the server has recorded it. The client library's own `double_ack` takes the server's word that nobody is
    /// there to hear it for a confirmation.
    pub(super) async fn confirmed(&self, kind: AckKind) -> Result<(), Error> {
        let request = Request::new().payload(kind.into()).timeout(Some(self.timeout));
        let Err(source) = self.nats.send_request(self.subject.clone(), request).await else { return Ok(()) };
        let (kind, text) = match source.kind() {
            RequestErrorKind::NoResponders => (
                ErrorKind::Storage,
                "JetStream did not record what became of an event: the group's consumer is gone, or its stream is"
                    .to_owned(),
            ),
            RequestErrorKind::TimedOut => {
                let waited = self.timeout.as_millis();
                (
                    ErrorKind::Timeout,
                    format!("JetStream did not confirm within {waited} ms what became of an event; it may come again"),
                )
            }
            _ => (ErrorKind::Closed, format!("JetStream could not be told what became of an event ({source})")),
        };
        Err(Error::new(kind, text).with_source(source))
    }
}
