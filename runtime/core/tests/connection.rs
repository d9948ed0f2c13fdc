//! What a connection does when its peer, its callers or its stream do not do what they should.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse, add, patient, soon};
use futures_util::stream::{FuturesUnordered, StreamExt};
use pipe::{MAX_FRAME, client, frame, options, receive, serve};
use thriftwood_core::call::{Failure, Handler, Inbound, refuse};
use thriftwood_core::codec::MessageType;
use thriftwood_core::connection::{Connection, serve_connection};
use thriftwood_core::frame::Frame;
use thriftwood_core::observe::LateReplies;
use thriftwood_core::session::Deframer;
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Context, RpcError, RpcErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio_util::sync::CancellationToken;

/// The frame of `add(2, 40)` as a client sends it, and of the reply as a server does.
async fn request_and_reply() -> (Bytes, Bytes) {
    let (near, mut far) = duplex(4096);
    let client = client(near);
    let call = tokio::spawn(async move { add(&client, &patient(), 2, 40).await });
    let request = receive(&mut far, &mut Deframer::new(MAX_FRAME)).await.unwrap();
    let (server, _strings) = Calc::server();
    let inbound = Inbound { frame: request.clone(), received: Instant::now(), max_response: MAX_FRAME, failure: None };
    let reply = server.handle(inbound).await.unwrap();
    far.write_all(&reply).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), 42);
    (request, reply)
}

#[tokio::test]
async fn a_reply_cut_at_any_byte_is_a_typed_error_and_a_new_connection_works() {
    let (_, reply) = request_and_reply().await;
    for end in 0..reply.len() {
        let (near, mut far) = duplex(4096);
        let client = client(near);
        let ctx = patient();
        let call = add(&client, &ctx, 2, 40);
        let peer = async {
            receive(&mut far, &mut Deframer::new(MAX_FRAME)).await.unwrap();
            far.write_all(&reply[..end]).await.unwrap();
            drop(far);
        };
        let (result, ()) = soon("the error", async { tokio::join!(call, peer) }).await;
        assert_eq!(result.unwrap_err().kind(), RpcErrorKind::Disconnected, "cut at {end}");
        let error = soon("the refusal", add(&client, &patient(), 1, 1)).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Unavailable, "cut at {end}");
    }
    let (near, far) = duplex(4096);
    let (server, _strings) = Calc::server();
    let _serving = serve(far, server, options(8));
    assert_eq!(add(&client(near), &patient(), 2, 40).await.unwrap(), 42);
}

#[tokio::test]
async fn a_request_cut_at_any_byte_ends_its_connection_and_no_other() {
    let (request, reply) = request_and_reply().await;
    let (server, _strings) = Calc::server();
    let server: Arc<dyn Handler> = Arc::new(server);
    for end in 0..request.len() {
        let (mut near, far) = duplex(4096);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve_connection(far, Arc::clone(&server), options(8), stop));
        // A whole call first: what came before the cut is answered.
        near.write_all(&request).await.unwrap();
        near.write_all(&request[..end]).await.unwrap();
        near.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        soon("the end", near.read_to_end(&mut bytes)).await.unwrap();
        // In front of it is the word that the server can cancel.
        assert!(bytes.ends_with(&reply) && bytes.len() < reply.len() + 32, "cut at {end}");
        soon("the server's end", serving).await.unwrap();
    }
}

#[tokio::test]
async fn noise_ends_a_connection_on_either_side_and_never_panics() {
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0, 0, 0, 0], &[0, 0, 0, 4, 0, 0, 0, 0]] {
        let (mut near, far) = duplex(4096);
        let (server, _strings) = Calc::server();
        let (serving, _) = serve(far, server, options(8));
        near.write_all(noise).await.unwrap();
        soon("the server's end", serving).await.unwrap();

        let (near, mut far) = duplex(4096);
        let client = client(near);
        far.write_all(noise).await.unwrap();
        let error = soon("the error", add(&client, &patient(), 1, 1)).await.unwrap_err();
        assert!(matches!(error.kind(), RpcErrorKind::Disconnected | RpcErrorKind::Unavailable), "{error}");
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_leaves_callers_waiting_and_memory_bounded() {
    let (near, _far) = duplex(64);
    let connection = Connection::spawn(near, MAX_FRAME);
    // 64 KiB each: the connection takes 4 MiB, lets 64 MiB wait, and refuses the rest.
    let frame = Bytes::from(vec![0_u8; 64 * 1024]);
    let outbound = |operation_id| Outbound { operation_id, frame: frame.clone(), oneway: true };
    let calls: FuturesUnordered<_> =
        (0..3000_u64).map(|operation_id| connection.call(outbound(operation_id))).collect();
    // A oneway call is done once it is taken on, so those that are done are those that take memory, beside those that wait.
    let (mut done, mut refused) = (0, 0);
    let mut ended = calls.take(3000 - 1024);
    while let Some(end) = soon("an end", ended.next()).await {
        match end {
            Ok(_) => done += 1,
            Err(error) => {
                assert_eq!(error.kind(), RpcErrorKind::Overloaded, "{error}");
                refused += 1;
            }
        }
    }
    assert!((1..=66).contains(&done), "{done} calls of 64 KiB were taken on, with nobody reading");
    assert_eq!(done + refused, 3000 - 1024);
}

#[tokio::test]
async fn callers_that_give_up_leave_nothing_behind_even_when_the_queue_is_full() {
    let (near, mut far) = duplex(64);
    let connection = Connection::spawn(near, MAX_FRAME);
    let large = |operation_id| frame(operation_id, "m", MessageType::Call, &[0; 16 * 1024]);
    for operation_id in 0..2000 {
        let call = connection.call(Outbound { operation_id, frame: large(operation_id), oneway: false });
        let given_up = tokio::time::timeout(Duration::from_micros(10), call).await;
        assert!(given_up.is_err());
    }
    // The peer reads at last. What was given up while it waited in the queue is not even sent.
    let mut deframer = Deframer::new(MAX_FRAME);
    let last = connection.call(Outbound { operation_id: 5000, frame: large(5000), oneway: false });
    let peer = async {
        let mut sent = 0;
        loop {
            let frame = receive(&mut far, &mut deframer).await.unwrap();
            sent += 1;
            if Frame::decode(frame.clone()).unwrap().operation_id() == Some(5000) {
                far.write_all(&frame).await.unwrap();
                return sent;
            }
        }
    };
    let (reply, sent) = soon("the reply", async { tokio::join!(last, peer) }).await;
    reply.unwrap().unwrap();
    assert!(sent < 600, "{sent} calls were sent, of which 1 had a caller");
}

#[tokio::test]
async fn a_second_call_with_the_same_operation_id_is_refused_and_the_first_is_answered() {
    let (near, mut far) = duplex(4096);
    let connection = Connection::spawn(near, MAX_FRAME);
    let outbound = || Outbound { operation_id: 7, frame: frame(7, "m", MessageType::Call, &[]), oneway: false };
    let first = tokio::spawn({
        let (connection, outbound) = (connection.clone(), outbound());
        async move { connection.call(outbound).await }
    });
    receive(&mut far, &mut Deframer::new(MAX_FRAME)).await.unwrap();
    let error = soon("the refusal", connection.call(outbound())).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::InvalidRequest);
    // A third gives up before it is refused; that must not take the first with it.
    drop(tokio::time::timeout(Duration::ZERO, connection.call(outbound())).await);
    let reply = frame(7, "m", MessageType::Reply, &[]);
    tokio::task::yield_now().await;
    far.write_all(&reply).await.unwrap();
    assert_eq!(soon("the reply", first).await.unwrap().unwrap(), Some(reply));
}

#[tokio::test]
async fn a_oneway_call_is_written_though_its_client_is_gone() {
    // A pipe smaller than the frame, and nobody reads it before the client is gone.
    let (near, mut far) = duplex(16);
    let client = client(near);
    client.call(&patient(), CalcRequest::Fire { n: 7 }).await.unwrap();
    drop(client);
    tokio::task::yield_now().await;
    let mut bytes = Vec::new();
    soon("the end", far.read_to_end(&mut bytes)).await.unwrap();
    let mut deframer = Deframer::new(MAX_FRAME);
    deframer.push(&bytes);
    let frame = deframer.next_frame().unwrap().expect("the oneway call was lost");
    let (server, mut strings) = Calc::server();
    server.handle(Inbound { frame, received: Instant::now(), max_response: MAX_FRAME, failure: None }).await;
    assert_eq!(strings.fired.try_recv().unwrap().0, 7);
}

#[tokio::test]
async fn a_oneway_call_goes_on_though_its_connection_is_gone() {
    let (near, far) = duplex(4096);
    let (server, mut strings) = Calc::server();
    let (serving, _) = serve(far, server, options(1));
    let client = client(near);
    // Negative numbers are handled when the test says so.
    for n in [-1, -2] {
        client.call(&patient(), CalcRequest::Fire { n }).await.unwrap();
    }
    soon("the call", strings.waiting.recv()).await.unwrap();
    drop(client);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    strings.go_on.send(true).unwrap();
    for n in [-1, -2] {
        let (fired, _) = soon("the oneway call", strings.fired.recv()).await.expect("the oneway call was dropped");
        assert_eq!(fired, n);
    }
    soon("the server's end", serving).await.unwrap();
}

#[tokio::test]
async fn what_was_read_before_a_stop_is_answered_and_nothing_after() {
    let (near, far) = duplex(4096);
    let (server, mut strings) = Calc::server();
    // One at a time, so that a second call is read and still waits when the stop comes.
    let (serving, stop) = serve(far, server, options(1));
    let client = client(near);
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.call(&patient(), CalcRequest::Wait).await }
    });
    soon("the call", strings.waiting.recv()).await.unwrap();
    stop.cancel();
    strings.go_on.send(true).unwrap();
    assert!(matches!(soon("the reply", slow).await.unwrap(), Ok(CalcResponse::Done)));
    soon("the server's end", serving).await.unwrap();
    let error = soon("the refusal", add(&client, &patient(), 1, 1)).await.unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::Unavailable | RpcErrorKind::Disconnected), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_for_a_peer_that_reads_no_replies() {
    let (mut near, far) = duplex(64);
    let (server, _strings) = Calc::server();
    let (request, _) = request_and_reply().await;
    let (serving, stop) = serve(far, server, options(8));
    for _ in 0..20 {
        near.write_all(&request).await.unwrap();
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("the stop hangs").unwrap();
}

#[tokio::test]
async fn a_peer_that_reads_no_replies_is_given_no_more_calls_than_fit() {
    let (mut near, far) = duplex(1024);
    let replies = Arc::new(AtomicUsize::new(0));
    struct Verbose(Arc<AtomicUsize>);
    impl Handler for Verbose {
        fn service(&self) -> &'static str {
            "Verbose"
        }
        fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Some(Bytes::from(vec![0; 1024 * 1024])) })
        }
    }
    let (serving, _) = serve(far, Verbose(Arc::clone(&replies)), options(4));
    // All in one read: 100 calls, and a megabyte in answer to each.
    let calls = [0_u8, 0, 0, 5, 0, 0, 0, 0, 0].repeat(100);
    near.write_all(&calls).await.unwrap();
    let mut before = usize::MAX;
    soon("a standstill", async {
        while before != replies.load(Ordering::Relaxed) {
            before = replies.load(Ordering::Relaxed);
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    assert!((4..=8).contains(&before), "{before} replies of 1 MiB were made, with nobody reading");
    serving.abort();
}

#[tokio::test]
async fn a_panic_answers_its_call_and_the_connection_lives_on() {
    let (near, far) = duplex(4096);
    let (server, _strings) = Calc::server();
    let _serving = serve(far, server, options(8));
    let client = client(near);
    let error = client.call(&patient(), CalcRequest::Panics).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Internal);
    assert!(error.message().contains("as asked"), "{error}");
    assert_eq!(add(&client, &patient(), 1, 2).await.unwrap(), 3);
}

#[tokio::test]
async fn a_reply_with_anothers_name_is_a_protocol_error() {
    let (near, mut far) = duplex(4096);
    let client = client(near);
    let ctx = Context::new();
    let call = client.call(&ctx, CalcRequest::Wait);
    let peer = async {
        let request = receive(&mut far, &mut Deframer::new(MAX_FRAME)).await.unwrap();
        let operation_id = Frame::decode(request).unwrap().operation_id().unwrap();
        far.write_all(&frame(operation_id, "other", MessageType::Reply, &[])).await.unwrap();
    };
    let (result, ()) = tokio::join!(call, peer);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Protocol);
    assert!(error.message().contains("other"), "{error}");
}

/// A stream that has nothing to read and takes nothing: each write comes to this.
struct Deaf(Option<std::io::ErrorKind>);

impl AsyncRead for Deaf {
    fn poll_read(self: Pin<&mut Self>, _: &mut TaskContext<'_>, _: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(self: Pin<&mut Self>, _: &mut TaskContext<'_>, _: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(self.0.map_or(Ok(0), |kind| Err(kind.into())))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_stream_that_takes_no_writes_any_more_ends_the_calls_under_way() {
    for problem in [Some(std::io::ErrorKind::BrokenPipe), None] {
        let connection = Connection::spawn(Deaf(problem), MAX_FRAME);
        let outbound = Outbound { operation_id: 1, frame: frame(1, "m", MessageType::Call, b""), oneway: false };
        let error = soon("the call's end", connection.call(outbound)).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
        assert!(connection.is_closed());
    }
}

#[tokio::test]
async fn replies_that_nobody_waits_for_are_counted_where_the_bus_counts_them() {
    let (near, mut far) = duplex(4096);
    let late = LateReplies::default();
    let connection = Connection::spawn(near, MAX_FRAME).counting(late.clone());
    for id in 1..=2 {
        far.write_all(&frame(id, "m", MessageType::Reply, b"")).await.unwrap();
    }
    let outbound = Outbound { operation_id: 3, frame: frame(3, "m", MessageType::Call, b""), oneway: false };
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.call(outbound).await }
    });
    receive(&mut far, &mut Deframer::new(MAX_FRAME)).await.unwrap();
    far.write_all(&frame(3, "m", MessageType::Reply, b"")).await.unwrap();
    soon("the reply", call).await.unwrap().unwrap();
    assert_eq!((late.count(), connection.late_replies()), (2, 2));
}

#[test]
fn a_frame_of_as_many_bytes_as_there_may_be_is_one_and_of_one_more_is_not() {
    let whole = frame(1, "m", MessageType::Call, b"");
    for (limit, passes) in [(whole.len() - 4, true), (whole.len() - 5, false)] {
        let mut deframer = Deframer::new(limit);
        deframer.push(&whole);
        assert_eq!(deframer.next_frame().is_ok_and(|frame| frame.is_some()), passes);
    }
}

#[test]
fn who_refuses_a_call_answers_it_and_tells_of_one_that_has_no_answer() {
    let error = RpcError::new(RpcErrorKind::Overloaded, "no room");
    for kind in [MessageType::Call, MessageType::Oneway] {
        let failure = Failure::default();
        let (frame, failure_too) = (frame(1, "m", kind, b""), Some(failure.clone()));
        let inbound = Inbound { frame, received: Instant::now(), max_response: MAX_FRAME, failure: failure_too };
        let answer = refuse(&inbound, &error);
        assert_eq!(answer.is_some(), kind == MessageType::Call);
        assert_eq!(failure.take().map(|told| told.kind()), answer.is_none().then_some(RpcErrorKind::Overloaded));
    }
}
