//! How often a small call asks for memory: exact, the same on every run, and so what a busy machine cannot blur.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use allocation_counter::measure;
use bytes::Bytes;
use calc::{Calc, CalcRequest, add, patient};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Client, Context, Rpc, RpcError};
use tokio::runtime::Builder;
use tower::layer::util::Identity;

/// Gives the reply it was made with, and keeps the last request.
struct Canned(Bytes, Arc<Mutex<Bytes>>);

impl RpcChannel for Canned {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        *self.1.lock().unwrap() = outbound.frame;
        Box::pin(async { Ok(Some(self.0.clone())) })
    }
}

fn inbound(frame: Bytes) -> Inbound {
    Inbound { frame, received: Instant::now(), max_response: 1 << 20, failure: None }
}

#[test]
fn a_small_call_takes_two_allocations_at_the_caller_and_three_at_the_callee_and_a_layer_one_for_all() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (server, _strings) = Calc::server();
    let request = Arc::new(Mutex::new(Bytes::new()));
    let client = |reply| Client::<CalcRequest>::new(Rpc::new(Arc::new(Canned(reply, Arc::clone(&request)))));
    let ctx = patient().with_header("tenant", "blue");
    let call = |client: &Client<CalcRequest>, ctx: &Context| runtime.block_on(add(client, ctx, 2, 40));
    // With no reply yet, for the request it makes.
    call(&client(Bytes::new()), &ctx).unwrap_err();
    let frame = request.lock().unwrap().clone();
    let answer = || runtime.block_on(server.handle(inbound(frame.clone()))).unwrap();
    let reply = answer();
    assert_eq!(measure(|| drop(answer())).count_total, 3, "future, context, frame");

    let plain = client(reply.clone());
    // The first clone of a frame makes it shared.
    call(&plain, &ctx).unwrap();
    assert_eq!(measure(|| assert_eq!(call(&plain, &ctx).unwrap(), 42)).count_total, 2, "frame, future");
    for layers in 1..=3 {
        let layered = (0..layers).fold(plain.clone(), |client, _| client.layer(Identity::new()));
        call(&layered, &ctx).unwrap();
        assert_eq!(measure(|| assert_eq!(call(&layered, &ctx).unwrap(), 42)).count_total, 3, "{layers} layers");
    }
    assert_eq!(measure(|| drop(Context::new())).count_total, 1, "a context");
}
