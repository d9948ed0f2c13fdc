//! The span of an event, with the attributes of OpenTelemetry's conventions for messaging.

use std::fmt;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use thriftwood_core::event::Operation;
use thriftwood_core::observe::{EventStart, Observation, Outcome, Role};
use thriftwood_core::{Context, Error, ErrorKind};
use tracing::field::Empty;
use tracing::{Level, Span, info_span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::TARGET;
use crate::metrics::{Instruments, Metered, instruments};
use crate::peer::Peer;
use crate::propagation::join;

pub(crate) fn begin(peer: &Peer, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
    let span = span(peer, start, context);
    let metered = instruments().map(|instruments| meter(instruments, peer, start));
    if span.is_disabled() && metered.is_none() && !tracing::enabled!(target: TARGET, Level::WARN) {
        return None;
    }
    join(&span, context, start.role == Role::Subscriber);
    Some(Box::new(Event {
        span,
        metered,
        role: start.role,
        topic: start.topic.to_owned(),
        correlation_id: context.correlation_id().to_owned(),
        began: Instant::now(),
    }))
}

fn span(peer: &Peer, start: &EventStart<'_>, context: &Context) -> Span {
    // The fields are evaluated only when somebody wants the span.
    match start.role {
        Role::Publisher => info_span!(
            target: TARGET,
            "publish",
            "otel.name" = %format_args!("publish {}", Template(start.operation)),
            "otel.kind" = "producer",
            "messaging.system" = system(start.transport),
            "messaging.operation.name" = "publish",
            "messaging.operation.type" = "send",
            "messaging.destination.name" = start.topic,
            "messaging.destination.template" = %Template(start.operation),
            "server.address" = peer.host,
            "server.port" = peer.port,
            "thriftwood.correlation_id" = context.correlation_id(),
            "error.type" = Empty,
        ),
        // Without the span that happens to be around: it is that of a loop, or over memory the publisher's.
        Role::Subscriber => info_span!(
            target: TARGET,
            parent: None,
            "process",
            "otel.name" = %format_args!("process {}", Template(start.operation)),
            "otel.kind" = "consumer",
            "messaging.system" = system(start.transport),
            "messaging.operation.name" = "process",
            "messaging.operation.type" = "process",
            "messaging.destination.name" = start.topic,
            "messaging.destination.template" = %Template(start.operation),
            "messaging.consumer.group.name" = start.group,
            "server.address" = peer.host,
            "server.port" = peer.port,
            "thriftwood.offset" = start.offset,
            "thriftwood.attempt" = start.attempt,
            "thriftwood.correlation_id" = context.correlation_id(),
            "error.type" = Empty,
        ),
    }
}

fn meter(instruments: &'static Instruments, peer: &Peer, start: &EventStart<'_>) -> Metered {
    let (events, operation) = match start.role {
        Role::Publisher => (&instruments.publish, "publish"),
        Role::Subscriber => (&instruments.process, "process"),
    };
    let mut attributes = vec![
        KeyValue::new("messaging.system", system(start.transport)),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.template", Template(start.operation).to_string()),
    ];
    attributes.extend(start.group.map(|group| KeyValue::new("messaging.consumer.group.name", group.to_owned())));
    attributes.extend(peer.host.clone().map(|host| KeyValue::new("server.address", host)));
    attributes.extend(peer.port.map(|port| KeyValue::new("server.port", port)));
    Metered::event(events, attributes)
}

/// What `messaging.system` says. The transports of our own are known by our name elsewhere.
fn system(transport: &'static str) -> &'static str {
    match transport {
        "log" => "thriftwood_log",
        "memory" => "thriftwood_memory",
        broker => broker,
    }
}

/// The topic with its variables left open, of which there are few: `v1.music.{region}.AlbumWinners.Winner`. A text only where
/// somebody reads it, as the name of a call is.
struct Template<'a>(&'a Operation);

impl fmt::Display for Template<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { scope, name, .. } = self.0;
        let dot = if scope.prefix.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}.{name}", scope.prefix, scope.topic_name)
    }
}

/// An event under way.
struct Event {
    span: Span,
    metered: Option<Metered>,
    role: Role,
    topic: String,
    correlation_id: String,
    began: Instant,
}

impl Event {
    fn set_error(&mut self, error_type: &str, text: String) {
        self.span.record("error.type", error_type);
        self.span.set_status(Status::error(text));
        if let Some(metered) = &mut self.metered {
            metered.failed(error_type);
        }
    }

    fn fail(&mut self, error: &Error) {
        self.set_error(error_type(error.kind()), error.to_string());
        if self.role == Role::Publisher {
            self.log(error);
        }
    }

    fn log(&self, error: &Error) {
        let elapsed_ms = self.began.elapsed().as_millis() as u64;
        if self.span.is_disabled() {
            let (topic, correlation_id) = (&*self.topic, &*self.correlation_id);
            warn!(target: TARGET, topic, correlation_id, elapsed_ms, %error, "an event was not published");
            return;
        }
        // The span says which event it was.
        self.span.in_scope(|| warn!(target: TARGET, elapsed_ms, %error, "an event was not published"));
    }
}

impl Observation for Event {
    fn span(&self) -> Span {
        self.span.clone()
    }

    fn end(mut self: Box<Self>, outcome: Outcome<'_>) {
        match outcome {
            Outcome::Event(error) => self.fail(error),
            Outcome::Refused => self.set_error("refused", "the event was not handled, and was sent back".to_owned()),
            Outcome::Dropped => {
                let text = "the event was dropped without a word of whether it was handled";
                self.set_error("dropped", text.to_owned());
            }
            _ => {}
        }
    }
}

fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidUrl => "invalid_url",
        ErrorKind::InvalidName => "invalid_name",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Locked => "locked",
        ErrorKind::Storage => "storage",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::InvalidData => "invalid_data",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Closed => "closed",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Refused => "refused",
        // What OpenTelemetry reserves for kinds that have no name here yet.
        _ => "_OTHER",
    }
}
