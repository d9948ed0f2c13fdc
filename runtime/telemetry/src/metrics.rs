//! How long calls and events take and how many are under way, by OpenTelemetry's conventions.
//!
//! | instrument | kind, unit | of |
//! |---|---|---|
//! | `rpc.client.call.duration`, `rpc.server.call.duration` | histogram, s | every call, at its caller and at its handler |
//! | `rpc.client.active_requests`, `rpc.server.active_requests` | up-down counter | calls under way; a name of our own |
//! | `rpc.client.late_replies` | counter | replies that nobody waited for any more; a name of our own |
//! | `messaging.client.operation.duration` | histogram, s | every publish |
//! | `messaging.client.sent.messages`, `messaging.client.consumed.messages` | counter | events published, events received |
//! | `messaging.process.duration` | histogram, s | every event, from receipt to verdict |

use std::sync::OnceLock;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};

/// Where a process has its metrics recorded, once it does.
static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();

/// What the conventions advise for durations in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Has the metrics of every bus of this process recorded by this meter, from now on. The first meter stays: a later one is
/// ignored, and `false` says so.
///
/// For a process that sets up OpenTelemetry's SDK by itself; `init`, of the feature `otlp`, does this too.
pub fn record_metrics(meter: &Meter) -> bool {
    INSTRUMENTS.set(Instruments::new(meter)).is_ok()
}

pub(crate) fn instruments() -> Option<&'static Instruments> {
    INSTRUMENTS.get()
}

/// One of each.
pub(crate) struct Instruments {
    pub(crate) client: Calls,
    pub(crate) server: Calls,
    pub(crate) late: Counter<u64>,
    pub(crate) publish: Events,
    pub(crate) process: Events,
}

/// For the calls of one side.
pub(crate) struct Calls {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
}

/// For the events of one role.
pub(crate) struct Events {
    duration: Histogram<f64>,
    count: Counter<u64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let duration = |name: &'static str, what: &'static str| {
            let builder = meter.f64_histogram(name).with_unit("s").with_description(what);
            builder.with_boundaries(SECONDS.to_vec()).build()
        };
        let active = |name: &'static str, what: &'static str| {
            meter.i64_up_down_counter(name).with_unit("{request}").with_description(what).build()
        };
        let count = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_unit("{message}").with_description(what).build()
        };
        Self {
            client: Calls {
                duration: duration("rpc.client.call.duration", "How long calls take, as their callers see it"),
                active: active("rpc.client.active_requests", "Calls under way, at their callers"),
            },
            server: Calls {
                duration: duration("rpc.server.call.duration", "How long calls take, as their handlers see it"),
                active: active("rpc.server.active_requests", "Calls under way, at their handlers"),
            },
            late: {
                let builder = meter.u64_counter("rpc.client.late_replies").with_unit("{reply}");
                builder.with_description("Replies that came when nobody waited for them any more").build()
            },
            publish: Events {
                duration: duration("messaging.client.operation.duration", "How long it takes to publish an event"),
                count: count("messaging.client.sent.messages", "Events that were to be published"),
            },
            process: Events {
                duration: duration("messaging.process.duration", "How long events take from receipt to verdict"),
                count: count("messaging.client.consumed.messages", "Events that were received"),
            },
        }
    }
}

/// The metrics of one call or event under way; they are recorded when it is dropped, with the type of its error where one
/// was given.
pub(crate) struct Metered {
    duration: &'static Histogram<f64>,
    active: Option<&'static UpDownCounter<i64>>,
    began: Instant,
    /// Without what is known only at the end: what was counted up must be counted down under the same attributes.
    attributes: Vec<KeyValue>,
    ending: Option<KeyValue>,
}

impl Metered {
    pub(crate) fn call(calls: &'static Calls, attributes: Vec<KeyValue>) -> Self {
        calls.active.add(1, &attributes);
        let (duration, active) = (&calls.duration, Some(&calls.active));
        Self { duration, active, began: Instant::now(), attributes, ending: None }
    }

    pub(crate) fn event(events: &'static Events, attributes: Vec<KeyValue>) -> Self {
        events.count.add(1, &attributes);
        Self { duration: &events.duration, active: None, began: Instant::now(), attributes, ending: None }
    }

    pub(crate) fn failed(&mut self, error_type: &str) {
        self.add("error.type", error_type);
    }

    /// What is known only at the end.
    pub(crate) fn add(&mut self, name: &'static str, value: &str) {
        self.ending = Some(KeyValue::new(name, value.to_owned()));
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(active) = self.active {
            active.add(-1, &self.attributes);
        }
        self.attributes.extend(self.ending.take());
        self.duration.record(self.began.elapsed().as_secs_f64(), &self.attributes);
    }
}
