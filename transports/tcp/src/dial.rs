//! Connecting: one connection for all callers, one attempt at a time to make it, and pauses between failed attempts.
//!
//! A call that finds no connection starts an attempt or waits for the one under way, and fails with it. After a failed
//! attempt the next begins no sooner than a pause that doubles each time. A call in a short pause waits, so that a server that
//! is started again is hardly noticed; in a long one it fails at once, with what the last attempt found. A connection on which a
//! stranger answers, or that the other end would not have, is a failed attempt too.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thriftwood_core::connection::{Connection, Failed};
use thriftwood_core::{RpcError, RpcErrorKind};
use thriftwood_socket::{Endpoint, Socket, connect, pause_after, secure};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use crate::config::{Config, Shared};
use crate::error;
use crate::stream::{Fate, Problem, Stream};

/// A pause that a call waits for rather than fail.
const PATIENCE: Duration = Duration::from_millis(100);

/// The other end of a bus.
pub(crate) struct Peer {
    shared: Arc<Shared>,
    link: Mutex<Link>,
    /// Whether a server has ever answered.
    known: Arc<AtomicBool>,
}

/// A connection, where it goes, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) connection: Connection,
    target: Endpoint,
    fate: Fate,
}

impl Line {
    fn new(stream: Stream, target: Endpoint, shared: &Shared) -> Arc<Self> {
        let fate = stream.fate();
        let connection = Connection::spawn(stream, shared.config.max_frame).counting(shared.late.clone());
        Arc::new(Self { connection, target, fate })
    }
}

/// What an attempt came to: a connection, or why there is none.
type Outcome = Result<Arc<Line>, Arc<str>>;

#[derive(Default)]
struct Link {
    line: Option<Arc<Line>>,
    attempt: Option<watch::Receiver<Option<Outcome>>>,
    /// Of the attempts since a server last answered, those that failed.
    failed: Option<Failure>,
}

struct Failure {
    times: u32,
    /// When the next attempt may begin.
    next: Instant,
    /// What the last one came to.
    cause: Arc<str>,
}

impl Link {
    fn open(&self) -> Option<Arc<Line>> {
        self.line.as_ref().filter(|line| !line.connection.is_closed()).cloned()
    }

    fn fail(&mut self, cause: Arc<str>) {
        let times = self.failed.as_ref().map_or(0, |failure| failure.times);
        let next = Instant::now() + pause_after(times);
        self.failed = Some(Failure { times: times.saturating_add(1), next, cause });
    }
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, link: Mutex::default(), known: Arc::default() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The connection, if there is one.
    pub(crate) fn open(&self) -> Option<Arc<Line>> {
        self.shared.lifecycle.check().ok()?;
        self.link().open()
    }

    /// The connection, made if there is none. Dropping the future leaves the attempt to others.
    pub(crate) async fn line(self: &Arc<Self>) -> Result<Arc<Line>, RpcError> {
        self.shared.lifecycle.check().map_err(|error| error::unavailable(error.message()))?;
        let mut attempt = match self.join()? {
            Joined::Open(line) => return Ok(line),
            Joined::Attempt(attempt) => attempt,
        };
        match attempt.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(line))) => Ok(Arc::clone(line)),
            Ok(Some(Err(cause))) => Err(error::unavailable(&**cause)),
            // The task went, and its runtime with it.
            Ok(None) | Err(_) => Err(error::unavailable("the runtime that was connecting has shut down")),
        }
    }

    /// Why a call on this connection has no reply, with what is known of the connection where it ended.
    pub(crate) fn told(&self, line: &Line, failed: Failed) -> RpcError {
        match failed.error.kind() {
            RpcErrorKind::Disconnected => self.lost(line, None),
            RpcErrorKind::Unavailable if failed.unsent.is_some() => self.lost(line, Some(failed.error)),
            _ => failed.error,
        }
    }

    /// What became of the call is `unsent`, where none of it went out.
    fn lost(&self, line: &Line, unsent: Option<RpcError>) -> RpcError {
        let target = &line.target;
        let (kind, cause) = match line.fate.problem() {
            Some(Problem::TurnedAway(text)) => {
                (RpcErrorKind::Unavailable, format!("{target} does not let this side in: {text}"))
            }
            Some(Problem::Stranger(stranger)) => {
                (RpcErrorKind::Protocol, stranger.told(target, target.scheme() == "tcps"))
            }
            problem => {
                let max_frame = self.shared.config.max_frame;
                let why = match problem {
                    Some(Problem::Lost { why, unknown: false }) => why.clone(),
                    Some(Problem::Lost { why, .. }) => format!("{why}; {}", never_answered(target)),
                    _ => format!("what came was no frame of up to {max_frame} bytes, so this end closed it"),
                };
                return match unsent {
                    None => {
                        let text = format!("the connection to {target} was lost before the reply came: {why}");
                        RpcError::new(RpcErrorKind::Disconnected, text)
                    }
                    // It ended without a fault of the stream: its peer takes no more, or sends no frames.
                    Some(unsent) if problem.is_none() => unsent,
                    Some(_) => {
                        error::unavailable(format!("the connection to {target} closed before the call was sent: {why}"))
                    }
                };
            }
        };
        // It looked like a connection and was none: the next attempt has to wait like after any other that failed.
        let mut link = self.link();
        if link.line.take_if(|known| known.fate.is(&line.fate)).is_some() {
            link.fail(cause.as_str().into());
        }
        drop(link);
        RpcError::new(kind, cause)
    }

    /// Lets go of the connection; calls under way still get their replies.
    pub(crate) fn hang_up(&self) {
        self.link().line = None;
    }

    fn join(self: &Arc<Self>) -> Result<Joined, RpcError> {
        let mut link = self.link();
        if let Some(open) = link.open() {
            return Ok(Joined::Open(open));
        }
        // One whose task went with its runtime will never come to anything.
        if let Some(attempt) = link.attempt.as_ref().filter(|attempt| attempt.has_changed().is_ok()) {
            return Ok(Joined::Attempt(attempt.clone()));
        }
        // Not when a connection came about: it may be a stranger's, each time anew. And once for each that answered.
        if link.line.take_if(|line| line.fate.answered()).is_some() {
            link.failed = None;
        }
        let mut pause = Duration::ZERO;
        if let Some(Failure { next, cause, .. }) = &link.failed {
            pause = next.saturating_duration_since(Instant::now());
            if pause > PATIENCE {
                let text = format!("{cause}; the next attempt is due in {} ms", pause.as_millis());
                // Whatever the last attempt found: of this call nothing was sent, and another server may have it.
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
        let result = connected.map(|socket| {
            let stream = Stream::dialled(socket, Arc::clone(&self.known));
            Line::new(stream, target.clone(), &self.shared)
        });
        let mut link = self.link();
        link.attempt = None;
        match &result {
            Ok(line) => {
                debug!(%target, "connected");
                // Who closes the bus hangs up after it has said so: what is left here by then is found.
                if self.shared.lifecycle.check().is_ok() {
                    link.line = Some(Arc::clone(line));
                }
            }
            Err(cause) => {
                debug!(%target, cause = &**cause, "could not connect");
                link.fail(Arc::clone(cause));
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

/// A hint for somebody whose calls have had no answer yet: it need not be the server that ended.
fn never_answered(target: &Endpoint) -> &'static str {
    match target.scheme() {
        "tcp" => "nobody has answered there in frames yet: should the URL begin with tcps://, or with http://?",
        "tcps" => "nobody has answered there in frames yet: should the URL begin with https://?",
        _ => "nobody has answered there in frames yet: is it a server's socket?",
    }
}

enum Joined {
    Open(Arc<Line>),
    Attempt(watch::Receiver<Option<Outcome>>),
}

/// Connects, or says what stood in the way.
async fn dial(target: &Endpoint, config: &Config) -> Result<Socket, Arc<str>> {
    let within = config.connect_timeout;
    let connecting = async {
        let socket = connect(target, config.silence).await.map_err(|source| {
            let hint = match source.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "nobody listens at",
                _ => "cannot connect to",
            };
            format!("{hint} {target} ({source})")
        })?;
        if target.scheme() == "tcps" {
            let secured = secure(socket, target, &config.client_tls).await;
            secured.map_err(|problem| format!("cannot speak TLS with {target}: {problem}"))
        } else {
            Ok(socket)
        }
    };
    match tokio::time::timeout(within, connecting).await {
        Ok(connected) => connected.map_err(Arc::from),
        Err(_) => Err(format!("nothing answered at {target} within {} ms", within.as_millis()).into()),
    }
}
