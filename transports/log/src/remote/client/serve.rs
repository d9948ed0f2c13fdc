//! Calls in: the server sends them here, and stores the answers. When the connection is lost, what was under way on it is another's, or
//! this server's again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use thriftwood_core::Error;
use thriftwood_core::call::{Failure, Handler, Inbound};
use thriftwood_core::transport::{ServeOptions, Serving};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::line::{Failed, Line, Work};
use super::link::Link;
use crate::MAX_FRAME;
use crate::remote::wire::{Outcome, Request};

/// Tells the workers of a process apart.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Starts a server, on the connection there is.
pub(super) async fn serve(
    link: &Arc<Link>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    link.lifecycle.check()?;
    let concurrency = u32::try_from(options.concurrency.max(1)).unwrap_or(u32::MAX);
    let worker = Worker { link: Arc::clone(link), address, handler, concurrency };
    let post = loop {
        let line = link.patient().await?;
        match worker.begin(&line).await {
            Ok(post) => break post,
            Err(Failed::Lost { .. }) => {}
            Err(failed) => return Err(failed.into_error(link.url())),
        }
    };
    Ok(link.lifecycle.serve(|stop| worker.run(post, stop)))
}

struct Worker {
    link: Arc<Link>,
    address: String,
    handler: Arc<dyn Handler>,
    concurrency: u32,
}

/// Where calls come from on one connection.
struct Post {
    line: Arc<Line>,
    number: u32,
    works: UnboundedReceiver<Work>,
}

impl Worker {
    async fn begin(&self, line: &Arc<Line>) -> Result<Post, Failed> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let works = line.employ(number);
        let (address, concurrency) = (self.address.clone(), self.concurrency);
        line.ask(&Request::Serve { worker: number, address, concurrency }).await?;
        Ok(Post { line: Arc::clone(line), number, works })
    }

    async fn run(self, mut post: Post, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                work = post.works.recv() => match work {
                    Some(work) => drop(under_way.spawn(self.handle(&post, work))),
                    None => {
                        debug!(address = self.address, "the connection was lost; calls are asked for again on the next one");
                        tokio::select! {
                            () = stop.cancelled() => break,
                            next = self.begin_again() => match next {
                                Some(next) => post = next,
                                None => break,
                            },
                        }
                    }
                },
                Some(_) = under_way.join_next() => {}
            }
        }
        self.rest(post, &mut under_way).await;
        while under_way.join_next().await.is_some() {}
    }

    /// Has the server send nothing more, and does what it has sent by then.
    async fn rest(&self, mut post: Post, under_way: &mut JoinSet<()>) {
        let line = Arc::clone(&post.line);
        let request = Request::Rest { worker: post.number };
        let resting = line.ask(&request);
        tokio::pin!(resting);
        loop {
            tokio::select! {
                _ = &mut resting => return,
                Some(work) = post.works.recv() => drop(under_way.spawn(self.handle(&post, work))),
                Some(_) = under_way.join_next() => {}
            }
        }
    }

    /// On the next connection, however long that takes; `None` when the bus was closed, or the server does not let this client in.
    async fn begin_again(&self) -> Option<Post> {
        loop {
            let line = match self.link.tireless().await {
                Ok(line) => line,
                Err(error) if error.is_closed() => return None,
                Err(error) => {
                    warn!(address = self.address, %error, "calls cannot be asked for; it is tried again");
                    continue;
                }
            };
            match self.begin(&line).await {
                Ok(post) => return Some(post),
                Err(Failed::Lost { .. }) => {}
                Err(Failed::Fault(fault)) => {
                    warn!(address = self.address, problem = fault.text, "calls cannot be asked for; it is tried again");
                    tokio::time::sleep(self.link.config.patience).await;
                }
            }
        }
    }

    fn handle(&self, post: &Post, work: Work) -> impl Future<Output = ()> + use<> {
        let Work { call, age, frame } = work;
        let now = Instant::now();
        // A clock that counts from the machine's start may not reach back so far.
        let received = now.checked_sub(age).unwrap_or(now);
        let failure = Failure::default();
        let inbound = Inbound { frame, received, max_response: MAX_FRAME, failure: Some(failure.clone()) };
        let handled = self.handler.handle(inbound);
        let (line, worker) = (Arc::clone(&post.line), post.number);
        async move {
            let outcome = match (handled.await, failure.take()) {
                (Some(reply), _) => Outcome::Reply(reply),
                (None, Some(error)) if error.is_unavailable() => Outcome::Stopped(error.message().to_owned()),
                (None, Some(error)) => Outcome::Failed(error.message().to_owned()),
                (None, None) => Outcome::Done,
            };
            line.tell(&Request::Answer { worker, call, outcome });
        }
    }
}
