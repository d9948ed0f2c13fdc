//! Spans that are kept when they end, for the tasks of one test.

use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

/// Keeps the spans that end on this thread while it lives. A test on a current-thread runtime has all its tasks there.
pub struct Collected {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Collected {
    /// Starts.
    #[allow(clippy::new_without_default, reason = "it takes over the thread's subscriber, which is no default")]
    pub fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        Self { exporter, provider, _guard: guard }
    }

    /// The spans that have ended, once there are this many of them, as they began.
    pub async fn spans(&self, count: usize) -> Vec<SpanData> {
        let ended = || self.exporter.get_finished_spans().unwrap();
        crate::soon("every span's end", async {
            while ended().len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let mut spans = ended();
        spans.sort_by_key(|span| span.start_time);
        self.exporter.reset();
        spans
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        // What could not be exported is missed by the test already.
        let _ = self.provider.shutdown();
    }
}

/// An attribute as text; empty when it is not there.
pub fn attribute(span: &SpanData, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}

/// Every span as `KIND NAME < PARENT'S KIND NAME`; a span without a parent ends after its name.
pub fn tree(spans: &[SpanData]) -> Vec<String> {
    let label = |span: &SpanData| format!("{:?} {}", span.span_kind, span.name);
    let parent = |span: &SpanData| match span.parent_span_id {
        SpanId::INVALID => String::new(),
        id => {
            let parent = spans.iter().find(|other| other.span_context.span_id() == id);
            format!(" < {}", parent.map_or_else(|| "a stranger".to_owned(), label))
        }
    };
    spans.iter().map(|span| label(span) + &parent(span)).collect()
}
