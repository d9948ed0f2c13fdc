//! Which span the log lines of middleware and handlers stand in, those included that are said before there is a future.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use thriftwood::{Bus, Context, RpcError};
use thriftwood_telemetry::observer;
use thriftwood_telemetry_tests::idl::{Back, BackClient, BackServer, Greetings};
use thriftwood_telemetry_tests::soon;
use tower_layer::layer_fn;
use tower_service::Service;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Instrument, Subscriber, info, info_span};
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// The lines said by this file, each behind the names of the spans that it stands in.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Listens on this thread for as long as the guard lives; a test on a current-thread runtime has all its tasks there.
    fn listen() -> (Self, DefaultGuard) {
        let lines = Self::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
        (lines, guard)
    }

    /// Those that say this, once there are so many.
    async fn about(&self, what: &str, count: usize) -> Vec<String> {
        let about = || self.0.lock().unwrap().iter().filter(|line| line.contains(what)).cloned().collect::<Vec<_>>();
        let said = async {
            while about().len() < count {
                tokio::task::yield_now().await;
            }
        };
        soon("every line", said).await;
        about()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        if event.metadata().target() != module_path!() {
            return;
        }
        let mut text = String::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            text += &format!("{}: ", span.name());
        }
        event.record(&mut Message(&mut text));
        self.0.lock().unwrap().push(text);
    }
}

struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        *self.0 += &format!("{value:?}");
    }
}

/// A layer that says a line as it is called, before it has a future, and one when what it wraps has ended.
#[derive(Clone)]
struct Saying<S> {
    what: &'static str,
    inner: S,
}

impl<P, S> Service<P> for Saying<S>
where
    S: Service<P, Response: Send, Error: Send, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, passage: P) -> Self::Future {
        let what = self.what;
        info!("{what} begins");
        let inner = self.inner.call(passage);
        Box::pin(async move {
            let output = inner.await;
            info!("{what} ends");
            output
        })
    }
}

macro_rules! saying {
    ($what:literal) => {
        layer_fn(|inner| Saying { what: $what, inner })
    };
}

struct Titles;

impl Back for Titles {
    async fn title(&self, _: &Context, name: String) -> Result<String, RpcError> {
        info!("the handler runs");
        Ok(name)
    }
}

async fn bus() -> Bus {
    thriftwood::connect("memory:").await.unwrap().with_observer(observer("memory:"))
}

fn patient() -> Context {
    Context::new().with_timeout(Duration::from_secs(60))
}

#[tokio::test]
async fn lines_around_a_call_stand_in_the_span_of_the_side_they_are_said_at() {
    let (lines, _listening) = Lines::listen();
    let bus = bus().await;
    let server = BackServer::new(Titles).layer(saying!("the server's typed layer"));
    bus.serve("back", server).layer(saying!("the server's layer of frames")).await.unwrap();
    let client = BackClient::new(bus.rpc("back").layer(saying!("the client's layer of frames")));
    let client = client.layer(saying!("the client's typed layer"));
    client.title(&patient(), "No".into()).instrument(info_span!("work")).await.unwrap();
    let expected = [
        // Around the call: one that tries it three times stands around three spans.
        ("the client's typed layer", "work: "),
        ("the client's layer of frames", "work: call: "),
        // Before the call is read, of which its span is made.
        ("the server's layer of frames", ""),
        ("the server's typed layer", "handle: "),
    ];
    for (layer, spans) in expected {
        let expected = ["begins", "ends"].map(|says| format!("{spans}{layer} {says}"));
        assert_eq!(lines.about(layer, 2).await, expected);
    }
    assert_eq!(lines.about("the handler runs", 1).await, ["handle: the handler runs"]);
}

#[tokio::test]
async fn lines_about_a_received_event_stand_in_its_span_before_there_is_a_future_too() {
    let (lines, _listening) = Lines::listen();
    let bus = bus().await;
    let subscriber = || Greetings::subscriber(&bus, "emea");
    let mut layered = subscriber().layer(saying!("the subscriber's layer")).greeted().await.unwrap();
    let (one, several) = (subscriber().greeted().await.unwrap(), subscriber().greeted().await.unwrap());
    let inside = subscriber().layer(saying!("the outer layer")).greeted().await.unwrap();
    let said = |what: &'static str| {
        move |_: Context, _: String| {
            info!("{what} begins");
            async move {
                info!("{what} ends");
                Ok::<_, RpcError>(())
            }
        }
    };
    let handlers = [
        tokio::spawn(one.for_each(said("the only handler"))),
        tokio::spawn(several.for_each_concurrent(2, said("a handler of several"))),
        tokio::spawn(inside.for_each(said("a handler inside of a layer"))),
    ];
    Greetings::publisher(&bus, "emea").greeted(&patient(), "hello").await.unwrap();
    soon("the event", layered.next()).await.unwrap().unwrap().ack().await.unwrap();
    for what in ["the subscriber's layer", "the only handler", "a handler of several", "a handler inside of a layer"] {
        let expected = ["begins", "ends"].map(|says| format!("process: {what} {says}"));
        assert_eq!(lines.about(what, 2).await, expected);
    }
    handlers.iter().for_each(tokio::task::JoinHandle::abort);
}
