//! Calls in: takes from the address's log what nobody has answered, and stores the answers.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use thriftwood_core::Error;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::frame::{Frame, TIMEOUT};
use thriftwood_core::transport::{ServeOptions, Serving};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::calls::{Calls, Request};
use crate::shared::Shared;
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
        let wakeup = self.calls.log().wakeup();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // While all places are taken, further calls wait in the log.
                request = poll_fn(|cx| self.calls.poll_next(&wakeup, cx)), if under_way.len() < concurrency => match request {
                    Some(request) => drop(under_way.spawn(self.clone().answer(request))),
                    None => break,
                },
                Some(_) = under_way.join_next() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn answer(self, request: Request) {
        let (id, offset) = (request.id, request.record.offset());
        let reply = self.handle(request).await;
        match (self.calls.answer(offset, reply.as_ref()).await, reply) {
            (Ok(()), Some(reply)) => self.shared.waiting.deliver(id, reply),
            (Ok(()), None) => {}
            (Err(error), _) => {
                warn!(service = self.handler.service(), offset, %error, "an answer could not be stored; the call may be handled again");
            }
        }
        if let Err(error) = self.calls.tidy().await {
            warn!(service = self.handler.service(), %error, "calls that were answered could not be removed");
        }
    }

    /// Runs the handler, unless the time is up.
    async fn handle(&self, request: Request) -> Option<Bytes> {
        let now = Instant::now();
        let mut received = now;
        // Nobody waits for a oneway call: its time limit was for storing it, and it is done whenever there is a server.
        if !request.oneway {
            let stored = request.record.time();
            let age = SystemTime::now().duration_since(stored).unwrap_or(Duration::ZERO);
            if time_limit(request.record.value()).is_some_and(|limit| limit <= age) {
                debug!(service = self.handler.service(), offset = request.record.offset(), "a call came too late");
                return None;
            }
            // A clock that counts from the machine's start may not reach back so far.
            received = now.checked_sub(age).unwrap_or(now);
        }
        let inbound = Inbound { frame: request.record.into_value(), received, max_response: MAX_FRAME };
        self.handler.handle(inbound).await
    }
}

/// The caller's time limit; 0 is none. Bytes that are no frame have none; the handler says what is wrong with them.
fn time_limit(frame: &Bytes) -> Option<Duration> {
    let frame = Frame::decode(frame.clone()).ok()?;
    let millis: u64 = frame.headers().get(TIMEOUT)?.parse().ok()?;
    (millis > 0).then_some(Duration::from_millis(millis))
}
