//! The caller's half: writes a call into a frame, waits for the reply no longer than it may, and reads it.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use tower_layer::Layer;

use super::{Call, Method, Request};
use crate::codec::binary::BinaryReader;
use crate::codec::{Message, MessageType, Protocol, Reader, Wire, Writer};
use crate::error::ApplicationError;
use crate::frame::{ADDRESS, Body, CANCEL, Frame, FrameBuilder, ReadBody};
use crate::middleware::{DynStep, Innermost, Layered, LayeredChannel, Sending, Step, dynamic};
use crate::observe::{Observing, Side, entered, seen};
use crate::transport::{Outbound, RpcChannel};
use crate::until::{self, Until};
use crate::{BoxFuture, Context, RpcError, RpcErrorKind};

/// The way to one address on one bus; what a generated client is made from.
///
/// Cheap to clone; all clones share one connection, and any number of calls may be under way at once.
#[derive(Clone)]
pub struct Rpc {
    channel: Arc<dyn RpcChannel>,
    protocol: Protocol,
    observing: Option<Observing>,
}

impl Rpc {
    /// The way through this channel.
    pub fn new(channel: Arc<dyn RpcChannel>) -> Self {
        Self { channel, protocol: Protocol::default(), observing: None }
    }

    /// This way, with calls in another protocol than that of the bus. The peer must know it: a Thriftwood server takes each as it
    /// comes, Frugal's and Apache's speak the one they were made with.
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// This way, with a middleware around every frame that is sent and its reply, below those of the typed clients made from it.
    /// The layer added last sees a frame first.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Innermost<Sending>>,
        Layered<L::Service>: Step<Outbound>,
    {
        self.channel = Arc::new(LayeredChannel::new(self.channel, &layer));
        self
    }

    /// This way, with an observer of every typed call.
    pub(crate) fn observed(mut self, observing: Observing) -> Self {
        self.observing = Some(observing);
        self
    }

    /// Sends a whole frame and gives the reply's frame as it came; for proxies and tools that never look inside. The time
    /// limit is the caller's to keep.
    ///
    /// # Errors
    /// What keeps the transport from bringing a reply.
    pub async fn call_frame(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        self.channel.call(outbound).await
    }

    /// The address that a frame for [`call_frame`](Self::call_frame) is to carry in its headers, where the transport wants that.
    pub fn header_address(&self) -> Option<&str> {
        self.channel.address()
    }

    /// Whether such a frame may say in its headers that it is cancelled when nobody waits for it any more, by
    /// [`CANCEL`] with the value 0.
    pub fn cancels(&self) -> bool {
        self.channel.cancels()
    }

    async fn call<Req: Request>(&self, context: &Context, request: &Req) -> Result<Req::Response, RpcError> {
        let method = request.method();
        let observed =
            self.observing.as_ref().and_then(|o| o.call(Side::Client, method.service, Some(method), context));
        let sent = observed.as_ref().map_or(context, |observed| &observed.context);
        // Not moved to where it is awaited: what is moved has two places in the future around it.
        let mut sent = seen(observed.as_ref(), || self.send(sent, request));
        let reply = match &observed {
            None => (&mut sent).await,
            // Layers over frames are inside of the call, and what they say belongs to its span.
            Some(observed) => Box::pin(entered(Some(observed.span()), &mut sent)).await,
        };
        let reply = reply.unwrap_or_else(|| Err(timed_out(request.method(), sent.millis)));
        let result = self.receive(context, request, reply);
        if let Some(observed) = observed {
            observed.end_call(result.as_ref());
        }
        result
    }

    /// Writes the request and gives it to the transport, with no longer to go than the context allows.
    fn send<Req: Request>(&self, context: &Context, request: &Req) -> Sent<'_> {
        let (method, remaining) = (request.method(), context.remaining());
        let operation_id = next_operation_id();
        let frame = match remaining.is_zero() {
            true => Err(timed_out(method, 0)),
            false => self.encode(context, request, operation_id, remaining),
        };
        let deadline = until::after(remaining);
        let outbound = frame.map(|frame| Outbound { operation_id, frame, oneway: method.oneway });
        let call = match (outbound, deadline.filter(|_| self.channel.keeps_time())) {
            (Err(error), _) => Until::new(None, Box::pin(ready(Err(error))) as BoxFuture<'_, _>),
            (Ok(outbound), Some(deadline)) => Until::new(None, self.channel.call_until(outbound, deadline)),
            (Ok(outbound), None) => Until::new(deadline, self.channel.call(outbound)),
        };
        Sent { call, millis: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Reads what came back, and keeps its headers in the caller's context.
    fn receive<Req: Request>(
        &self,
        context: &Context,
        request: &Req,
        reply: Result<Option<Bytes>, RpcError>,
    ) -> Result<Req::Response, RpcError> {
        let method = request.method();
        match reply? {
            // A oneway call: its result is the empty struct.
            _ if method.oneway => request.decode_response(&mut BinaryReader::new(&Bytes::from_static(&[0]))),
            Some(reply) => self.decode(context, request, reply),
            None => {
                let text = format!("the transport gave no reply to `{}` and no error", method.wire_name);
                Err(RpcError::new(RpcErrorKind::Protocol, text))
            }
        }
    }

    fn encode<Req: Request>(
        &self,
        context: &Context,
        request: &Req,
        operation_id: u64,
        remaining: Duration,
    ) -> Result<Bytes, RpcError> {
        let method = request.method();
        let kind = if method.oneway { MessageType::Oneway } else { MessageType::Call };
        let mut frame = FrameBuilder::new();
        context.write_request(&mut frame, operation_id, remaining);
        if let Some(address) = self.channel.address() {
            frame.text(ADDRESS, address.as_bytes());
        }
        if self.channel.cancels() {
            frame.text(CANCEL, b"0");
        }
        Ok(frame.message_in(self.protocol, Message::new(method.wire_name, kind), &Arguments(request))?)
    }

    fn decode<Req: Request>(&self, context: &Context, request: &Req, reply: Bytes) -> Result<Req::Response, RpcError> {
        let frame = Frame::decode(reply)?;
        context.receive_headers(frame.headers(), frame.own());
        let (ours, theirs) = (self.protocol, frame.protocol());
        if ours != theirs && !frame.message().is_empty() {
            let method = request.method().wire_name;
            let text = format!(
                "the reply to `{method}` is in the {theirs} protocol and the call was in {ours}; give the peer {ours}, or \
                 this side's bus {theirs}, with `Bus::with_protocol`"
            );
            return Err(RpcError::new(RpcErrorKind::Protocol, text));
        }
        frame.read(ReplyTo(request))?
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").finish_non_exhaustive()
    }
}

/// A typed client of one service, on which the generated client is a thin face.
pub struct Client<Req: Request> {
    path: Path<Req>,
}

/// A plain client calls the transport directly, so that without middleware nothing is paid for it.
enum Path<Req: Request> {
    Plain(Rpc),
    Layered(Arc<dyn DynStep<Call<Req>>>),
}

impl<Req: Request> Client<Req> {
    /// A client of whatever serves the address that `rpc` leads to.
    pub fn new(rpc: Rpc) -> Self {
        Self { path: Path::Plain(rpc) }
    }

    /// This client with a middleware around every call. The layer added last sees a call first.
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Innermost<Client<Req>>>,
        Layered<L::Service>: Step<Call<Req>>,
    {
        let layered = Layered(layer.layer(Innermost::new(self)));
        Self { path: Path::Layered(dynamic(layered)) }
    }

    /// Calls a method and waits for its result.
    ///
    /// # Errors
    /// Whatever kept the result from coming; a declared exception is not an error here but part of the response.
    pub async fn call(&self, context: &Context, request: Req) -> Result<Req::Response, RpcError> {
        match &self.path {
            Path::Plain(rpc) => rpc.call(context, &request).await,
            Path::Layered(service) => service.call(Call { context: context.clone(), request }).await,
        }
    }
}

impl<Req: Request> Step<Call<Req>> for Client<Req> {
    async fn call(&self, call: Call<Req>) -> Result<Req::Response, RpcError> {
        Client::call(self, &call.context, call.request).await
    }

    fn boxed(self: &Arc<Self>, call: Call<Req>) -> BoxFuture<'static, Result<Req::Response, RpcError>> {
        match &self.path {
            Path::Layered(service) => service.call(call),
            // The client, of which the layer has just cloned the pointer: another count would be another thread's cache line.
            Path::Plain(_) => {
                let client = Arc::clone(self);
                Box::pin(async move {
                    match &client.path {
                        Path::Plain(rpc) => rpc.call(&call.context, &call.request).await,
                        // It is what it was.
                        Path::Layered(service) => service.call(call).await,
                    }
                })
            }
        }
    }
}

impl<Req: Request> Clone for Client<Req> {
    fn clone(&self) -> Self {
        let path = match &self.path {
            Path::Plain(rpc) => Path::Plain(rpc.clone()),
            Path::Layered(service) => Path::Layered(Arc::clone(service)),
        };
        Self { path }
    }
}

impl<Req: Request> fmt::Debug for Client<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("layered", &matches!(self.path, Path::Layered(_))).finish()
    }
}

/// A call that was given to the transport. By hand, since there may be very many of them: what it was made from is not kept.
struct Sent<'a> {
    call: Until<BoxFuture<'a, Result<Option<Bytes>, RpcError>>>,
    /// How long it may take.
    millis: u64,
}

impl Future for Sent<'_> {
    /// Nothing when the time was up.
    type Output = Option<Result<Option<Bytes>, RpcError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let keeps_time = self.call.has_no_limit();
        let reply = Pin::new(&mut self.call).poll(cx);
        reply.map(|reply| reply.filter(|reply| !(keeps_time && is_timeout(reply))))
    }
}

fn is_timeout<T>(reply: &Result<T, RpcError>) -> bool {
    reply.as_ref().is_err_and(|error| error.kind() == RpcErrorKind::Timeout)
}

/// Operation ids are unique in this process, from 1 upwards, as Frugal's are; peers only echo them. A thread takes some at a time: a
/// count that all threads share is fetched from another core with each call.
pub(crate) fn next_operation_id() -> u64 {
    const SOME: u64 = 64;
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static OWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    }
    OWN.with(|own| {
        let (mut next, mut end) = own.get();
        if next == end {
            next = NEXT.fetch_add(SOME, Ordering::Relaxed);
            end = next + SOME;
        }
        own.set((next + 1, end));
        next
    })
}

/// The arguments of a call.
struct Arguments<'a, Req>(&'a Req);

impl<Req: Request> Body for Arguments<'_, Req> {
    fn write<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }
}

/// The reply to a call.
struct ReplyTo<'a, Req>(&'a Req);

impl<Req: Request> ReadBody for ReplyTo<'_, Req> {
    type Output = Result<Req::Response, RpcError>;

    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Self::Output {
        let method = self.0.method().wire_name;
        match message.kind {
            MessageType::Exception => Err(ApplicationError::decode(r)?.into()),
            _ if message.name != method => Err(RpcError::new(
                RpcErrorKind::Protocol,
                format!("the reply to `{method}` is for method `{}`", message.name),
            )),
            MessageType::Reply => self.0.decode_response(r),
            other => Err(RpcError::new(
                RpcErrorKind::Protocol,
                format!("the reply to `{method}` is a message of type {other:?}"),
            )),
        }
    }
}

fn timed_out(method: &Method, millis: u64) -> RpcError {
    let text = format!("no reply to {}.{} within {millis} ms", method.service, method.name);
    RpcError::new(RpcErrorKind::Timeout, text)
}
