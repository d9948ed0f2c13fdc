//! Calls in: a subscription in the queue group, and the answer to what comes by it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_nats::client::traits::Publisher;
use async_nats::message::OutboundMessage;
use async_nats::{Message, Subject};
use bytes::Bytes;
use futures_util::FutureExt;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{AnyReader, MessageType, Protocol, Wire};
use thriftwood_core::error::ApplicationError;
use thriftwood_core::frame::Frame;
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{BoxFuture, Error, ErrorKind};
use tokio::task::unconstrained;
use tracing::warn;

use crate::bus::Shared;
use crate::discovery::Service;
use crate::error;
use crate::in_place;
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
    shared.subscribing(&address);
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
    if let Err(error) = shared.subscribed(&address).await {
        announced.cancel();
        return Err(error);
    }
    let server = Server { shared: Arc::clone(shared), handler, service, max_response: shared.max_payload() };
    let requests = Requests::new(Arc::new(server), shared, requests, options.concurrency.max(1));
    let shared = Arc::clone(shared);
    Ok(shared.lifecycle.clone().serve(|stop| async move {
        let requests = in_place::serve(requests, stop).await;
        announced.cancel();
        if let Some(requests) = requests {
            requests.leave(&shared).await;
        }
    }))
}

/// Answers the requests of one service.
pub(crate) struct Server {
    shared: Arc<Shared>,
    handler: Arc<dyn Handler>,
    service: Arc<Service>,
    max_response: usize,
}

impl Server {
    /// What is served, for people.
    pub(crate) fn name(&self) -> &'static str {
        self.handler.service()
    }

    /// Answers a request that was `received` just now, as far as that goes without waiting. What is left to do, where it has to
    /// wait.
    pub(crate) fn begin(
        self: &Arc<Self>,
        message: Message,
        received: Instant,
        cx: &mut Context<'_>,
    ) -> Option<BoxFuture<'static, ()>> {
        let Message { reply, payload, .. } = message;
        let inbound = self.inbound(payload, received);
        // A handler catches its panics. One that does not must not end the service.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut call = self.handler.handle(inbound);
            match call.as_mut().poll(cx) {
                Poll::Ready(frame) => Ok(frame),
                Poll::Pending => Err(call),
            }
        }));
        let server = Arc::clone(self);
        match polled.unwrap_or(Ok(None)) {
            Ok(frame) => {
                let unsent = self.send(frame, reply, received)?;
                Some(Box::pin(async move { server.send_later(unsent).await }))
            }
            Err(call) => Some(Box::pin(async move { server.finish(call, reply, received).await })),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(self: Arc<Self>, message: Message) {
        let (Message { reply, payload, .. }, received) = (message, Instant::now());
        let call = self.handler.handle(self.inbound(payload, received));
        self.finish(call, reply, received).await;
    }

    async fn finish(&self, call: BoxFuture<'static, Option<Bytes>>, reply: Option<Subject>, received: Instant) {
        if let Some(unsent) = self.send(call.await, reply, received) {
            self.send_later(unsent).await;
        }
    }

    fn inbound(&self, frame: Bytes, received: Instant) -> Inbound {
        Inbound { frame, received, max_response: self.max_response, failure: None }
    }

    /// Sends a reply. It is given back where the connection has no room for it at the moment.
    fn send(&self, frame: Option<Bytes>, reply: Option<Subject>, received: Instant) -> Option<OutboundMessage> {
        self.service.count(received.elapsed(), frame.as_ref().and_then(failure));
        // Some peers send oneway calls without a reply subject; they are handled like any other.
        let message = OutboundMessage { subject: reply?, reply: None, payload: frame?, headers: None };
        // Room that is there is taken, also when the task has used up its turn.
        match unconstrained(self.shared.nats.publish_message(message.clone())).now_or_never() {
            Some(sent) => {
                if let Err(error) = sent {
                    self.unsent(&error.to_string());
                }
                None
            }
            None => Some(message),
        }
    }

    /// Without a connection there is soon no room for another reply, and the caller has given up before there is.
    async fn send_later(&self, message: OutboundMessage) {
        match tokio::time::timeout(self.shared.timeout, self.shared.nats.publish_message(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.unsent(&error.to_string()),
            Err(_) => self.unsent("the NATS connection is down"),
        }
    }

    fn unsent(&self, error: &str) {
        warn!(service = self.name(), error, "a reply could not be sent");
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
