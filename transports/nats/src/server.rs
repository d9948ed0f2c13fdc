//! Calls in: a subscription in the queue group, and a task per call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::Shared;
use crate::error;

pub(crate) async fn serve(
    shared: &Shared,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    shared.lifecycle.check()?;
    let invalid = |problem| Error::new(ErrorKind::InvalidName, problem);
    error::check_subject("the address of a service on NATS", &address, true).map_err(invalid)?;
    let requests = if options.queue_group.is_empty() {
        shared.nats.subscribe(address).await
    } else {
        error::check_subject("a queue group", &options.queue_group, false).map_err(invalid)?;
        shared.nats.queue_subscribe(address, options.queue_group).await
    };
    let requests = requests.map_err(error::bus)?;
    shared.round_trip().await?;
    let server =
        Server { nats: shared.nats.clone(), handler, max_response: shared.max_payload(), patience: shared.timeout };
    Ok(shared.lifecycle.serve(|stop| server.run(requests, options.concurrency.max(1), stop)))
}

#[derive(Clone)]
struct Server {
    nats: Client,
    handler: Arc<dyn Handler>,
    max_response: usize,
    /// How long a stop waits for the NATS server to say that nothing more comes.
    patience: Duration,
}

impl Server {
    async fn run(self, mut requests: Subscriber, concurrency: usize, stop: CancellationToken) {
        let mut calls = JoinSet::new();
        let mut draining = false;
        loop {
            tokio::select! {
                // While all places are taken, further calls wait in the subscription.
                message = requests.next(), if calls.len() < concurrency => match message {
                    Some(message) => drop(calls.spawn(self.clone().answer(message))),
                    None => break,
                },
                Some(_) = calls.join_next() => {}
                () = stop.cancelled(), if !draining => {
                    draining = true;
                    // What the server has sent already is still answered.
                    let drain = tokio::time::timeout(self.patience, requests.drain());
                    if !matches!(drain.await, Ok(Ok(()))) {
                        break;
                    }
                }
                // Without a connection nobody confirms the drain. Counted from the last sign of life.
                () = tokio::time::sleep(self.patience), if draining && calls.len() < concurrency => break,
            }
        }
        while calls.join_next().await.is_some() {}
    }

    async fn answer(self, message: Message) {
        let Message { reply, payload, .. } = message;
        let inbound = Inbound { frame: payload, received: Instant::now(), max_response: self.max_response };
        // Some peers send oneway calls without a reply subject; they are handled like any other.
        if let (Some(frame), Some(reply)) = (self.handler.handle(inbound).await, reply)
            && let Err(error) = self.nats.publish(reply, frame).await
        {
            warn!(service = self.handler.service(), %error, "a reply could not be sent");
        }
    }
}
