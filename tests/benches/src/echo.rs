//! What the call and event suites share: the service, the layer, the context, and many calls in flight at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::Call;
use thriftwood::frame::Frame;
use thriftwood::transport::{Outbound, RpcChannel};
use thriftwood::{BoxFuture, Context, Rpc, RpcError};
use tower_layer::Layer;
use tower_service::Service;

use crate::peers::raw;
use crate::rounds::per_second;

pub use crate::idl::bench::echo::{Echo, EchoClient, EchoServer, Note, Notes};

/// The address the service is served at.
pub const ADDRESS: &str = "bench-echo";

/// Gives back what it gets.
pub struct Mirror;

impl Echo for Mirror {
    async fn echo(&self, _: &Context, note: Note) -> Result<Note, RpcError> {
        Ok(note)
    }
}

/// A layer that does nothing but be there.
#[derive(Clone)]
pub struct NoOp;

/// What [`NoOp`] wraps.
#[derive(Clone)]
pub struct PassOn<S>(S);

impl<S> Layer<S> for NoOp {
    type Service = PassOn<S>;

    fn layer(&self, inner: S) -> PassOn<S> {
        PassOn(inner)
    }
}

impl<S: Service<Call<R>>, R> Service<Call<R>> for PassOn<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Call<R>) -> S::Future {
        self.0.call(call)
    }
}

/// A context as a service behind others has it: a correlation id, a deadline, and three headers of its own.
pub fn context() -> Context {
    Context::new()
        .with_header("tenant", "blue")
        .with_header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .with_header("user", "8271")
}

const AUTHOR: &str = "ada@example";
const TEXT: &str = "Count what is exact, report what is not, and name both of the sides.";

/// A note of about 110 bytes, as ours.
pub fn note() -> Note {
    Note::new(7, 3, AUTHOR, TEXT)
}

/// The same note, as the bare echo's.
pub fn raw_note() -> raw::Note {
    raw::Note { id: 7, kind: 3, author: AUTHOR.to_owned(), text: TEXT.to_owned() }
}

/// Makes `total` calls, `in_flight` at a time, each caller waiting for its own reply; gives calls per second.
pub async fn calls_per_second<F>(in_flight: usize, total: usize, call: impl Fn() -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let left = Arc::new(AtomicUsize::new(total));
    let start = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (left, call) = (Arc::clone(&left), call.clone());
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    call().await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    per_second(total, start.elapsed())
}

/// The frame of one call with this context, as the client writes it.
pub async fn recorded_request(context: &Context) -> Bytes {
    /// A channel that keeps what it is given and answers nothing.
    #[derive(Default)]
    struct Recorder(Mutex<Option<Bytes>>);

    impl RpcChannel for Recorder {
        fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
            *self.0.lock().expect("unharmed") = Some(outbound.frame);
            Box::pin(async { Ok(None) })
        }
    }

    let recorder = Arc::new(Recorder::default());
    let client = EchoClient::new(Rpc::new(Arc::clone(&recorder) as Arc<dyn RpcChannel>));
    let unanswered = client.echo(context, note()).await;
    assert!(unanswered.is_err(), "the recorder answers nothing");
    let frame = recorder.0.lock().expect("unharmed").take().expect("the call was made");
    assert!(Frame::decode(frame.clone()).is_ok(), "what was recorded is a frame");
    frame
}
