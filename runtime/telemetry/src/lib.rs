//! A span for every call and every event, joined across processes, by OpenTelemetry's conventions.
//!
//! [`observer`] makes what a [`Bus`](thriftwood_core::Bus) takes by `with_observer`; `thriftwood::connect` does that by
//! itself. Its spans are `tracing` spans of level `INFO` and target `thriftwood`: with a subscriber that only writes lines,
//! every line of a handler says which call it belongs to; with a layer of `tracing-opentelemetry`, they are OpenTelemetry's,
//! and the trace goes on at the callee, by the W3C headers `traceparent` and `tracestate` beside each message.
//!
//! | what | span | kind | parent |
//! |---|---|---|---|
//! | a call, at its caller | `Store/buyAlbum` | client | the caller's current span, or the one its context came with |
//! | a call, at its handler | `Store/buyAlbum` | server | the caller's span |
//! | an event, at its publisher | `publish v1.music.{region}.AlbumWinners.Winner` | producer | as a caller's |
//! | an event, at its subscriber | `process v1.music.{region}.AlbumWinners.Winner` | consumer | the publisher's span |
//!
//! A handler's own calls and events become children of its span with no line of code: its context carries the trace.
//! Without a subscriber nothing of this is paid but the question whether there is one: no header, no allocation.
//!
//! | feature | what it adds |
//! |---|---|
//! | `otlp` | `init`, which sends spans and metrics to a collector and writes log lines, and `export`, which does the first only |
//!
//! This is the only crate that names OpenTelemetry's types.

mod call;
mod event;
mod metrics;
mod observer;
#[cfg(feature = "otlp")]
mod otlp;
mod peer;
mod propagation;

pub use metrics::record_metrics;
pub use observer::observer;
#[cfg(feature = "otlp")]
pub use otlp::{Exporting, InitError, export, init};

/// The target of every span and line of this crate, to filter by.
const TARGET: &str = "thriftwood";
