//! Calls in: takes from the address's log what nobody has answered, and stores the answers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use thriftwood_core::call::{Failure, Handler, Inbound, refuse};
use thriftwood_core::frame::{Frame, TIMEOUT};
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, RpcError, RpcErrorKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::calls::{Calls, Request};
use crate::shared::Shared;
use crate::taker::Taker;
use crate::{MAX_FRAME, error};

/// Starts a server. Several of one address share its calls.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    let calls = shared.calls(&address).await?;
    calls.prepare().await.map_err(error::bus)?;
    let server = Server { shared: Arc::clone(shared), calls, handler };
    Ok(shared.lifecycle.serve(|stop| server.run(options.concurrency.max(1), stop)))
}

#[derive(Clone)]
struct Server {
    shared: Arc<Shared>,
    calls: Arc<Calls>,
    handler: Arc<dyn Handler>,
}

impl Server {
    async fn run(self, concurrency: usize, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        let mut taker = Taker::new(&self.calls);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // While all places are taken, further calls wait in the log.
                request = taker.next(), if under_way.len() < concurrency => match request {
                    Some(request) => drop(under_way.spawn(self.clone().answer(request))),
                    None => break,
                },
                Some(_) = under_way.join_next() => {}
            }
        }
        drop(taker);
        while under_way.join_next().await.is_some() {}
    }

    async fn answer(self, request: Request) {
        let (id, offset, attempt, service) =
            (request.id, request.record.offset(), request.attempt, self.handler.service());
        let reply = match self.handle(request).await {
            Handled::Reply(reply) => Some(reply),
            Handled::Done => None,
            Handled::Failed(error) => {
                // One that was stopped can go on elsewhere at once.
                let delay = error.is_unavailable().then_some(Duration::ZERO);
                debug!(service, offset, attempt, %error, "a call is to be handled again");
                return self.calls.give_back(offset, attempt, delay);
            }
        };
        match (self.calls.answer(offset, reply.as_ref()).await, reply) {
            (Ok(true), Some(reply)) => self.shared.waiting.deliver(id, reply),
            (Ok(true), None) => {}
            (Ok(false), _) => debug!(service, offset, attempt, "another server has answered the call"),
            (Err(error), _) => {
                warn!(service, offset, %error, "an answer could not be stored; the call may be handled again");
            }
        }
        if let Err(error) = self.calls.tidy().await {
            warn!(service, %error, "calls that were answered could not be removed");
        }
    }

    /// Runs the handler, unless the time is up or the call has had all its attempts.
    async fn handle(&self, request: Request) -> Handled {
        let now = Instant::now();
        let (mut received, service) = (now, self.handler.service());
        let (offset, attempt) = (request.record.offset(), request.attempt);
        // Nobody waits for a oneway call: its time limit was for storing it, and it is done whenever there is a server.
        if !request.oneway {
            let stored = request.record.time();
            let age = SystemTime::now().duration_since(stored).unwrap_or(Duration::ZERO);
            if time_limit(request.record.value()).is_some_and(|limit| limit <= age) {
                debug!(service, offset, "a call came too late");
                return Handled::Done;
            }
            // A clock that counts from the machine's start may not reach back so far.
            received = now.checked_sub(age).unwrap_or(now);
        }
        let failure = Failure::default();
        let frame = request.record.into_value();
        let inbound = Inbound { frame, received, max_response: MAX_FRAME, failure: Some(failure.clone()) };
        if let Some(most) = self.calls.max_attempts.filter(|most| attempt > *most) {
            let text = format!("the call was begun {most} times and never answered, and is given up");
            error!(service, offset, "{text}");
            return refuse(&inbound, &RpcError::new(RpcErrorKind::Internal, text))
                .map_or(Handled::Done, Handled::Reply);
        }
        let reply = self.handler.handle(inbound).await;
        match (reply, failure.take()) {
            (Some(reply), _) => Handled::Reply(reply),
            (None, Some(error)) => Handled::Failed(error),
            (None, None) => Handled::Done,
        }
    }
}

/// What became of a call.
enum Handled {
    /// This is to be stored for the caller.
    Reply(Bytes),
    /// It was oneway, or came too late.
    Done,
    /// It is to be handled again.
    Failed(RpcError),
}

/// The caller's time limit; 0 is none. Bytes that are no frame have none; the handler says what is wrong with them.
fn time_limit(frame: &Bytes) -> Option<Duration> {
    let frame = Frame::decode(frame.clone()).ok()?;
    let millis: u64 = frame.headers().get(TIMEOUT)?.parse().ok()?;
    (millis > 0).then_some(Duration::from_millis(millis))
}
