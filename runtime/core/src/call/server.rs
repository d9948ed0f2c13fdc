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
use super::running::{CancelOnDrop, Ran, Running};
use super::{Call, Failure, Handler, Held, Inbound, Method, Request, Response};
use crate::codec::{Message, MessageType, Reader};
use crate::frame::{Frame, FrameError, OPERATION_ID, ReadBody};
use crate::middleware::{Innermost, Layered, Step};
use crate::observe::{Observed, Observing, Outcome, Side, entered, seen};
use crate::unwind::catching;
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
        let Some(mut reply) = Reply::to(&frame, inbound.received, inbound.max_response) else {
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
        // Nobody waits for a oneway call: its sender's timeout was for sending it, as a publisher's is.
        if request.method().oneway {
            reply.context.lift_limit();
        }
        let call = Call { context: reply.context.clone(), request };
        Ok(Received { call, reply, failure: inbound.failure })
    }

    /// Runs the handler and writes its reply. One future for all of it, since what is awaited in one has room of its own there, and
    /// what a future is made from has it twice.
    fn answer(&self, received: Received<Req>, held: Option<Held>) -> BoxFuture<'static, Option<Bytes>> {
        let Received { mut call, reply, failure } = received;
        let (name, service, method) = (self.name, Arc::clone(&self.service), call.method());
        // Apart, so that a call nobody looks at does not take the room of one that somebody does.
        let observed = self.observed(Some(method), &reply.context).map(Box::new);
        if let Some(observed) = &observed {
            call.context = observed.context.clone();
        }
        let deadline = call.context.deadline();
        Box::pin(async move {
            let wanted = CancelOnDrop::new(&reply.context);
            let ran = if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                // Not at all, when the time is up already.
                Ran::Late
            } else {
                // A service may panic before it has a future.
                match seen(observed.as_deref(), || catching(|| service.call(call))) {
                    Err(text) => Ran::Ended(Err(text)),
                    Ok(handler) => {
                        let handler = pin!(handler);
                        let running = Running::new(handler, deadline, held.as_ref());
                        match &observed {
                            None => running.await,
                            Some(observed) => Box::pin(entered(Some(observed.span()), running)).await,
                        }
                    }
                }
            };
            let outcome = match ran {
                Ran::Ended(outcome) => seen(observed.as_deref(), || finished(method, &reply.context, outcome)),
                Ran::Killed => return None,
                Ran::Late => {
                    debug!(service = name, method = method.name, "the caller's time was up before the handler ended");
                    if let Some(observed) = observed {
                        observed.end(Outcome::Expired);
                    }
                    return None;
                }
            };
            wanted.keep();
            if let Some(observed) = observed {
                observed.end_call(outcome.as_ref());
            }
            reply.ended(name, method, outcome, failure)
        })
    }

    /// Answers a call that does not come as far as the handler.
    fn unreadable(&self, reply: &Reply, name: &str, error: &RpcError) -> Option<Bytes> {
        if let Some(observed) = self.observed(None, &reply.context) {
            observed.end(Outcome::Call(error));
        }
        let exception = error.to_application(name);
        reply.send(name, MessageType::Exception, &exception)
    }

    fn observed(&self, method: Option<&'static Method>, context: &Context) -> Option<Observed> {
        let service = method.map_or(self.name, |method| method.service);
        self.observing.as_ref()?.call(Side::Server, service, method, context)
    }
}

/// What a handler came to, with its panic as an error; said where it is one that nobody declared.
fn finished<R: Response>(
    method: &Method,
    context: &Context,
    outcome: Result<Result<R, RpcError>, String>,
) -> Result<R, RpcError> {
    let outcome = outcome.unwrap_or_else(|text| {
        warn!(service = method.service, method = method.name, panic = text, "a handler panicked");
        Err(RpcError::internal(format_args!("the handler panicked: {text}")))
    });
    let failure = match &outcome {
        Ok(response) => response.failure(),
        Err(error) => Some(error),
    };
    if let Some(error) = failure.filter(|error| !matches!(error.kind(), RpcErrorKind::Application(_))) {
        let correlation_id = context.correlation_id();
        warn!(service = method.service, method = method.name, correlation_id, %error, "a handler failed");
    }
    outcome
}

/// A call that was read, and what its reply is made from.
struct Received<Req> {
    call: Call<Req>,
    reply: Reply,
    failure: Option<Failure>,
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
            Ok(received) => self.answer(received, None),
            Err(answer) => Box::pin(ready(answer)),
        }
    }

    fn handle_held(&self, inbound: Inbound, held: Held) -> BoxFuture<'static, Option<Bytes>> {
        match self.read(inbound) {
            Ok(received) => self.answer(received, Some(held)),
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
