//! Serving: the options of a server, and the handle by which it is stopped.

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Transport;
use super::guarded::Guarded;
use crate::call::{Handler, Inbound};
use crate::middleware::{Answering, Innermost, Layer, Layered, LayeredHandler, Step};
use crate::{BoxFuture, Error, ErrorKind};

/// The queue group servers share where nobody chose one; that of NATS's own services, so each call goes to one of them.
pub const DEFAULT_QUEUE_GROUP: &str = "q";

/// How a service is served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Servers of the same address and group share its calls. An empty group means every server gets every call.
    pub queue_group: String,
    /// The most calls handled at once, for each connection where there are some; further ones wait.
    pub concurrency: usize,
    /// The most calls at once over all connections, those that wait for their turn not counted; further ones are refused. The
    /// bus sees to that, not the transport.
    pub max_calls: Option<usize>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { queue_group: DEFAULT_QUEUE_GROUP.to_owned(), concurrency: 1024, max_calls: None }
    }
}

/// A server about to start: set options, then `.await`.
#[must_use = "a server starts when it is awaited"]
pub struct Serve {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) address: String,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) options: ServeOptions,
}

impl Serve {
    /// Servers of the same address and group share its calls; the default is [`DEFAULT_QUEUE_GROUP`]. Only NATS has more
    /// than one group.
    pub fn queue_group(mut self, group: impl Into<String>) -> Self {
        self.options.queue_group = group.into();
        self
    }

    /// The most calls handled at once, at least 1; the default is 1,024. Further ones wait, and their callers' time runs. Over
    /// TCP and in memory this is for each connection.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.options.concurrency = calls.max(1);
        self
    }

    /// The most calls handled at once over all connections. Further ones are refused as
    /// [`Overloaded`](crate::RpcErrorKind::Overloaded), which a caller may try again elsewhere. There is no such limit by default.
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.options.max_calls = Some(calls);
        self
    }
}

impl Serve {
    /// Puts a middleware around every frame that comes and its reply, before those of the typed server. The layer added last
    /// sees a frame first.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Innermost<Answering>>,
        Layered<L::Service>: Step<Inbound>,
    {
        self.handler = Arc::new(LayeredHandler::new(self.handler, &layer));
        self
    }
}

impl IntoFuture for Serve {
    type Output = Result<Serving, Error>;
    type IntoFuture = BoxFuture<'static, Result<Serving, Error>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let kill = CancellationToken::new();
            let handler = Arc::new(Guarded::new(self.handler, self.options.max_calls, kill.clone()));
            let serving = self.transport.serve(self.address, handler, self.options).await?;
            Ok(Serving { kill, ..serving })
        })
    }
}

/// A running server. Dropping it leaves the server running for as long as the bus is open.
#[derive(Debug)]
pub struct Serving {
    stop: CancellationToken,
    /// Ends the calls under way.
    kill: CancellationToken,
    task: JoinHandle<()>,
    local_addr: Option<String>,
}

impl Serving {
    /// Where it listens, as `HOST:PORT` or the path of a unix socket: with the port the system chose where the URL said 0.
    /// `None` on transports that listen nowhere.
    pub fn local_addr(&self) -> Option<&str> {
        self.local_addr.as_deref()
    }

    /// For a transport: this server, listening there.
    #[must_use]
    pub fn listening_at(mut self, local_addr: impl Into<String>) -> Self {
        self.local_addr = Some(local_addr.into());
        self
    }

    /// Takes no further calls, lets those under way finish, and returns when they have.
    pub async fn stop(self) {
        self.stop.cancel();
        self.wait().await;
    }

    /// Takes no further calls, and lets those under way finish for so long. Then their handlers are stopped where they wait; their
    /// callers learn that there will be no reply, over a connection at once and elsewhere when their time is up. True when all
    /// had finished.
    pub async fn stop_within(mut self, time: Duration) -> bool {
        self.stop.cancel();
        if tokio::time::timeout(time, &mut self.task).await.is_ok() {
            return true;
        }
        self.kill.cancel();
        self.wait().await;
        false
    }

    /// Waits until the server ends by itself, as it does when its bus is closed.
    pub async fn wait(self) {
        // A server's task does not panic; were it to, it has ended all the same.
        let _ = self.task.await;
    }
}

/// For a transport: the tasks of one bus, and the word that ends them.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    closed: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// A bus that is open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a server's task. It must end, after finishing the calls it has, when the token given to it is cancelled: by
    /// [`Serving::stop`], or by [`close`](Lifecycle::close).
    pub fn serve<F>(&self, server: impl FnOnce(CancellationToken) -> F) -> Serving
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.closed.child_token();
        let task = self.tasks.spawn(server(stop.clone()));
        Serving { stop, kill: CancellationToken::new(), task, local_addr: None }
    }

    /// Resolves when the bus is closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// The token that is cancelled when the bus is closed.
    pub fn token(&self) -> &CancellationToken {
        &self.closed
    }

    /// Fails when the bus is closed.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`].
    pub fn check(&self) -> Result<(), Error> {
        // Asked of every call and event: the token would take its lock for that.
        if self.tasks.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the bus is closed"));
        }
        Ok(())
    }

    /// Ends the bus and waits for its tasks.
    pub async fn close(&self) {
        self.tasks.close();
        self.closed.cancel();
        self.tasks.wait().await;
    }
}
