//! Calls in: a subscription in the queue group, and a task per call.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::FutureExt;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{AnyReader, MessageType, Protocol, Wire};
use thriftwood_core::error::ApplicationError;
use thriftwood_core::frame::Frame;
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bus::Shared;
use crate::discovery::Service;
use crate::error;
use crate::requests::Requests;

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    shared.lifecycle.check()?;
    let invalid = |problem| Error::new(ErrorKind::InvalidName, problem);
    error::check_subject("the address of a service on NATS", &address, true).map_err(invalid)?;
    let requests = if options.queue_group.is_empty() {
        shared.nats.subscribe(address.clone()).await
    } else {
        error::check_subject("a queue group", &options.queue_group, false).map_err(invalid)?;
        shared.nats.queue_subscribe(address.clone(), options.queue_group.clone()).await
    };
    let requests = requests.map_err(error::bus)?;
    let announced = shared.lifecycle.token().child_token();
    let service =
        Service::announce(shared, handler.service(), &address, &options.queue_group, announced.clone()).await?;
    shared.round_trip().await?;
    let server = Server { shared: Arc::clone(shared), handler, service, max_response: shared.max_payload() };
    let server = Arc::new(server);
    Ok(shared.lifecycle.serve(|stop| async move {
        server.run(requests, options.concurrency.max(1), stop, announced).await;
    }))
}

struct Server {
    shared: Arc<Shared>,
    handler: Arc<dyn Handler>,
    service: Arc<Service>,
    max_response: usize,
}

impl Server {
    async fn run(
        self: Arc<Self>,
        subscription: Subscriber,
        concurrency: usize,
        stop: CancellationToken,
        announced: CancellationToken,
    ) {
        let shared = Arc::clone(&self.shared);
        let answer = move |message| Arc::clone(&self).answer(message);
        let mut requests = Requests::new(&shared, subscription, concurrency, answer);
        tokio::select! {
            () = requests.serve() => {}
            () = stop.cancelled() => {}
        }
        announced.cancel();
        requests.leave(&shared).await;
    }

    async fn answer(self: Arc<Self>, message: Message) {
        let Message { reply, payload, .. } = message;
        let received = Instant::now();
        let inbound = Inbound { frame: payload, received, max_response: self.max_response, failure: None };
        let frame = self.handler.handle(inbound).await;
        self.service.count(received.elapsed(), frame.as_ref().and_then(failure));
        // Some peers send oneway calls without a reply subject; they are handled like any other.
        let (Some(frame), Some(reply)) = (frame, reply) else { return };
        let mut sent = pin!(self.shared.publish(reply, None, frame));
        // Most often there is room for it, and no timer is needed.
        let sent = match sent.as_mut().now_or_never() {
            Some(sent) => Ok(sent),
            // Without a connection there is soon no room for another reply, and the caller has given up before there is.
            None => Box::pin(tokio::time::timeout(self.shared.timeout, sent)).await,
        };
        let problem = match sent {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the NATS connection is down".to_owned(),
        };
        warn!(service = self.handler.service(), error = problem, "a reply could not be sent");
    }
}

/// The text of a reply that says why there is no result.
fn failure(frame: &Bytes) -> Option<String> {
    let frame = Frame::decode(frame.clone()).ok()?;
    let mut reader = AnyReader::new(Protocol::of(frame.message()), frame.message());
    let message = reader.message().ok()?;
    let failed = message.kind == MessageType::Exception;
    failed.then(|| ApplicationError::decode(&mut reader).map_or_else(|_| String::new(), |error| error.message))
}
