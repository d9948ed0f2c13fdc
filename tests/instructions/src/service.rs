//! Calls and events over memory, with what they have in earnest: three headers, a time limit, a layer on either side.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::transport::{Outbound, RpcChannel};
use thriftwood::{BoxFuture, Bus, Context, Rpc, RpcError};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tower::layer::util::Identity;

use crate::idl::bench::echo::{Echo, EchoClient, EchoServer, Note, Notes};

const ADDRESS: &str = "echo";

struct Mirror;

impl Echo for Mirror {
    async fn echo(&self, _: &Context, note: Note) -> Result<Note, RpcError> {
        Ok(note)
    }
}

fn note() -> Note {
    Note::new(7, 3, "ada@example", "Count what is exact, report what is not, and name both of the sides.")
}

fn context() -> Context {
    Context::new()
        .with_header("tenant", "blue")
        .with_header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .with_header("user", "8271")
}

/// One thread, so that everything happens in the same order every time. Time stands still: where instructions are counted they take
/// fifty times as long, so that each handler would be one that is long for its connection, and get a task of its own.
fn runtime() -> Runtime {
    #[allow(clippy::expect_used, reason = "without a runtime there is nothing to count")]
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime starts")
}

#[allow(clippy::expect_used, reason = "memory is always there, and without a server there is nothing to count")]
async fn serve() -> Bus {
    let bus = thriftwood::connect("memory:").await.expect("memory is always there");
    bus.serve(ADDRESS, EchoServer::new(Mirror).layer(Identity::new())).await.expect("it is served");
    bus
}

/// Calls over a connection, so many at a time.
pub(crate) fn calls(in_flight: usize, count: usize) {
    runtime().block_on(LocalSet::new().run_until(async move {
        let bus = serve().await;
        let client = Rc::new(EchoClient::new(bus.rpc(ADDRESS)).layer(Identity::new()));
        let callers: Vec<_> = (0..in_flight)
            .map(|_| {
                let client = Rc::clone(&client);
                tokio::task::spawn_local(async move {
                    let (context, note) = (context(), note());
                    for _ in 0..count / in_flight {
                        assert!(black_box(client.echo(&context, note.clone()).await).is_ok(), "the echo answers");
                    }
                })
            })
            .collect();
        for caller in callers {
            assert!(caller.await.is_ok(), "a caller panicked");
        }
    }));
}

/// A channel that keeps what it is given, and answers with what it has.
#[derive(Default)]
struct Recorder {
    asked: Mutex<Option<Bytes>>,
    reply: Option<Bytes>,
}

impl RpcChannel for Recorder {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(outbound.frame);
        Box::pin(async { Ok(self.reply.clone()) })
    }
}

/// The frame of a call with this context.
async fn request(context: &Context) -> Bytes {
    let recorder = Arc::new(Recorder::default());
    let client = EchoClient::new(Rpc::new(Arc::clone(&recorder) as Arc<dyn RpcChannel>));
    assert!(client.echo(context, note()).await.is_err(), "the recorder answers nothing");
    recorder.asked.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
}

fn inbound(frame: &Bytes) -> Inbound {
    Inbound { frame: frame.clone(), received: Instant::now(), max_response: 1 << 20, failure: None }
}

/// The callee's half of a call: from the request's frame to the reply's.
pub(crate) fn handles(count: usize) {
    runtime().block_on(async {
        let frame = request(&context()).await;
        let server = EchoServer::new(Mirror).layer(Identity::new());
        for _ in 0..count {
            assert!(black_box(server.handle(inbound(&frame)).await).is_some(), "the echo answers");
        }
    });
}

/// The caller's half of a call, over a channel that has the reply at hand; with a layer or without.
pub(crate) fn answered(layered: bool, count: usize) {
    runtime().block_on(async {
        let context = context();
        let reply = EchoServer::new(Mirror).handle(inbound(&request(&context).await)).await;
        let plain = EchoClient::new(Rpc::new(Arc::new(Recorder { reply, ..Recorder::default() })));
        let client = if layered { plain.layer(Identity::new()) } else { plain };
        let note = note();
        for _ in 0..count {
            assert!(black_box(client.echo(&context, note.clone()).await).is_ok(), "the reply is at hand");
        }
    });
}

/// Events from a publisher to a subscriber.
pub(crate) fn publishes(count: usize) {
    runtime().block_on(async {
        let bus = serve().await;
        let subscription = Notes::subscriber(&bus, "hall").written().await;
        let (publisher, context, note) = (Notes::publisher(&bus, "hall"), context(), note());
        let Ok(mut subscription) = subscription else { return };
        for _ in 0..count {
            assert!(publisher.written(&context, &note).await.is_ok(), "memory takes every event");
            black_box(subscription.next().await);
        }
    });
}
