//! Sends spans and metrics to a collector over OTLP, as OpenTelemetry's environment variables say.

mod environment;
mod lines;

use opentelemetry::global;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, warn};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use self::environment::{Signal, sdk_is_disabled};
use crate::{TARGET, record_metrics};

/// Starts all of it: spans and metrics go to the collector, log lines to standard error. Call it first thing in `main` and
/// keep what it gives; when that is dropped, what has not been sent yet is.
///
/// | variable | what it does | without it |
/// |---|---|---|
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | where the collector is; `https:` is fine | `http://localhost:4318` |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | headers for it, such as a key | none |
/// | `OTEL_SERVICE_NAME` | the name this process goes by | `unknown_service:` and the program's name |
/// | `OTEL_RESOURCE_ATTRIBUTES` | what else is to be known of this process | nothing |
/// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are kept | those the caller keeps, and all that begin here |
/// | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` | `none` sends no spans, no metrics | `otlp` |
/// | `OTEL_METRIC_EXPORT_INTERVAL` | milliseconds between metrics | 60,000 |
/// | `OTEL_SDK_DISABLED` | `true` sends nothing at all | `false` |
/// | `RUST_LOG` | which log lines are written: `info,thriftwood=debug` | `info` |
///
/// The others of OpenTelemetry that its exporter and SDK know work too.
///
/// # Errors
/// When a variable asks for what cannot be done here, or this process has a `tracing` subscriber already; [`export`] goes
/// with one.
pub fn init() -> Result<Exporting, InitError> {
    let exporting = export()?;
    let subscriber = tracing_subscriber::registry().with(exporting.layer()).with(lines::layer());
    tracing::subscriber::set_global_default(subscriber).map_err(|_| InitError::Subscriber)?;
    lines::report();
    Ok(exporting)
}

/// As [`init`], and leaves the subscriber alone: for a process that has its own, to which [`Exporting::layer`] is added.
///
/// # Errors
/// When a variable asks for what cannot be done here.
pub fn export() -> Result<Exporting, InitError> {
    let mut exporting = Exporting { traces: None, metrics: None };
    if sdk_is_disabled() {
        return Ok(exporting);
    }
    // The first provider of a process stays; where there is one, it serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let resource = Resource::builder().build();
    if Signal::TRACES.is_exported()? {
        let exporter = SpanExporter::builder().with_http().build()?;
        let provider =
            SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(exporter).build();
        global::set_tracer_provider(provider.clone());
        exporting.traces = Some(provider);
    }
    if Signal::METRICS.is_exported()? {
        let exporter = MetricExporter::builder().with_http().build()?;
        let provider = SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporter).build();
        record_metrics(&provider.meter(TARGET));
        global::set_meter_provider(provider.clone());
        exporting.metrics = Some(provider);
    }
    Ok(exporting)
}

/// Spans and metrics being sent. Dropped, it sends what is left, for which it takes 5 seconds at most each.
#[derive(Debug)]
#[must_use = "nothing more is sent when this is dropped"]
pub struct Exporting {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Exporting {
    /// What makes spans of `tracing`, of level `INFO` and above, spans of OpenTelemetry; `None` where no spans are sent.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.traces.as_ref()?.tracer(TARGET);
        let layer: OpenTelemetryLayer<S, SdkTracer> = tracing_opentelemetry::layer().with_tracer(tracer);
        // Neither source positions nor threads: they are on every span and help nobody who looks at a trace.
        Some(layer.with_location(false).with_threads(false).with_filter(LevelFilter::INFO))
    }

    /// Sends what has ended so far, and waits until it is sent.
    ///
    /// # Errors
    /// When the collector could not be reached in time, or refused.
    pub fn flush(&self) -> Result<(), InitError> {
        self.traces.as_ref().map_or(Ok(()), SdkTracerProvider::force_flush)?;
        self.metrics.as_ref().map_or(Ok(()), SdkMeterProvider::force_flush)?;
        Ok(())
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        let traces = self.traces.take().map_or(Ok(()), |provider| provider.shutdown());
        let metrics = self.metrics.take().map_or(Ok(()), |provider| provider.shutdown());
        for (what, result) in [("spans", traces), ("metrics", metrics)] {
            if let Err(error) = result {
                warn!(target: TARGET, %error, "the last {what} could not be sent");
            }
        }
    }
}

/// Why spans and metrics are not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A variable asks for a protocol that is not spoken here.
    #[error(
        "{variable} asks for {value:?}, and this build speaks `http/protobuf`: set that, or unset it, and point \
         OTEL_EXPORTER_OTLP_ENDPOINT to the collector's port for HTTP, which is 4318 by custom"
    )]
    Protocol {
        /// The variable.
        variable: String,
        /// What it says.
        value: String,
    },
    /// A variable asks for an exporter that is not there.
    #[error("{variable} asks for {value:?}, and there are `otlp` and `none`")]
    Exporter {
        /// The variable.
        variable: String,
        /// What it says.
        value: String,
    },
    /// The endpoint or another variable of the exporter is not what it should be.
    #[error("the exporter cannot be made of what the OTEL_EXPORTER_OTLP_ variables say: {0}")]
    Variables(#[from] ExporterBuildError),
    /// This process has a subscriber.
    #[error(
        "this process has a tracing subscriber already; call `export` in place of `init` and add its `layer` to that one"
    )]
    Subscriber,
    /// The collector did not take what was sent.
    #[error("not sent: {0}")]
    NotSent(#[from] OTelSdkError),
}
