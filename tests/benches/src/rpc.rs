//! Calls over memory: ours with its features on, against a bare multiplexed echo over the same kind of pipe.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::transport::{Outbound, RpcChannel};
use thriftwood::{BoxFuture, Bus, Context, Rpc, RpcError};
use tokio::runtime::{Builder, Runtime};

use crate::allocations;
use crate::echo::{
    ADDRESS, EchoClient, EchoServer, Mirror, NoOp, calls_per_second, context, note, raw_note, recorded_request,
};
use crate::peers::raw;
use crate::report::{Better, Row};
use crate::rounds::{Rounds, nanoseconds};

/// Bytes a pipe holds; the memory transport's own size.
const PIPE: usize = 256 * 1024;
const PEER: &str = "raw echo";
/// Strings in a note, each an allocation that is the user's own.
const STRINGS: f64 = 2.0;

pub fn run(rounds: &Rounds) -> Vec<Row> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let _entered = runtime.enter();
    let bus = runtime.block_on(serve());
    let client = EchoClient::new(bus.rpc(ADDRESS)).layer(NoOp);
    let raw = raw_client();
    let mut rows: Vec<Row> = [
        (1, 20_000, "calls, 1 in flight"),
        (64, 100_000, "calls, 64 in flight"),
        (256, 100_000, "calls, 256 in flight"),
    ]
    .into_iter()
    .map(|(in_flight, total, name)| {
        let ours = || runtime.block_on(ours_per_second(&client, in_flight, total));
        let reference = || runtime.block_on(raw_per_second(&raw, in_flight, total));
        Row::compared(name, "calls/s", Better::Higher, PEER, rounds.compare(ours, reference))
    })
    .collect();
    runtime.block_on(bus.close()).expect("the bus closes");
    rows.push(layer_cost(rounds));
    rows.extend(allocations());
    rows
}

async fn serve() -> Bus {
    let bus = thriftwood::connect("memory:").await.expect("memory is always there");
    bus.serve(ADDRESS, EchoServer::new(Mirror)).await.expect("the echo is served");
    bus
}

async fn ours_per_second(client: &EchoClient, in_flight: usize, total: usize) -> f64 {
    let (client, context, note) = (client.clone(), context(), note());
    calls_per_second(in_flight, total, move || {
        let (client, context, note) = (client.clone(), context.clone(), note.clone());
        async move {
            black_box(client.echo(&context, note).await.expect("the echo answers"));
        }
    })
    .await
}

fn raw_client() -> raw::Client {
    let (near, far) = tokio::io::duplex(PIPE);
    tokio::spawn(raw::serve(far));
    raw::Client::connect(near)
}

async fn raw_per_second(client: &raw::Client, in_flight: usize, total: usize) -> f64 {
    let (client, note) = (client.clone(), raw_note());
    calls_per_second(in_flight, total, move || {
        let (client, note) = (client.clone(), note.clone());
        async move {
            black_box(client.echo(&note).await);
        }
    })
    .await
}

/// What a layer that does nothing costs a call: the call with it less the call without, over a channel that answers at
/// once, so that nothing else is in the difference.
fn layer_cost(rounds: &Rounds) -> Row {
    let runtime = single_thread();
    let (context, note) = (context(), note());
    let plain = EchoClient::new(canned(&context));
    let layered = plain.clone().layer(NoOp);
    let time = |client: &EchoClient| {
        nanoseconds(|| runtime.block_on(client.echo(&context, note.clone())).expect("the reply is canned"))
    };
    let cost = rounds.alone(|| time(&layered) - time(&plain));
    Row::alone("a no-op tower layer", "ns", Better::Lower, cost).limits(60.0, 30.0)
}

/// Allocations on either side of a small call, beyond the strings of the note itself.
fn allocations() -> Vec<Row> {
    let runtime = single_thread();
    let (context, note) = (context(), note());
    // The reply to this very context: one that names another correlation id has its headers copied, which took two more.
    let client = EchoClient::new(canned(&context));
    let call = |note| runtime.block_on(client.echo(&context, note)).expect("the reply is canned");
    // The first call may set something up.
    call(note.clone());
    let argument = note.clone();
    let calling = allocations::during(|| drop(call(argument)));

    let server = EchoServer::new(Mirror);
    let request = runtime.block_on(recorded_request(&context));
    let handle = || runtime.block_on(server.handle(inbound(&request))).expect("the call is answered");
    handle();
    let serving = allocations::during(|| drop(handle()));
    let row =
        |name, count: u64| Row::alone(name, "allocations", Better::Lower, count as f64 - STRINGS).limits(4.0, 2.0);
    vec![row("allocations of a small call, caller", calling), row("allocations of a small call, callee", serving)]
}

fn single_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

fn inbound(request: &Bytes) -> Inbound {
    Inbound { frame: request.clone(), received: Instant::now(), max_response: 1024 * 1024, failure: None }
}

/// A channel that has the reply already.
struct Canned(Bytes);

impl RpcChannel for Canned {
    fn call(&self, _: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }
}

/// The way to a canned reply: what the echo answers to a call with this context.
fn canned(context: &Context) -> Rpc {
    let reply = single_thread().block_on(async {
        let request = recorded_request(context).await;
        EchoServer::new(Mirror).handle(inbound(&request)).await
    });
    Rpc::new(Arc::new(Canned(reply.expect("the call is answered"))))
}
