//! The span of a call, with the attributes of OpenTelemetry's conventions for RPC (1.45, where they became stable).

use std::fmt;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use thriftwood_core::call::Method;
use thriftwood_core::observe::{CallStart, Observation, Outcome, Side};
use thriftwood_core::{Context, RpcError, RpcErrorKind};
use tracing::field::Empty;
use tracing::{Level, Span, debug, info_span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::TARGET;
use crate::metrics::{Instruments, Metered, instruments};
use crate::peer::Peer;
use crate::propagation::join;

/// What `rpc.system.name` says.
const SYSTEM: &str = "thriftwood";

/// The caller's clock and the server's go off at the same time. Which is heard first is chance, so a call that its caller cancels when
/// no more than this is left has run out of time: the travel of the word, and what is lost where milliseconds are rounded.
const AS_GOOD_AS_OVER: Duration = Duration::from_millis(5);

/// Transports whose URL leads to a broker or a folder. The server of a call is then known by its address on the bus only.
const INDIRECT: &[&str] = &["memory", "log", "nats", "jetstream"];

pub(crate) fn begin(peer: &Peer, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
    let server = Server::of(peer, start);
    let span = span(&server, start, context);
    let metered = instruments().map(|instruments| meter(instruments, &server, start));
    if span.is_disabled() && metered.is_none() && !tracing::enabled!(target: TARGET, Level::WARN) {
        return None;
    }
    join(&span, context, start.side == Side::Server);
    Some(Box::new(Call {
        span,
        metered,
        side: start.side,
        service: start.service,
        method: start.method,
        address: start.address.to_owned(),
        correlation_id: context.correlation_id().to_owned(),
        began: Instant::now(),
        time: context.deadline().map(|_| context.remaining()),
        ended: false,
    }))
}

/// Which calls they were of is not known any more: the host of the URL is all there is to say.
pub(crate) fn late_replies(peer: &Peer, transport: &'static str, replies: u64) {
    let Some(instruments) = instruments() else { return };
    let mut attributes =
        vec![KeyValue::new("rpc.system.name", SYSTEM), KeyValue::new("thriftwood.transport", transport)];
    attributes.extend(peer.host.as_ref().map(|host| KeyValue::new("server.address", host.clone())));
    attributes.extend(peer.port.map(|port| KeyValue::new("server.port", port)));
    instruments.late.add(replies, &attributes);
}

/// Who is called, as attributes name it.
struct Server<'a> {
    address: &'a str,
    port: Option<i64>,
}

impl<'a> Server<'a> {
    fn of(peer: &'a Peer, start: &CallStart<'a>) -> Self {
        match &peer.host {
            Some(host) if !INDIRECT.contains(&start.transport) => Self { address: host, port: peer.port },
            _ => Self { address: start.address, port: None },
        }
    }
}

fn span(server: &Server<'_>, start: &CallStart<'_>, context: &Context) -> Span {
    // The fields are evaluated only when somebody wants the span.
    match start.side {
        Side::Client => info_span!(
            target: TARGET,
            "call",
            "otel.name" = %FullName::of(start),
            "otel.kind" = "client",
            "rpc.system.name" = SYSTEM,
            "rpc.method" = %FullName::of(start),
            "server.address" = server.address,
            "server.port" = server.port,
            "thriftwood.transport" = start.transport,
            "thriftwood.address" = start.address,
            "thriftwood.correlation_id" = context.correlation_id(),
            "rpc.response.status_code" = Empty,
            "error.type" = Empty,
            "thriftwood.exception" = Empty,
        ),
        // Without the span that happens to be around: over memory, that can be the caller's.
        Side::Server => info_span!(
            target: TARGET,
            parent: None,
            "handle",
            "otel.name" = %FullName::of(start),
            "otel.kind" = "server",
            "rpc.system.name" = SYSTEM,
            "rpc.method" = %FullName::of(start),
            "server.address" = server.address,
            "server.port" = server.port,
            "thriftwood.transport" = start.transport,
            "thriftwood.address" = start.address,
            "thriftwood.correlation_id" = context.correlation_id(),
            "rpc.response.status_code" = Empty,
            "error.type" = Empty,
            "thriftwood.exception" = Empty,
        ),
    }
}

fn meter(instruments: &'static Instruments, server: &Server<'_>, start: &CallStart<'_>) -> Metered {
    let mut attributes = vec![
        KeyValue::new("rpc.system.name", SYSTEM),
        KeyValue::new("rpc.method", FullName::of(start).to_string()),
        KeyValue::new("server.address", server.address.to_owned()),
    ];
    attributes.extend(server.port.map(|port| KeyValue::new("server.port", port)));
    Metered::call(if start.side == Side::Client { &instruments.client } else { &instruments.server }, attributes)
}

/// `Store/buyAlbum`, and `_OTHER` for what a server does not know: anything may be asked for, and names must stay few.
///
/// A text only where somebody reads it: with `tracing`'s feature `log`, which any crate of a program can turn on, the fields of a span
/// that nobody wants are evaluated too, and two texts for each call took 5 % of a caller's time.
struct FullName(&'static str, Option<&'static Method>);

impl FullName {
    fn of(start: &CallStart<'_>) -> Self {
        Self(start.service, start.method)
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(method) => write!(f, "{}/{}", self.0, method.name),
            None => f.write_str("_OTHER"),
        }
    }
}

/// A call under way.
struct Call {
    span: Span,
    metered: Option<Metered>,
    side: Side,
    service: &'static str,
    method: Option<&'static Method>,
    address: String,
    correlation_id: String,
    began: Instant,
    /// How long it may take, when somebody waits for it.
    time: Option<Duration>,
    ended: bool,
}

impl Call {
    fn set_error_type(&mut self, error_type: &str) {
        self.span.record("error.type", error_type);
        if let Some(metered) = &mut self.metered {
            metered.failed(error_type);
        }
    }

    fn fail(&mut self, error: &RpcError) {
        let code = status_code(error.kind());
        let error_type = code.map_or_else(|| error_type(error.kind()).to_owned(), |code| code.to_string());
        self.set_error_type(&error_type);
        if let Some(code) = code {
            self.span.record("rpc.response.status_code", code.to_string());
        }
        // A server that answers with a number its callers know has done its work.
        let refused = matches!(error.kind(), RpcErrorKind::Application(_));
        if self.side == Side::Client || !refused {
            self.span.set_status(Status::error(error.to_string()));
        }
        if self.side == Side::Client && !(refused && self.span.is_disabled()) {
            self.log(error, refused);
        }
    }

    /// The server's handler took longer than its caller waits.
    fn expire(&mut self) {
        self.set_error_type(error_type(RpcErrorKind::Timeout));
        self.span.set_status(Status::error("the caller's time was up before the handler ended"));
    }

    /// The line to find at night. What a handler failed with, the server logs itself.
    fn log(&self, error: &RpcError, refused: bool) {
        let elapsed_ms = self.began.elapsed().as_millis() as u64;
        if self.span.is_disabled() {
            let method = &*FullName(self.service, self.method).to_string();
            let (address, correlation_id) = (&*self.address, &*self.correlation_id);
            warn!(target: TARGET, method, address, correlation_id, elapsed_ms, %error, "a call failed");
            return;
        }
        // The span says which call it was.
        self.span.in_scope(|| {
            if refused {
                debug!(target: TARGET, elapsed_ms, %error, "a call was refused");
            } else {
                warn!(target: TARGET, elapsed_ms, %error, "a call failed");
            }
        });
    }
}

impl Observation for Call {
    fn span(&self) -> Span {
        self.span.clone()
    }

    fn end(mut self: Box<Self>, outcome: Outcome<'_>) {
        self.ended = true;
        match outcome {
            Outcome::Call(error) => self.fail(error),
            Outcome::Exception(name) => {
                self.span.record("thriftwood.exception", name);
                if let Some(metered) = &mut self.metered {
                    metered.add("thriftwood.exception", name);
                }
            }
            Outcome::Expired => self.expire(),
            _ => {}
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let over = self.time.is_some_and(|time| self.began.elapsed() + AS_GOOD_AS_OVER >= time);
        if self.side == Side::Server && over {
            self.expire();
        } else {
            // Not an error: whoever asked has what he wanted from elsewhere, or wants it no more.
            self.set_error_type("cancelled");
        }
    }
}

/// The number that travels, for ends that have one.
fn status_code(kind: RpcErrorKind) -> Option<i32> {
    match kind {
        RpcErrorKind::Application(code) => Some(code),
        _ => None,
    }
}

fn error_type(kind: RpcErrorKind) -> &'static str {
    match kind {
        RpcErrorKind::Timeout => "timeout",
        RpcErrorKind::Unavailable => "unavailable",
        RpcErrorKind::Disconnected => "disconnected",
        RpcErrorKind::Overloaded => "overloaded",
        RpcErrorKind::InvalidRequest => "invalid_request",
        RpcErrorKind::RequestTooLarge => "request_too_large",
        RpcErrorKind::ResponseTooLarge => "response_too_large",
        RpcErrorKind::UnknownMethod => "unknown_method",
        RpcErrorKind::Internal => "internal",
        RpcErrorKind::Protocol => "protocol",
        RpcErrorKind::Application(_) => "application",
        // What OpenTelemetry reserves for kinds that have no name here yet.
        _ => "_OTHER",
    }
}
