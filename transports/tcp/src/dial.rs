//! Connecting: one connection for all callers, one attempt at a time to make it, and pauses between failed attempts.
//!
//! A call that finds no connection starts an attempt or waits for the one under way, and fails with it. After a failed
//! attempt the next begins no sooner than a pause that doubles each time. A call in a short pause waits, so that a server that
//! is started again is hardly noticed; in a long one it fails at once, with what the last attempt found.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thriftwood_core::RpcError;
use thriftwood_core::connection::Connection;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use crate::config::{Config, Shared};
use crate::endpoint::Endpoint;
use crate::stream::Stream;
use crate::{error, socket};

/// The pause after the first failed attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The pause that does not grow any more.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A pause that a call waits for rather than fail.
const PATIENCE: Duration = Duration::from_millis(100);

/// The other end of a bus.
pub(crate) struct Peer {
    shared: Arc<Shared>,
    link: Mutex<Link>,
}

/// What an attempt came to: a connection, or why there is none.
type Outcome = Result<Connection, Arc<str>>;

#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    attempt: Option<watch::Receiver<Option<Outcome>>>,
    /// How often it failed since it last did not, when the next attempt may begin, and why the last one failed.
    failed: Option<(u32, Instant, Arc<str>)>,
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, link: Mutex::default() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The connection, made if there is none. Dropping the future leaves the attempt to others.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Connection, RpcError> {
        self.shared.lifecycle.check().map_err(|error| error::unavailable(error.message()))?;
        let mut attempt = match self.join()? {
            Joined::Open(connection) => return Ok(connection),
            Joined::Attempt(attempt) => attempt,
        };
        match attempt.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(connection))) => Ok(connection.clone()),
            Ok(Some(Err(cause))) => Err(error::unavailable(&**cause)),
            // The task went, and its runtime with it.
            Ok(None) | Err(_) => Err(error::unavailable("the runtime that was connecting has shut down")),
        }
    }

    /// Lets go of the connection; calls under way still get their replies.
    pub(crate) fn hang_up(&self) {
        self.link().connection = None;
    }

    fn join(self: &Arc<Self>) -> Result<Joined, RpcError> {
        let mut link = self.link();
        if let Some(open) = link.connection.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(Joined::Open(open.clone()));
        }
        // One whose task went with its runtime will never come to anything.
        if let Some(attempt) = link.attempt.as_ref().filter(|attempt| attempt.has_changed().is_ok()) {
            return Ok(Joined::Attempt(attempt.clone()));
        }
        let mut pause = Duration::ZERO;
        if let Some((_, next, cause)) = &link.failed {
            pause = next.saturating_duration_since(Instant::now());
            if pause > PATIENCE {
                let text = format!("{cause}; the next attempt is due in {} ms", pause.as_millis());
                return Err(error::unavailable(text));
            }
        }
        let (outcome, attempt) = watch::channel(None);
        link.attempt = Some(attempt.clone());
        tokio::spawn(Arc::clone(self).connect(pause, outcome));
        Ok(Joined::Attempt(attempt))
    }

    async fn connect(self: Arc<Self>, pause: Duration, outcome: watch::Sender<Option<Outcome>>) {
        tokio::time::sleep(pause).await;
        let target = self.shared.target();
        let connected = tokio::select! {
            connected = dial(&target, &self.shared.config) => connected,
            () = self.shared.lifecycle.closed() => Err("the bus is closed".into()),
        };
        let result = connected.map(|stream| Connection::spawn(stream, self.shared.config.max_frame));
        let mut link = self.link();
        link.attempt = None;
        match &result {
            Ok(connection) => {
                debug!(%target, "connected");
                (link.connection, link.failed) = (Some(connection.clone()), None);
            }
            Err(cause) => {
                debug!(%target, cause = &**cause, "could not connect");
                let times = link.failed.as_ref().map_or(0, |(times, _, _)| *times);
                link.failed = Some((times.saturating_add(1), Instant::now() + pause_after(times), Arc::clone(cause)));
            }
        }
        drop(link);
        outcome.send_replace(Some(result));
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Joined {
    Open(Connection),
    Attempt(watch::Receiver<Option<Outcome>>),
}

/// Between half of it and all of it, so that the clients of a server that was lost do not come back all at once.
fn pause_after(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
    // Keyed anew for each use, which is all the randomness this needs.
    let share = RandomState::new().hash_one(failures) % 1024;
    whole / 2 + whole.mul_f64(share as f64 / 2048.0)
}

/// Connects, or says what stood in the way.
async fn dial(target: &Endpoint, config: &Config) -> Result<Stream, Arc<str>> {
    let within = config.connect_timeout;
    let refused = |source: &io::Error| -> Arc<str> {
        let hint = match source.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "nobody listens at",
            _ => "cannot connect to",
        };
        format!("{hint} {target} ({source})").into()
    };
    match tokio::time::timeout(within, socket::connect(target, config)).await {
        Ok(opened) => opened.map_err(|source| refused(&source)),
        Err(_) => Err(format!("nothing answered at {target} within {} ms", within.as_millis()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_no_two_are_alike() {
        for failures in 0..40 {
            let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
            for _ in 0..100 {
                let pause = pause_after(failures);
                assert!(pause >= whole / 2 && pause <= whole, "{pause:?} after {failures} failures");
            }
        }
        let some: std::collections::HashSet<_> = (0..100).map(|_| pause_after(9)).collect();
        assert!(some.len() > 20, "{some:?}");
    }
}
