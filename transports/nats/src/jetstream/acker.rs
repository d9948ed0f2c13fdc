//! How the server is told what became of one delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};
use thriftwood_core::{Error, ErrorKind};

use super::failed;

/// What became of events whose consumer, or its stream, is not there any more.
const GONE: &str = "JetStream did not record what became of an event: the group's consumer is gone, or its stream is";

/// Which of the consumers it is that had the same name one after the other. The server goes by the name: what is said of event 7 of a stream that
/// was removed it would take for event 7 of the one that was made in its place, and nobody has handled that.
#[derive(Clone, Default)]
pub(super) struct Generation {
    own: u64,
    current: Arc<AtomicU64>,
}

impl Generation {
    /// Another has come in place of this one, or nothing has. All that was made of it so far is over.
    pub(super) fn pass(&mut self) {
        self.own = self.current.fetch_add(1, Ordering::SeqCst) + 1;
    }

    /// Whether it has passed.
    pub(super) fn is_over(&self) -> bool {
        self.own != self.current.load(Ordering::SeqCst)
    }
}

/// The way back to the server for one delivery.
pub(super) struct Acker {
    nats: Client,
    subject: Subject,
    generation: Generation,
    /// How long the server may take to confirm.
    timeout: Duration,
}

impl Acker {
    /// For a delivery of this consumer's that is answered on this subject.
    pub(super) fn new(nats: &Client, subject: Subject, generation: &Generation, timeout: Duration) -> Self {
        Self { nats: nats.clone(), subject, generation: generation.clone(), timeout }
    }

    /// Fails when the consumer is another by now, or gone.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.generation.is_over() { Err(Error::new(ErrorKind::Storage, GONE)) } else { Ok(()) }
    }

    /// Says it, and does not wait to hear that it came there.
    pub(super) async fn say(&self, kind: AckKind) -> Result<(), Error> {
        self.check()?;
        let said = self.nats.publish(self.subject.clone(), kind.into()).await;
        said.map_err(|source| failed("a refusal could not be sent", source))
    }

    /// Asks for more time; `false` when the event is nobody's here any more. Not while there is no connection: what waits for one is sent when it is there, by when the time is up, and
    /// publishers would stand behind it in the client's queue.
    pub(super) async fn prolong(&self) -> Result<bool, Error> {
        if self.generation.is_over() {
            return Ok(false);
        }
        if self.nats.connection_state() != State::Connected {
            return Ok(true);
        }
        let asked = self.nats.publish(self.subject.clone(), AckKind::Progress.into()).await;
        asked.map(|()| true).map_err(|source| failed("more time could not be asked for", source))
    }

    /// Says it, and waits until the server has recorded it. The client library's own `double_ack` takes the server's word that nobody is
    /// there to hear it for a confirmation.
    pub(super) async fn confirmed(&self, kind: AckKind) -> Result<(), Error> {
        self.check()?;
        let request = Request::new().payload(kind.into()).timeout(Some(self.timeout));
        let Err(source) = self.nats.send_request(self.subject.clone(), request).await else { return Ok(()) };
        let (kind, text) = match source.kind() {
            RequestErrorKind::NoResponders => (ErrorKind::Storage, GONE.to_owned()),
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
