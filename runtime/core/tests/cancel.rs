//! Handlers end when nobody waits for them any more, and no others do.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use calc::{CalcRequest, CalcResponse, patient, soon};
use futures_util::stream::{FuturesUnordered, StreamExt};
use pipe::{MAX_FRAME, client, frame, options, receive, serve};
use thriftwood_core::call::{Call, Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType, Writer};
use thriftwood_core::connection::{Connection, serve_connection};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::middleware::Step;
use thriftwood_core::session::Deframer;
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Client, Context, RpcError, RpcErrorKind, Server, memory};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Never ends by itself, and tells what happens to it.
struct Endless(mpsc::UnboundedSender<&'static str>);

struct Tell(mpsc::UnboundedSender<&'static str>, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.send(self.1).ok();
    }
}

impl Step<Call<CalcRequest>> for Endless {
    async fn call(&self, call: Call<CalcRequest>) -> Result<CalcResponse, RpcError> {
        let _end = Tell(self.0.clone(), "stopped");
        let (elsewhere, tell) = (call.context.with_header("made", "from it"), self.0.clone());
        assert!(!elsewhere.is_cancelled());
        tokio::spawn(async move {
            elsewhere.cancelled().await;
            // Whoever asks later than that is told as well.
            elsewhere.cancelled().await;
            tell.send(if elsewhere.is_cancelled() { "cancelled" } else { "only told" }).ok();
        });
        self.0.send("began").ok();
        std::future::pending().await
    }
}

fn endless() -> (Server<CalcRequest, Endless>, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, heard) = mpsc::unbounded_channel();
    (Server::new("Calc", Endless(tell)), heard)
}

async fn heard(words: &mut mpsc::UnboundedReceiver<&'static str>, expected: &[&str]) {
    let mut all = Vec::new();
    while all.len() < expected.len() {
        all.push(soon(expected[all.len()], words.recv()).await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_dropped_future_stops_the_handler_from_the_first_call_of_a_connection_on() {
    let (near, far) = duplex(4096);
    let (server, mut words) = endless();
    let _serving = serve(far, server, options(8));
    let client = client(near);
    for _ in 0..3 {
        let ctx = patient();
        {
            let call = client.call(&ctx, CalcRequest::Wait);
            tokio::select! {
                _ = call => panic!("it never ends"),
                () = heard(&mut words, &["began"]) => {}
            }
        }
        heard(&mut words, &["cancelled", "stopped"]).await;
    }
}

/// A stream that brings these bytes, and takes none.
struct Torn(Bytes);

impl AsyncRead for Torn {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0.split_to(count));
        if count > 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl AsyncWrite for Torn {
    fn poll_write(self: Pin<&mut Self>, _: &mut TaskContext<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_handler_whose_reply_could_not_be_written_any_more_is_stopped() {
    let mut call = FrameBuilder::new();
    call.number("_opid", 1);
    call.header("_cancel", "0");
    let call = call.message(Message::new("wait", MessageType::Call), |w| w.struct_end()).unwrap();
    let (server, mut words) = endless();
    let served = serve_connection(Torn(call), Arc::new(server), options(8), CancellationToken::new());
    let serving = tokio::spawn(served);
    heard(&mut words, &["began", "cancelled", "stopped"]).await;
    soon("the connection's end", serving).await.unwrap();
}

/// Tells which calls began, of which the first never ends.
struct Naming(mpsc::UnboundedSender<u64>);

impl Handler for Naming {
    fn service(&self) -> &'static str {
        "Naming"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let begun = self.0.clone();
        Box::pin(async move {
            let id = Frame::decode(inbound.frame).ok()?.operation_id()?;
            begun.send(id).ok()?;
            if id == 1 { std::future::pending().await } else { None }
        })
    }
}

#[tokio::test]
async fn of_the_calls_that_wait_when_their_caller_goes_the_oneway_ones_alone_are_begun() {
    let (mut near, far) = duplex(4096);
    let (begun, mut ids) = mpsc::unbounded_channel();
    let (serving, _stop) = serve(far, Naming(begun), options(1));
    for (id, kind) in [(1, MessageType::Call), (2, MessageType::Call), (3, MessageType::Oneway)] {
        let mut call = FrameBuilder::new();
        call.number("_opid", id);
        call.header("_cancel", "0");
        let call = call.message(Message::new("m", kind), |w| w.struct_end()).unwrap();
        near.write_all(&call).await.unwrap();
    }
    assert_eq!(soon("the first call", ids.recv()).await, Some(1));
    drop(near);
    assert_eq!(soon("the oneway call", ids.recv()).await, Some(3));
    soon("the connection's end", serving).await.unwrap();
    assert_eq!(ids.recv().await, None);
}

#[tokio::test]
async fn a_call_given_up_while_it_waits_for_its_turn_is_never_started() {
    let (near, far) = duplex(4096);
    let (server, mut words) = endless();
    let _serving = serve(far, server, options(1));
    let client = client(near);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await })
        })
        .collect();
    heard(&mut words, &["began"]).await;
    // The one that runs last, so that none of the others has its turn meanwhile.
    for call in calls.into_iter().rev() {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    heard(&mut words, &["cancelled", "stopped"]).await;
    drop(client);
    // The server has ended, and with it the last that could tell anything.
    assert_eq!(soon("silence", words.recv()).await, None);
}

#[tokio::test]
async fn a_client_that_is_gone_stops_what_it_waited_for() {
    let (mut near, far) = duplex(4096);
    let (server, mut words) = endless();
    let (serving, _) = serve(far, server, options(8));
    let mut call = FrameBuilder::new();
    call.header("_opid", "7");
    call.header("_cancel", "0");
    near.write_all(&call.message(Message::new("wait", MessageType::Call), |w| w.struct_end()).unwrap()).await.unwrap();
    let known = receive(&mut near, &mut Deframer::new(MAX_FRAME)).await.unwrap();
    assert_eq!(Frame::decode(known).unwrap().headers().get("_cancel"), Some("0"));
    drop(near);
    soon("the server's end", serving).await.unwrap();
    heard(&mut words, &["began", "cancelled", "stopped"]).await;
}

#[tokio::test]
async fn a_peer_of_another_kind_may_close_its_sending_half_and_wait_and_hears_nothing_of_cancelling() {
    let (mut near, far) = duplex(4096);
    let (server, mut strings) = calc::Calc::server();
    let (serving, _) = serve(far, server, options(8));
    near.write_all(&frame(7, "wait", MessageType::Call, &[])).await.unwrap();
    near.shutdown().await.unwrap();
    soon("the call", strings.waiting.recv()).await.unwrap();
    strings.go_on.send(true).unwrap();
    let mut bytes = Vec::new();
    soon("the reply", near.read_to_end(&mut bytes)).await.unwrap();
    let reply = Frame::decode(bytes.into()).unwrap();
    assert_eq!((reply.operation_id(), reply.headers().get("_cancel")), (Some(7), None));
    soon("the server's end", serving).await.unwrap();
}

#[tokio::test]
async fn the_deadline_stops_the_handler() {
    let (server, mut words) = endless();
    let mut call = FrameBuilder::new();
    call.header("_opid", "7");
    call.header("_timeout", "30");
    let frame = call.message(Message::new("wait", MessageType::Call), |w| w.struct_end()).unwrap();
    let inbound = Inbound { frame, received: Instant::now(), max_response: MAX_FRAME, failure: None };
    assert_eq!(soon("the end", server.handle(inbound)).await, None);
    heard(&mut words, &["began", "cancelled", "stopped"]).await;
}

#[tokio::test]
async fn a_call_too_many_is_refused_as_overloaded_before_it_is_sent() {
    let (near, _far) = duplex(4096);
    let connection = Connection::spawn_limited(near, MAX_FRAME, 2);
    let outbound = |id| Outbound { operation_id: id, frame: frame(id, "m", MessageType::Call, &[]), oneway: false };
    let mut calls: FuturesUnordered<_> = (1..=3).map(|id| connection.call(outbound(id))).collect();
    let error = soon("the refusal", calls.next()).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (RpcErrorKind::Overloaded, true));
    drop(calls);
    let fourth = tokio::time::timeout(Duration::from_millis(10), connection.call(outbound(4))).await;
    assert!(fourth.is_err(), "there is room again, and nobody answers: {fourth:?}");
}

#[tokio::test]
async fn a_server_refuses_calls_beyond_its_limit_whichever_connection_they_come_over() {
    let bus = memory::bus();
    let (server, mut words) = endless();
    let serving = bus.serve("calc", server).max_calls(2).await.unwrap();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let client = Client::<CalcRequest>::new(bus.rpc("calc"));
            tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await })
        })
        .collect();
    heard(&mut words, &["began", "began"]).await;
    let third = Client::<CalcRequest>::new(bus.rpc("calc"));
    let error = soon("the refusal", third.call(&patient(), CalcRequest::Wait)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (RpcErrorKind::Overloaded, true), "{error}");
    // A graceful stop waits for those that never end no longer than it is told to, and tells.
    assert!(!soon("the stop", serving.stop_within(Duration::from_millis(20))).await);
    heard(&mut words, &["cancelled", "cancelled", "stopped", "stopped"]).await;
    for call in calls {
        let error = soon("the end", call).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
    }
}

#[tokio::test]
async fn a_stop_with_time_to_spare_lets_calls_finish() {
    let bus = memory::bus();
    let (server, mut strings) = calc::Calc::server();
    let serving = bus.serve("calc", server).await.unwrap();
    let client = Client::<CalcRequest>::new(bus.rpc("calc"));
    let call = tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await });
    soon("the call", strings.waiting.recv()).await.unwrap();
    let stop = tokio::spawn(serving.stop_within(Duration::from_secs(60)));
    strings.go_on.send(true).unwrap();
    assert!(soon("the stop", stop).await.unwrap());
    assert!(matches!(call.await.unwrap(), Ok(CalcResponse::Done)));
}

/// Counts the handlers that are under way.
struct Counting(Arc<AtomicUsize>);

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler for Counting {
    fn service(&self) -> &'static str {
        "Counting"
    }

    fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(Arc::clone(&self.0));
        Box::pin(async move {
            let _counted = counted;
            std::future::pending().await
        })
    }
}

/// The time it takes to have so many calls in flight on one connection, and to give all of them up, until the last of their
/// handlers has ended.
async fn storm(calls: u64) -> (Duration, Duration) {
    let (near, far) = duplex(256 * 1024);
    let under_way = Arc::new(AtomicUsize::new(0));
    let _serving = serve(far, Counting(Arc::clone(&under_way)), options(calls as usize));
    let connection = Connection::spawn(near, MAX_FRAME);
    let reaches = async |number: usize| {
        while under_way.load(Ordering::SeqCst) != number {
            tokio::task::yield_now().await;
        }
    };
    let began = Instant::now();
    let mut waiting: FuturesUnordered<_> = (1..=calls)
        .map(|operation_id| {
            let mut call = FrameBuilder::new();
            call.number("_opid", operation_id);
            call.header("_cancel", "0");
            let frame = call.message(Message::new("m", MessageType::Call), |w| w.struct_end()).unwrap();
            connection.call(Outbound { operation_id, frame, oneway: false })
        })
        .collect();
    tokio::select! {
        _ = waiting.next() => panic!("nobody answers"),
        () = reaches(calls as usize) => {}
    }
    let started = began.elapsed();
    drop(waiting);
    reaches(0).await;
    (started, began.elapsed() - started)
}

#[tokio::test]
async fn a_hundred_thousand_calls_in_flight_and_a_storm_of_cancels_take_no_more_each_than_a_few_do() {
    let few = soon("a few", storm(5_000)).await;
    let many = soon("a hundred thousand", storm(100_000)).await;
    // Twenty times as many. Were any step as long as there are calls, it would be four hundred times the time; a busy machine
    // makes some tens out of twenty.
    for (few, many) in [(few.0, many.0), (few.1, many.1)] {
        assert!(many < few * 120 + Duration::from_secs(1), "{few:?} for 5,000, {many:?} for 100,000");
    }
}

#[tokio::test]
async fn a_context_of_a_caller_is_never_cancelled() {
    let ctx = Context::new();
    assert!(!ctx.is_cancelled());
    let cancelled = tokio::time::timeout(Duration::from_millis(5), ctx.cancelled()).await;
    assert!(cancelled.is_err());
}
