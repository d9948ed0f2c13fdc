//! The one connection of a bus, made when it is needed and again when it was lost: one attempt at a time, with pauses that grow, and
//! everybody who wants a connection waits for the same attempt.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thriftwood_core::transport::Lifecycle;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::{Endpoint, Socket, connect, pause_after, secure};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::ConnectConfig;
use super::line::Line;
use crate::remote::wire::{Hello, NoHello, Welcome};

/// The way to a server.
pub(crate) struct Link {
    pub(super) lifecycle: Lifecycle,
    pub(super) config: ConnectConfig,
    url: String,
    endpoint: Endpoint,
    lines: AtomicU64,
    state: Mutex<State>,
}

/// Why there is no connection.
#[derive(Clone, Debug)]
struct Failure {
    kind: ErrorKind,
    text: Arc<str>,
}

type Outcome = Result<Arc<Line>, Failure>;

#[derive(Default)]
struct State {
    line: Option<Arc<Line>>,
    attempt: Option<watch::Receiver<Option<Outcome>>>,
    /// How often it failed since it last did not, and when the next attempt may begin.
    failed: Option<(u32, Instant)>,
}

impl Link {
    pub(super) fn to(url: &str, config: ConnectConfig) -> Result<Arc<Self>, Error> {
        let endpoint = crate::remote::endpoint(url)?;
        Ok(Arc::new(Self {
            lifecycle: Lifecycle::new(),
            config,
            url: crate::remote::url(&endpoint),
            endpoint,
            lines: AtomicU64::new(0),
            state: Mutex::default(),
        }))
    }

    /// The server's URL, for people.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The connection. Where there is none, what the next attempt comes to.
    pub(super) async fn line(self: &Arc<Self>) -> Result<Arc<Line>, Error> {
        self.lifecycle.check()?;
        let mut attempt = match self.join() {
            Joined::Open(line) => return Ok(line),
            Joined::Attempt(attempt) => attempt,
        };
        let outcome = tokio::select! {
            outcome = attempt.wait_for(Option::is_some) => outcome.ok().and_then(|outcome| outcome.clone()),
            () = self.lifecycle.closed() => None,
        };
        match outcome {
            Some(Ok(line)) => Ok(line),
            Some(Err(Failure { kind, text })) => Err(Error::new(kind, &*text)),
            None => {
                self.lifecycle.check()?;
                Err(Error::new(ErrorKind::Closed, "the runtime that was connecting has shut down"))
            }
        }
    }

    /// The connection, for which it waits as long as is usual.
    pub(super) async fn patient(self: &Arc<Self>) -> Result<Arc<Line>, Error> {
        let limit = Instant::now() + self.config.patience;
        loop {
            match self.line().await {
                // Neither is mended by waiting a little.
                Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::Refused) => return Err(error),
                Err(error) if Instant::now() >= limit => return Err(error),
                Err(_) => {}
                line => return line,
            }
        }
    }

    /// The connection, for which it waits however long that takes. Fails only when the bus is closed, or the server does not let this
    /// client in.
    pub(super) async fn tireless(self: &Arc<Self>) -> Result<Arc<Line>, Error> {
        loop {
            match self.line().await {
                Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::Refused) => return Err(error),
                Err(_) => {}
                line => return line,
            }
        }
    }

    /// Ends the connection.
    pub(super) fn hang_up(&self) {
        let line = self.state().line.take();
        if let Some(line) = line {
            line.end("the bus was closed");
        }
    }

    fn join(self: &Arc<Self>) -> Joined {
        let mut state = self.state();
        if let Some(line) = state.line.as_ref().filter(|line| line.is_open()) {
            return Joined::Open(Arc::clone(line));
        }
        // One whose task went with its runtime will never come to anything.
        if let Some(attempt) = state.attempt.as_ref().filter(|attempt| attempt.has_changed().is_ok()) {
            return Joined::Attempt(attempt.clone());
        }
        let pause = state.failed.map_or(Duration::ZERO, |(_, next)| next.saturating_duration_since(Instant::now()));
        let (outcome, attempt) = watch::channel(None);
        state.attempt = Some(attempt.clone());
        tokio::spawn(Arc::clone(self).attempt(pause, outcome));
        Joined::Attempt(attempt)
    }

    async fn attempt(self: Arc<Self>, pause: Duration, outcome: watch::Sender<Option<Outcome>>) {
        let attempt = async {
            tokio::time::sleep(pause).await;
            self.dial().await
        };
        let dialled = tokio::select! {
            dialled = attempt => dialled,
            () = self.lifecycle.closed() => Err(failure(ErrorKind::Closed, "the bus is closed".to_owned())),
        };
        let mut state = self.state();
        state.attempt = None;
        match &dialled {
            Ok(line) => {
                if state.failed.take().is_some() {
                    info!(url = self.url, "the log server is there again");
                }
                // Who closes the bus hangs up after it has said so: what is left here by then is found.
                if self.lifecycle.check().is_ok() {
                    state.line = Some(Arc::clone(line));
                } else {
                    line.end("the bus was closed");
                }
            }
            Err(Failure { text, .. }) => {
                let times = state.failed.map_or(0, |(times, _)| times);
                // Often at first and then now and then, for whoever looks at the log at night.
                if times.is_power_of_two() || times.is_multiple_of(64) {
                    warn!(
                        url = self.url,
                        problem = &**text,
                        attempts = times + 1,
                        "the log server cannot be reached; it is tried again"
                    );
                }
                state.failed = Some((times.saturating_add(1), Instant::now() + pause_after(times)));
            }
        }
        drop(state);
        outcome.send_replace(Some(dialled));
    }

    /// Connects, or says what stood in the way.
    async fn dial(&self) -> Outcome {
        let within = self.config.connect_timeout;
        let connected = tokio::time::timeout(within, self.greeted()).await;
        let (socket, server) = connected.unwrap_or_else(|_| {
            let text = format!("nothing answered at {} within {} ms", self.url, within.as_millis());
            Err(failure(ErrorKind::Unreachable, text))
        })?;
        debug!(url = self.url, server, "connected");
        let number = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Line::spawn(socket, number, self.config.stall))
    }

    /// A socket on which the server has let this client in, and the server's number.
    async fn greeted(&self) -> Result<(Socket, u64), Failure> {
        let url = &self.url;
        let unreachable = |text| failure(ErrorKind::Unreachable, text);
        let token = self.token().await?;
        let mut socket = connect(&self.endpoint, self.config.silence).await.map_err(|source| {
            let hint = match source.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "nobody listens at",
                _ => "cannot connect to",
            };
            unreachable(format!("{hint} {url} ({source})"))
        })?;
        if matches!(self.endpoint, Endpoint::Tcp { tls: true, .. }) {
            let secured = secure(socket, &self.endpoint, &self.config.tls).await;
            socket = secured.map_err(|problem| unreachable(format!("cannot speak TLS with {url}: {problem}")))?;
        }
        let lost = |source: io::Error| {
            let problem = thriftwood_tls::explain(&source).unwrap_or_else(|| source.to_string());
            let hint = "; does it want TLS, as logs:// speaks it?";
            let hint = if matches!(self.endpoint, Endpoint::Tcp { tls: false, .. }) { hint } else { "" };
            match thriftwood_socket::is_turned_away(&source) {
                true => failure(ErrorKind::Refused, format!("{url} does not let this side in: {problem}")),
                false => unreachable(format!("{url} ended the connection without a word: {problem}{hint}")),
            }
        };
        socket.write_all(&Hello::with(&token).encode()).await.map_err(lost)?;
        socket.flush().await.map_err(lost)?;
        match Welcome::read(&mut socket).await {
            Ok(Welcome::In { version: 1, server }) => Ok((socket, server)),
            Ok(Welcome::In { version, .. }) => {
                let text =
                    format!("{url} answered in version {version} of the protocol, which this build does not speak");
                Err(failure(ErrorKind::Unsupported, text))
            }
            Ok(Welcome::Refused { text }) => {
                Err(failure(ErrorKind::Refused, format!("{url} does not let this side in: {text}")))
            }
            Err(NoHello::Lost(source)) => Err(lost(source)),
            // The first bytes of an alert of TLS.
            Err(NoHello::Other(bytes)) if bytes.starts_with(&[0x15, 3]) => {
                Err(unreachable(format!("{url} speaks TLS; its URL begins with logs://")))
            }
            Err(NoHello::Other(bytes)) => {
                let text = format!("what answers at {url} is no log server: it began with `{}`", bytes.escape_ascii());
                Err(unreachable(text))
            }
        }
    }

    async fn token(&self) -> Result<Vec<u8>, Failure> {
        let Some(path) = self.config.token_file.clone() else { return Ok(Vec::new()) };
        let invalid = |problem: String| {
            let text = format!("the token in {} cannot be used: {problem}", path.display());
            failure(ErrorKind::InvalidUrl, text)
        };
        let reading = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || std::fs::read_to_string(path))
        };
        let text = reading.await.map_err(|error| invalid(error.to_string()))?;
        let text = text.map_err(|error| invalid(error.to_string()))?;
        let token = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        token.map(|token| token.as_bytes().to_vec()).ok_or_else(|| invalid("the file is empty".to_owned()))
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.hang_up();
    }
}

enum Joined {
    Open(Arc<Line>),
    Attempt(watch::Receiver<Option<Outcome>>),
}

fn failure(kind: ErrorKind, text: String) -> Failure {
    Failure { kind, text: text.into() }
}
