//! The callee's half: reads a call out of a frame, runs the handler within the caller's time limit, writes the reply.

use std::fmt;
use std::future::ready;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tower_layer::Layer;
use tracing::{debug, warn};

use super::reply::Reply;
use super::{Call, Failure, Handler, Held, Inbound, Method, Request, Response};
use crate::codec::{Message, MessageType, Reader};
use crate::frame::{Frame, FrameError, OPERATION_ID, ReadBody};
use crate::middleware::{Innermost, Layered, Step};
use crate::observe::{Observed, Observing, Outcome, Side, entered};
use crate::until::Until;
use crate::unwind::caught;
use crate::{BoxFuture, Context, RpcError, RpcErrorKind};

/// A typed server of one service, on which the generated server is a thin face.
pub struct Server<Req, S> {
    name: &'static str,
    service: Arc<S>,
    observing: Option<Observing>,
    request: PhantomData<fn(Req)>,
}

impl<Req: Request, S: Step<Call<Req>>> Server<Req, S> {
    /// A server that hands every call to `service`.
    pub fn new(name: &'static str, service: S) -> Self {
        Self { name, service: Arc::new(service), observing: None, request: PhantomData }
    }

    /// This server with a middleware around every handler. The layer added last sees a call first.
    ///
    /// It sees calls whose method is known and whose arguments could be read; the others are answered before it.
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Server<Req, Layered<L::Service>>
    where
        L: Layer<Innermost<S>>,
        Layered<L::Service>: Step<Call<Req>>,
    {
        let service = Arc::new(Layered(layer.layer(Innermost(self.service))));
        Server { name: self.name, service, observing: self.observing, request: PhantomData }
    }

    /// Reads a call, or answers what is none; the latter most often with nothing.
    fn read(&self, inbound: Inbound) -> Result<Received<Req>, Option<Bytes>> {
        let frame = match Frame::decode(inbound.frame) {
            Ok(frame) => frame,
            Err(error) => {
                warn!(service = self.name, %error, "dropped a request that is no frame");
                return Err(None);
            }
        };
        let context = Context::received(frame.headers(), inbound.received);
        let Some(mut reply) = Reply::to(&frame, &context, inbound.max_response) else {
            let error = FrameError::MissingHeader(OPERATION_ID);
            warn!(service = self.name, %error, "dropped a request that cannot be answered");
            return Err(None);
        };
        let request = match frame.read(Incoming::<Req>(PhantomData)) {
            Err(error) => return Err(self.unreadable(&reply, "", &error.into())),
            Ok((sequence, read)) => {
                reply.sequence = sequence;
                read.map_err(|(name, error)| self.unreadable(&reply, &name, &error))?
            }
        };
        let sequence = reply.sequence;
        // Nobody waits for a oneway call: its sender's timeout was for sending it, as a publisher's is.
        let context = if request.method().oneway { Context::received_event(frame.headers()) } else { context };
        let (max_response, failure) = (inbound.max_response, inbound.failure);
        Ok(Received { call: Call { context, request }, frame, sequence, max_response, failure })
    }

    /// Runs the handler and writes its reply.
    async fn answer(&self, received: Received<Req>) -> Option<Bytes> {
        let Received { call, frame, sequence, max_response, failure } = received;
        let (method, context) = (call.method(), call.context.clone());
        let outcome = match self.observed(Some(method), &context) {
            None => self.within_time(call).await,
            // Apart, so that a call nobody looks at does not take the room of one that somebody does.
            Some(observed) => Box::pin(self.run_observed(call, observed)).await,
        };
        let Some(outcome) = outcome else {
            debug!(service = self.name, method = method.name, "the caller's time was up before the handler ended");
            return None;
        };
        if method.oneway {
            if let Err(error) = outcome {
                warn!(service = self.name, method = method.name, %error, "a oneway call failed");
                if let Some(failure) = failure {
                    failure.tell(error);
                }
            }
            return None;
        }
        let mut reply = Reply::to(&frame, &context, max_response)?;
        reply.sequence = sequence;
        match outcome {
            Ok(response) => match response.failure() {
                Some(error) => reply.failure(method, error),
                None => reply.result(method, &response),
            },
            Err(error) => reply.failure(method, &error),
        }
    }

    /// Answers a call that does not come as far as the handler.
    fn unreadable(&self, reply: &Reply<'_>, name: &str, error: &RpcError) -> Option<Bytes> {
        if let Some(observed) = self.observed(None, reply.context) {
            observed.end(Outcome::Call(error));
        }
        let exception = error.to_application(name);
        reply.send(name, MessageType::Exception, &exception)
    }

    fn observed(&self, method: Option<&'static Method>, context: &Context) -> Option<Observed> {
        let service = method.map_or(self.name, |method| method.service);
        self.observing.as_ref()?.call(Side::Server, service, method, context)
    }

    /// Runs the handler, observed.
    async fn run_observed(&self, mut call: Call<Req>, observed: Observed) -> Option<Result<Req::Response, RpcError>> {
        call.context = observed.context.clone();
        let outcome = entered(Some(observed.span()), self.within_time(call)).await;
        match &outcome {
            None => observed.end(Outcome::Expired),
            Some(outcome) => observed.end_call(outcome.as_ref()),
        }
        outcome
    }

    /// Runs the handler: not at all when the time is up already, no longer than the deadline, and unharmed by a panic.
    async fn within_time(&self, call: Call<Req>) -> Option<Result<Req::Response, RpcError>> {
        let deadline = call.context.deadline();
        let (method, context) = (call.method(), call.context.clone());
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return None;
        }
        let wanted = CancelOnDrop(Some(&context));
        // Called inside: a service may panic before it has a future.
        let guarded = pin!(caught(async { self.service.call(call).await }));
        let outcome = Until::new(deadline, guarded).await?.unwrap_or_else(|text| {
            warn!(service = self.name, panic = text, "a handler panicked");
            Err(RpcError::internal(format_args!("the handler panicked: {text}")))
        });
        wanted.keep();
        let failure = match &outcome {
            Ok(response) => response.failure(),
            Err(error) => Some(error),
        };
        if let Some(error) = failure.filter(|error| !matches!(error.kind(), RpcErrorKind::Application(_))) {
            let correlation_id = context.correlation_id();
            warn!(service = method.service, method = method.name, correlation_id, %error, "a handler failed");
        }
        Some(outcome)
    }
}

/// A call that was read, and what its reply is made from.
struct Received<Req> {
    call: Call<Req>,
    frame: Frame,
    sequence: i32,
    max_response: usize,
    failure: Option<Failure>,
}

/// Tells what a handler started elsewhere that nobody wants it any more, when the handler is dropped before its end.
struct CancelOnDrop<'a>(Option<&'a Context>);

impl CancelOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            context.cancel();
        }
    }
}

impl<Req, S> Clone for Server<Req, S> {
    fn clone(&self) -> Self {
        let (service, observing) = (Arc::clone(&self.service), self.observing.clone());
        Self { name: self.name, service, observing, request: PhantomData }
    }
}

impl<Req: Request, S: Step<Call<Req>>> Handler for Server<Req, S> {
    fn service(&self) -> &'static str {
        self.name
    }

    fn methods(&self) -> &'static [&'static Method] {
        Req::methods()
    }

    fn observe(&mut self, observing: Observing) {
        self.observing = Some(observing);
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        // Read here: what a future holds is moved with it.
        match self.read(inbound) {
            Ok(received) => {
                let server = self.clone();
                Box::pin(async move { server.answer(received).await })
            }
            Err(answer) => Box::pin(ready(answer)),
        }
    }

    fn handle_held(&self, inbound: Inbound, held: Held) -> BoxFuture<'static, Option<Bytes>> {
        match self.read(inbound) {
            Ok(received) => {
                let server = self.clone();
                Box::pin(async move { held.during(server.answer(received)).await })
            }
            Err(answer) => Box::pin(ready(answer)),
        }
    }
}

impl<Req, S> fmt::Debug for Server<Req, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("service", &self.name).finish_non_exhaustive()
    }
}

/// A call of some method of the service.
struct Incoming<Req>(PhantomData<Req>);

impl<Req: Request> ReadBody for Incoming<Req> {
    /// The sequence number; then the call, or which method was called and why that does not come as far as the handler.
    type Output = (i32, Result<Req, (String, RpcError)>);

    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Self::Output {
        let unknown = || RpcError::new(RpcErrorKind::UnknownMethod, format!("Unknown function {}", message.name));
        let request = match Req::decode(message.name, r) {
            None => Err(unknown()),
            Some(read) => read.map_err(RpcError::from),
        };
        (message.sequence, request.map_err(|error| (message.name.to_owned(), error)))
    }
}
