//! Answers to requests: what is echoed, what fits, and refusals without a look at the arguments.

use std::time::Instant;

use bytes::Bytes;
use tracing::warn;

use super::{Failure, Inbound, Method, Response};
use crate::codec::{Message, MessageType, Protocol, Writer};
use crate::error::{ApplicationCode, ApplicationError};
use crate::frame::{Body, CORRELATION_ID, Frame, FrameBuilder, FrameError, OPERATION_ID, Span};
use crate::{Context, RpcError, RpcErrorKind};

/// The answer to a request that does not come as far as the service. None to a oneway call, or to what cannot be answered; where
/// the transport wants to know, the error is told instead.
pub fn refuse(inbound: &Inbound, error: &RpcError) -> Option<Bytes> {
    let frame = Frame::decode(inbound.frame.clone()).ok()?;
    let message = frame.envelope().ok()?;
    if message.kind == MessageType::Oneway {
        if let Some(failure) = &inbound.failure {
            failure.tell(RpcError::new(error.kind(), error.message()));
        }
        return None;
    }
    let reply = Reply { sequence: message.sequence, ..Reply::to(&frame, inbound.received, inbound.max_response)? };
    let exception = match error.kind() {
        // Here nothing ran, so the caller may try again. In a handler's own failure the same kind says so of another service.
        RpcErrorKind::Overloaded => {
            ApplicationError { message: error.message().to_owned(), code: ApplicationCode::OVERLOADED.0 }
        }
        _ => error.to_application(message.name),
    };
    reply.send(message.name, MessageType::Exception, &exception)
}

/// A reply to one request: knows what to echo and how large it may get.
#[derive(Debug)]
pub(super) struct Reply {
    /// The request's.
    pub(super) context: Context,
    /// Where they stand in the context's headers, which are as the caller sent them.
    operation_id: Span,
    /// A caller that sent none gets none back.
    correlation_id: Option<Span>,
    max_size: usize,
    /// The request's.
    protocol: Protocol,
    /// The request's, once it is read: a plain Thrift client looks for it.
    pub(super) sequence: i32,
}

impl Reply {
    /// What answers this request; nothing does where it has no operation id.
    pub(super) fn to(frame: &Frame, received: Instant, max_size: usize) -> Option<Self> {
        let own = frame.own();
        let (operation_id, correlation_id) = (own.operation_id?, own.correlation_id);
        let context = Context::received_with(frame.headers(), own, received);
        Some(Self { context, operation_id, correlation_id, max_size, protocol: frame.protocol(), sequence: 0 })
    }

    /// The reply of a handler that ended so; none to a oneway call, whose failure is told where somebody wants to know.
    pub(super) fn ended<R: Response>(
        &self,
        service: &str,
        method: &Method,
        outcome: Result<R, RpcError>,
        failure: Option<Failure>,
    ) -> Option<Bytes> {
        if method.oneway {
            if let Err(error) = outcome {
                warn!(service, method = method.name, %error, "a oneway call failed");
                if let Some(failure) = failure {
                    failure.tell(error);
                }
            }
            return None;
        }
        match outcome {
            Ok(response) => match response.failure() {
                Some(error) => self.failure(method, error),
                None => self.result(method, &response),
            },
            Err(error) => self.failure(method, &error),
        }
    }

    fn result<R: Response>(&self, method: &Method, response: &R) -> Option<Bytes> {
        self.send(method.wire_name, MessageType::Reply, &ResultOf(response))
    }

    fn failure(&self, method: &Method, error: &RpcError) -> Option<Bytes> {
        let exception = error.to_application(method.wire_name);
        self.send(method.wire_name, MessageType::Exception, &exception)
    }

    /// Writes the reply; one that is too large is replaced by an exception that says so.
    pub(super) fn send(&self, name: &str, kind: MessageType, body: &impl Body) -> Option<Bytes> {
        let message = Message::new(name, kind).with_sequence(self.sequence);
        let too_large = |size| FrameError::TooLarge { size, limit: self.max_size };
        let (error, code) = match self.frame(true).message_in(self.protocol, message, body) {
            Ok(frame) if frame.len() <= self.max_size => return Some(frame),
            Ok(frame) => (too_large(frame.len()), ApplicationCode::RESPONSE_TOO_LARGE),
            Err(FrameError::Unwritable) => (FrameError::Unwritable, ApplicationCode::INTERNAL_ERROR),
            Err(_) => (too_large(usize::MAX), ApplicationCode::RESPONSE_TOO_LARGE),
        };
        let exception = ApplicationError { message: error.to_string(), code: code.0 };
        // Without the handler's own headers, since those may be what is too large.
        let message = Message { kind: MessageType::Exception, ..message };
        let reply = self.frame(false).message_in(self.protocol, message, &exception).ok();
        // What must be echoed can itself be too large; a transport that carried it would have to drop the connection.
        reply.filter(|frame| frame.len() <= self.max_size)
    }

    fn frame(&self, with_handlers: bool) -> FrameBuilder {
        let mut frame = FrameBuilder::new();
        if with_handlers {
            self.context.with_outgoing_headers(|headers| frame.headers(headers));
        }
        let headers = self.context.headers();
        frame.text(OPERATION_ID, headers.at(self.operation_id));
        if let Some(id) = self.correlation_id {
            frame.text(CORRELATION_ID, headers.at(id));
        }
        frame
    }
}

/// A result, or a declared exception.
struct ResultOf<'a, R>(&'a R);

impl<R: Response> Body for ResultOf<'_, R> {
    fn write<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }
}
