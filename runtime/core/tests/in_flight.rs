//! A hundred thousand calls in flight on one connection: what each takes, and that it is given up when its own time is up.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use allocation_counter::measure;
use calc::add;
use futures_util::stream::{FuturesUnordered, StreamExt};
use pipe::client;
use thriftwood_core::{BoxFuture, Context, RpcError, RpcErrorKind};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::time::Instant;

const CALLS: usize = 100_000;

/// Bytes a call may take while its reply is waited for: the frame is gone by then, the caller's future and the place in the
/// session are not.
const BYTES_PER_CALL: i64 = 400;

/// Takes everything and answers nothing.
async fn listen(mut stream: DuplexStream) {
    let mut bytes = vec![0; 64 * 1024];
    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

#[test]
fn a_call_in_flight_takes_no_more_than_its_share_of_memory() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let entered = runtime.enter();
    let (near, far) = duplex(1024 * 1024);
    runtime.spawn(listen(far));
    let (client, ctx) = (client(near), Context::new().with_timeout(Duration::from_secs(600)));
    drop(entered);
    let mut calls: Vec<BoxFuture<'_, Result<i32, RpcError>>> = Vec::with_capacity(CALLS);
    let taken = measure(|| {
        runtime.block_on(async {
            while calls.len() < CALLS {
                poll_fn(|cx| {
                    for n in 0..100 {
                        let mut call: BoxFuture<'_, _> = Box::pin(add(&client, &ctx, n, 1));
                        assert!(call.as_mut().poll(cx).is_pending());
                        calls.push(call);
                    }
                    Poll::Ready(())
                })
                .await;
                // The connection writes them, and the peer takes them.
                tokio::task::yield_now().await;
            }
        });
    });
    let each = taken.bytes_current / CALLS as i64;
    println!("{each} bytes for each of {CALLS} calls in flight");
    assert!(each <= BYTES_PER_CALL, "{each} bytes for each of {CALLS} calls in flight");
}

#[tokio::test(start_paused = true)]
async fn each_of_a_hundred_thousand_calls_is_given_up_within_two_milliseconds_of_its_own_deadline() {
    let (near, far) = duplex(1024 * 1024);
    tokio::spawn(listen(far));
    let client = &client(near);
    let calls: FuturesUnordered<_> = (0..CALLS)
        .map(|n| async move {
            // In no order, up to a minute and a half ahead.
            let timeout = Duration::from_millis(1 + n as u64 * 7919 % 90_000);
            let (ctx, began) = (Context::new().with_timeout(timeout), Instant::now());
            let error = add(client, &ctx, 1, 1).await.unwrap_err();
            assert_eq!(error.kind(), RpcErrorKind::Timeout, "{error}");
            let late = began.elapsed().checked_sub(timeout).expect("it is not given up early");
            assert!(late <= Duration::from_millis(2), "given up {late:?} late, after {timeout:?}");
        })
        .collect();
    assert_eq!(calls.count().await, CALLS);
}

#[test]
fn calls_end_when_the_runtime_that_drives_their_connection_is_shut_down() {
    let driving = Builder::new_current_thread().enable_all().build().unwrap();
    let entered = driving.enter();
    let (near, _far) = duplex(1024);
    let client = client(near);
    drop(entered);
    let calling = Builder::new_current_thread().enable_all().build().unwrap();
    calling.block_on(async {
        let ctx = Context::new().with_timeout(Duration::from_secs(600));
        let call = add(&client, &ctx, 1, 1);
        let shut_down = async { driving.shutdown_background() };
        let (ended, ()) = tokio::join!(call, shut_down);
        let kind = ended.unwrap_err().kind();
        assert!(matches!(kind, RpcErrorKind::Disconnected | RpcErrorKind::Unavailable), "{kind:?}");
    });
}
