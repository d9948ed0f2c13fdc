//! NATS where something is wrong: no server, a server that goes away, payloads that are no frames, peers with habits.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus, ErrorKind, RpcErrorKind};
use thriftwood_nats::{Config, connect};
use thriftwood_test_support::NatsServer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Fails rather than waits for ever.
async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

fn hasty() -> Config {
    let mut config = Config::default();
    config.timeout = Duration::from_millis(500);
    config
}

async fn bus(server: &NatsServer) -> Bus {
    connect(&server.url()).await.unwrap()
}

/// A peer's subscription that the NATS server is known to have.
async fn listen(raw: &async_nats::Client, subject: &str) -> async_nats::Subscriber {
    let subscription = raw.subscribe(subject.to_owned()).await.unwrap();
    let mut echo = raw.subscribe("there.and.back").await.unwrap();
    raw.publish("there.and.back", Bytes::new()).await.unwrap();
    soon("the round trip", echo.next()).await.unwrap();
    subscription
}

fn frame(operation_id: u64, kind: MessageType) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &operation_id.to_string());
    frame.message(Message::new("m", kind), |_| {}).unwrap()
}

fn call(operation_id: u64) -> Outbound {
    Outbound { operation_id, frame: frame(operation_id, MessageType::Call), oneway: false }
}

/// Answers every frame that has an operation id with a frame, and tells the test of each.
#[derive(Clone)]
struct Echo {
    name: &'static str,
    seen: mpsc::UnboundedSender<(&'static str, u64)>,
    after: Duration,
}

impl Echo {
    fn new(name: &'static str) -> (Self, mpsc::UnboundedReceiver<(&'static str, u64)>) {
        let (seen, out) = mpsc::unbounded_channel();
        (Self { name, seen, after: Duration::ZERO }, out)
    }
}

impl Handler for Echo {
    fn service(&self) -> &'static str {
        self.name
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (seen, name, after) = (self.seen.clone(), self.name, self.after);
        Box::pin(async move {
            let id = Frame::decode(inbound.frame).ok()?.operation_id()?;
            seen.send((name, id)).ok()?;
            tokio::time::sleep(after).await;
            Some(frame(id, MessageType::Reply))
        })
    }
}

#[tokio::test]
async fn nothing_behind_the_url_is_said_at_once_and_silence_within_the_timeout() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    // Accepts, and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let began = Instant::now();
        let error = hasty().connect(&format!("nats://{address}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.message().contains(&address.to_string()), "{error}");
        assert!(error.message().contains("nats-server"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_said_to_be_and_a_password_is_not_repeated() {
    for url in ["nats://", "nats://127.0.0.1:notaport", "gopher://127.0.0.1:1"] {
        let error = hasty().connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}: {error}");
        assert!(error.message().contains(url) && error.message().contains("nats://127.0.0.1:4222"), "{error}");
    }
    let error = hasty().connect("nats://ann:secret@127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(!format!("{error:?}").contains("secret") && error.message().contains("127.0.0.1:1"), "{error:?}");
}

#[tokio::test]
async fn payloads_that_are_no_frames_harm_neither_server_nor_client() {
    let Some(server) = NatsServer::start("payloads_that_are_no_frames_harm_neither_server_nor_client") else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let bus = bus(&server).await;
    let (echo, mut seen) = Echo::new("echo");
    bus.serve("short", echo).await.unwrap();
    for length in 0..9 {
        raw.publish_with_reply("short", raw.new_inbox(), vec![0; length].into()).await.unwrap();
        raw.publish("short", vec![0xff; length].into()).await.unwrap();
    }
    raw.flush().await.unwrap();
    bus.rpc("short").call_frame(call(1)).await.unwrap().unwrap();
    assert_eq!(soon("the call", seen.recv()).await, Some(("echo", 1)));

    // A peer that answers with as little: the caller hears of it at once, not when its time is up.
    let mut requests = listen(&raw, "liar").await;
    for length in 1..9_u64 {
        let rpc = bus.rpc("liar");
        let call = rpc.call_frame(call(100 + length));
        let answer = async {
            let reply = soon("the request", requests.next()).await.unwrap().reply.unwrap();
            raw.publish(reply, vec![0; length as usize].into()).await.unwrap();
        };
        let (reply, ()) = soon("the reply", async { tokio::join!(call, answer) }).await;
        let reply = reply.unwrap().unwrap();
        assert_eq!(reply.len() as u64, length);
        Frame::decode(reply).unwrap_err();
    }
}

#[tokio::test]
async fn a_oneway_call_without_a_reply_subject_is_handled() {
    let Some(server) = NatsServer::start("a_oneway_call_without_a_reply_subject_is_handled") else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let bus = bus(&server).await;
    let (echo, mut seen) = Echo::new("echo");
    bus.serve("svc", echo).await.unwrap();
    raw.publish("svc", frame(7, MessageType::Oneway)).await.unwrap();
    raw.flush().await.unwrap();
    assert_eq!(soon("the call", seen.recv()).await, Some(("echo", 7)));
}

#[tokio::test]
async fn a_reply_to_the_bare_inbox_finds_its_call_by_the_frame() {
    let Some(server) = NatsServer::start("a_reply_to_the_bare_inbox_finds_its_call_by_the_frame") else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let bus = bus(&server).await;
    let mut requests = listen(&raw, "svc").await;
    let (one, two) = (bus.rpc("svc"), bus.rpc("svc"));
    let calls = async { tokio::join!(one.call_frame(call(1)), two.call_frame(call(2))) };
    let answers = async {
        let mut inboxes = Vec::new();
        for _ in 0..2 {
            inboxes.push(soon("a request", requests.next()).await.unwrap().reply.unwrap());
        }
        // Each to the other's subject: what counts is inside.
        inboxes.reverse();
        let inbox = inboxes[0].rsplit_once('.').unwrap().0.to_owned();
        for id in [1, 2] {
            raw.publish(format!("{inbox}.elsewhere"), frame(id, MessageType::Reply)).await.unwrap();
        }
    };
    let ((one, two), ()) = soon("the replies", async { tokio::join!(calls, answers) }).await;
    for (id, reply) in [(1, one), (2, two)] {
        assert_eq!(Frame::decode(reply.unwrap().unwrap()).unwrap().operation_id(), Some(id));
    }
}

#[tokio::test]
async fn a_second_call_with_the_same_operation_id_is_refused_and_the_first_is_answered() {
    let test = "a_second_call_with_the_same_operation_id_is_refused_and_the_first_is_answered";
    let Some(server) = NatsServer::start(test) else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let bus = bus(&server).await;
    let mut requests = listen(&raw, "svc").await;
    let first = tokio::spawn({
        let rpc = bus.rpc("svc");
        async move { rpc.call_frame(call(7)).await }
    });
    let request = soon("the request", requests.next()).await.unwrap();
    let error = bus.rpc("svc").call_frame(call(7)).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::InvalidRequest, "{error}");
    raw.publish(request.reply.unwrap(), frame(7, MessageType::Reply)).await.unwrap();
    assert!(soon("the reply", first).await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn servers_of_a_group_share_calls_and_those_of_none_each_get_all() {
    let Some(server) = NatsServer::start("servers_of_a_group_share_calls_and_those_of_none_each_get_all") else {
        return;
    };
    let bus = bus(&server).await;
    let (a, mut seen) = Echo::new("a");
    let b = Echo { name: "b", ..a.clone() };
    bus.serve("shared", a.clone()).await.unwrap();
    bus.serve("shared", b.clone()).await.unwrap();
    bus.serve("all", a).queue_group("").await.unwrap();
    bus.serve("all", b).queue_group("").await.unwrap();
    let calls = (0..100).map(|id| {
        let rpc = bus.rpc("shared");
        async move { rpc.call_frame(call(id)).await }
    });
    for reply in soon("the replies", join_all(calls)).await {
        reply.unwrap().unwrap();
    }
    let mut by_a = 0;
    let mut ids = Vec::new();
    for _ in 0..100 {
        let (name, id) = seen.recv().await.unwrap();
        by_a += usize::from(name == "a");
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..100).collect::<Vec<_>>(), "each call once");
    assert!((1..100).contains(&by_a), "one of the two got {by_a} of 100");
    bus.rpc("all").call_frame(call(200)).await.unwrap().unwrap();
    let mut both = [soon("a call", seen.recv()).await.unwrap(), soon("a call", seen.recv()).await.unwrap()];
    both.sort_unstable();
    assert_eq!(both, [("a", 200), ("b", 200)]);
}

#[tokio::test]
async fn addresses_and_groups_that_cannot_be_carried_are_refused_before_anything_is_sent() {
    let test = "addresses_and_groups_that_cannot_be_carried_are_refused_before_anything_is_sent";
    let Some(server) = NatsServer::start(test) else { return };
    let bus = bus(&server).await;
    let (echo, _seen) = Echo::new("echo");
    for address in ["", "two words", "a..b", ".a", "a.", "line\r\nbreak", "tab\there", "a.>.b"] {
        let error = bus.serve(address, echo.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{address:?}: {error}");
        let error = bus.rpc(address).call_frame(call(1)).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::InvalidRequest, "{address:?}: {error}");
    }
    for wildcard in ["a.*", "a.>"] {
        let error = bus.rpc(wildcard).call_frame(call(1)).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::InvalidRequest, "{wildcard:?}: {error}");
        bus.serve(wildcard, echo.clone()).await.unwrap();
    }
    for group in ["two words", "a\nb"] {
        let error = bus.serve("svc", echo.clone()).queue_group(group).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{group:?}: {error}");
    }
    // The connection has survived all of it.
    bus.rpc("a.b").call_frame(call(2)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_restarted_server_is_found_again_by_clients_servers_and_waiting_calls_time_out() {
    let test = "a_restarted_server_is_found_again_by_clients_servers_and_waiting_calls_time_out";
    let Some(mut server) = NatsServer::start(test) else { return };
    let bus = bus(&server).await;
    let (echo, _seen) = Echo::new("echo");
    bus.serve("svc", echo).await.unwrap();
    bus.rpc("svc").call_frame(call(1)).await.unwrap().unwrap();
    server.restart();
    soon("the service after the restart", async {
        for id in 2.. {
            match tokio::time::timeout(Duration::from_millis(200), bus.rpc("svc").call_frame(call(id))).await {
                Ok(Ok(reply)) => return assert!(reply.is_some()),
                Ok(Err(error)) => assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}"),
                Err(_) => {}
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn with_the_server_gone_calls_fail_at_once_and_stop_and_close_come_to_an_end() {
    let test = "with_the_server_gone_calls_fail_at_once_and_stop_and_close_come_to_an_end";
    let Some(server) = NatsServer::start(test) else { return };
    let bus = hasty().connect(&server.url()).await.unwrap();
    let (echo, _seen) = Echo::new("echo");
    let stopped = bus.serve("one", echo.clone()).await.unwrap();
    bus.serve("two", echo).await.unwrap();
    drop(server);
    soon("the refusal", async {
        loop {
            match tokio::time::timeout(Duration::from_millis(100), bus.rpc("one").call_frame(call(1))).await {
                Ok(result) => return assert_eq!(result.unwrap_err().kind(), RpcErrorKind::Unavailable),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    soon("the stop", stopped.stop()).await;
    let error = soon("the close", bus.close()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn a_close_ends_waiting_calls_and_answers_those_it_has() {
    let Some(server) = NatsServer::start("a_close_ends_waiting_calls_and_answers_those_it_has") else { return };
    let raw = async_nats::connect(server.url()).await.unwrap();
    let (client, serving) = (bus(&server).await, bus(&server).await);
    let (echo, mut seen) = Echo::new("echo");
    serving.serve("svc", Echo { after: Duration::from_millis(200), ..echo }).await.unwrap();
    let mut silent = listen(&raw, "silent").await;
    let under_way = tokio::spawn({
        let rpc = client.rpc("svc");
        async move { rpc.call_frame(call(1)).await }
    });
    let waiting = tokio::spawn({
        let rpc = client.rpc("silent");
        async move { rpc.call_frame(call(2)).await }
    });
    assert_eq!(soon("the call", seen.recv()).await, Some(("echo", 1)));
    soon("the request", silent.next()).await.unwrap();
    soon("the close", serving.close()).await.unwrap();
    assert!(soon("the reply", under_way).await.unwrap().unwrap().is_some());
    soon("the close", client.close()).await.unwrap();
    let error = soon("the end", waiting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
    let error = client.rpc("svc").call_frame(call(3)).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
}

/// As much of a NATS server as one connection needs; ends when the client hangs up.
async fn attend(listener: TcpListener) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut socket = BufReader::new(socket);
    let info = br#"INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576}"#;
    socket.write_all(&[info, &b"\r\n"[..]].concat()).await.unwrap();
    let mut line = String::new();
    while socket.read_line(&mut line).await.unwrap_or(0) != 0 {
        if line.trim() == "PING" {
            // The client may have hung up meanwhile.
            let _ = socket.write_all(b"PONG\r\n").await;
        }
        line.clear();
    }
}

#[tokio::test]
async fn a_bus_lets_go_of_its_connection_when_it_is_closed_and_when_it_is_dropped() {
    for closed in [true, false] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let attending = tokio::spawn(attend(listener));
        let bus = hasty().connect(&url).await.unwrap();
        if closed {
            bus.close().await.unwrap();
            soon("the end of the connection", attending).await.unwrap();
        } else {
            drop(bus.clone());
            assert!(!attending.is_finished());
            drop(bus);
            soon("the end of the connection", attending).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_under_load_answers_what_it_was_given() {
    let Some(server) = NatsServer::start("a_server_that_stops_under_load_answers_what_it_was_given") else { return };
    let (client, serving) = (bus(&server).await, bus(&server).await);
    let (echo, mut seen) = Echo::new("echo");
    let first = serving.serve("svc", echo).await.unwrap();
    // The one that stays, as in a rolling restart.
    let (other, _other_seen) = Echo::new("other");
    let staying = bus(&server).await;
    staying.serve("svc", other).await.unwrap();
    let rpc = Arc::new(client.rpc("svc"));
    let calls = (0..8_u64).map(|caller| {
        let rpc = Arc::clone(&rpc);
        tokio::spawn(async move {
            let mut lost = 0;
            for n in 0..500 {
                let reply = tokio::time::timeout(Duration::from_secs(2), rpc.call_frame(call(caller * 1000 + n))).await;
                lost += usize::from(!matches!(reply, Ok(Ok(Some(_)))));
            }
            lost
        })
    });
    let calls: Vec<_> = calls.collect();
    for _ in 0..500 {
        soon("a call at the one that will stop", seen.recv()).await.unwrap();
    }
    soon("the stop", first.stop()).await;
    let lost: usize = soon("the calls", join_all(calls)).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(lost, 0, "calls lost when a server stopped");
}
