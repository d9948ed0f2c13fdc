//! NATS where much is under way or something gets lost: handlers that keep their threads, crowds of callers, more events than
//! the connection has room for, an acknowledgement that does not arrive.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::codec::{Message, MessageType, Wire, Writer};
use thriftwood_core::event::{Operation, PublishOptions, Publisher, Scope, ScopeEvent, Topic};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Context, RpcErrorKind};
use thriftwood_nats::{Config, connect};
use thriftwood_test_support::NatsServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Fails rather than waits for ever.
async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

fn frame(operation_id: u64, name: &str, kind: MessageType) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &operation_id.to_string());
    frame.message(Message::new(name, kind), |_| {}).unwrap()
}

fn call(operation_id: u64, name: &str) -> Outbound {
    Outbound { operation_id, frame: frame(operation_id, name, MessageType::Call), oneway: false }
}

/// Answers at once; but a `block` keeps its thread until the test lets it go, and a `wait` lets others have the thread first.
struct Mixed {
    together: Arc<Barrier>,
    began: mpsc::UnboundedSender<()>,
}

impl Handler for Mixed {
    fn service(&self) -> &'static str {
        "Mixed"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (together, began) = (Arc::clone(&self.together), self.began.clone());
        Box::pin(async move {
            let frame = Frame::decode(inbound.frame).ok()?;
            let (id, name) = (frame.operation_id()?, frame.envelope().ok()?.name.to_owned());
            match name.as_str() {
                "block" => {
                    began.send(()).ok()?;
                    together.wait();
                }
                "wait" => tokio::task::yield_now().await,
                "panic" => panic!("as told"),
                _ => {}
            }
            Some(self::frame(id, &name, MessageType::Reply))
        })
    }
}

/// Lets the handlers go when the test fails, since a runtime does not end before its threads do.
struct Release(Arc<Barrier>);

impl Drop for Release {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for _ in 0..2 {
                let together = Arc::clone(&self.0);
                std::thread::spawn(move || together.wait());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_block_their_threads_delay_neither_each_other_nor_the_rest_of_their_service() {
    let test = "handlers_that_block_their_threads_delay_neither_each_other_nor_the_rest_of_their_service";
    let Some(server) = NatsServer::start(test) else { return };
    let together = Arc::new(Barrier::new(3));
    let _release = Release(Arc::clone(&together));
    let (began, mut begun) = mpsc::unbounded_channel();
    let (serving, calling) = (connect(&server.url()).await.unwrap(), connect(&server.url()).await.unwrap());
    let served = serving.serve("mixed", Mixed { together: Arc::clone(&together), began }).await.unwrap();
    let rpc = calling.rpc("mixed");
    let mut blocked = Vec::new();
    // The first is polled where it was taken and blocks that; the second is taken only once someone else does.
    for id in [1, 2] {
        let rpc = rpc.clone();
        blocked.push(tokio::spawn(async move { rpc.call_frame(call(id, "block")).await }));
        soon("a blocking handler", begun.recv()).await.unwrap();
    }
    for id in 3..103 {
        soon("a reply", rpc.call_frame(call(id, "m"))).await.unwrap();
    }
    assert!(blocked.iter().all(|call| !call.is_finished()));
    // A stop waits for both, though the tasks that took them have lost the subscription.
    let mut stopped = Box::pin(served.stop());
    assert!(tokio::time::timeout(Duration::from_millis(600), &mut stopped).await.is_err());
    tokio::task::spawn_blocking(move || together.wait()).await.unwrap();
    for call in blocked {
        assert!(soon("the reply", call).await.unwrap().unwrap().is_some());
    }
    soon("the end of the service", stopped).await;
}

#[tokio::test]
async fn a_crowd_of_callers_has_every_reply_whether_its_handler_answers_waits_or_panics() {
    let test = "a_crowd_of_callers_has_every_reply_whether_its_handler_answers_waits_or_panics";
    let Some(server) = NatsServer::start(test) else { return };
    let (began, _begun) = mpsc::unbounded_channel();
    let (serving, calling) = (connect(&server.url()).await.unwrap(), connect(&server.url()).await.unwrap());
    // Fewer places than calls: the rest waits its turn.
    let mixed = Mixed { together: Arc::new(Barrier::new(1)), began };
    serving.serve("mixed", mixed).concurrency(5).await.unwrap();
    let rpc = calling.rpc("mixed");
    for round in 0..3 {
        // More than are put together at once, and more than the connection has room for.
        let calls = (1..4_000).map(|n| {
            let (rpc, id) = (rpc.clone(), round * 4_000 + n);
            async move {
                let name = if n % 3 == 0 { "wait" } else { "m" };
                let reply = rpc.call_frame(call(id, name)).await.unwrap().unwrap();
                assert_eq!(Frame::decode(reply).unwrap().operation_id(), Some(id));
            }
        });
        soon("every reply", join_all(calls)).await;
        // It has no reply and ends nothing else.
        let panicked = tokio::time::timeout(Duration::from_millis(100), rpc.call_frame(call(1, "panic"))).await;
        assert!(panicked.is_err());
    }
    soon("the end of the service", serving.close()).await.unwrap();
    let unserved = join_all((1..100).map(|id| rpc.call_frame(call(id, "m"))));
    for refused in soon("a refusal", unserved).await {
        assert_eq!(refused.unwrap_err().kind(), RpcErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_call_behind_many_that_get_no_reply_is_sent_and_so_are_those() {
    let Some(server) = NatsServer::start("a_call_behind_many_that_get_no_reply_is_sent_and_so_are_those") else {
        return;
    };
    let (bus, raw) = (connect(&server.url()).await.unwrap(), async_nats::connect(server.url()).await.unwrap());
    let mut requests = raw.subscribe("svc").await.unwrap();
    let mut echo = raw.subscribe("there.and.back").await.unwrap();
    raw.publish("there.and.back", Bytes::new()).await.unwrap();
    soon("the round trip", echo.next()).await.unwrap();
    let rpc = bus.rpc("svc");
    let calls = (1..=100).map(|id| Box::pin(rpc.call_frame(call(id, "m"))));
    let answers = async {
        let mut last = None;
        for _ in 1..=100 {
            last = requests.next().await;
        }
        let request = last.unwrap();
        raw.publish(request.reply.unwrap(), request.payload).await.unwrap();
    };
    // Each comes when the one before it was made, and no reply wakes anything.
    let called = futures_util::future::select_ok(calls);
    let (reply, ()) = soon("the last call", async { tokio::join!(called, answers) }).await;
    assert!(reply.unwrap().0.is_some());
}

static SCOPE: Scope = Scope { name: "S", topic_name: "S", prefix: "a", variables: &[] };
static ONE: Operation = Operation { scope: &SCOPE, name: "One", annotations: &[], payload: None };
static TWO: Operation = Operation { scope: &SCOPE, name: "Two", annotations: &[], payload: None };

/// What somebody says, by either operation.
#[derive(Clone, Debug)]
struct Said(&'static Operation, String);

impl ScopeEvent for Said {
    fn operation(&self) -> &'static Operation {
        self.0
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        self.1.encode(w);
    }
}

/// The connection's task has no turn while this one publishes, so its queue is full soon, and publishing has to wait.
#[tokio::test]
async fn more_events_than_the_connection_has_room_for_all_arrive_in_order() {
    let Some(server) = NatsServer::start("more_events_than_the_connection_has_room_for_all_arrive_in_order") else {
        return;
    };
    let (bus, raw) = (connect(&server.url()).await.unwrap(), async_nats::connect(server.url()).await.unwrap());
    let mut events = raw.subscribe("frugal.>").await.unwrap();
    let mut echo = raw.subscribe("there.and.back").await.unwrap();
    raw.publish("there.and.back", Bytes::new()).await.unwrap();
    soon("the round trip", echo.next()).await.unwrap();
    let publisher = Publisher::<Said>::new(&bus, &SCOPE, Vec::new());
    // Every tenth is too large to be packed with others, every hundredth too large to be copied; some go as frames.
    let said = |id: usize| match id {
        _ if id.is_multiple_of(100) => "x".repeat(20_000),
        _ if id.is_multiple_of(10) => "x".repeat(3_000),
        _ => id.to_string(),
    };
    let operation = |id: usize| if id.is_multiple_of(2) { &TWO } else { &ONE };
    let topic = |id: usize| Topic { name: format!("a.S.{}", operation(id).name), stream: "s".into() };
    let sent = async {
        for id in 1..=6_000_usize {
            if id.is_multiple_of(7) {
                let frame = FrameBuilder::new()
                    .message(Message::new(operation(id).name, MessageType::Call), |w| said(id).encode(w));
                bus.publish_frame(&topic(id), frame.unwrap(), PublishOptions::default()).await.unwrap();
            } else {
                publisher.publish_event(&Context::new(), Said(operation(id), said(id))).await.unwrap();
            }
        }
    };
    let came = async {
        for id in 1..=6_000_usize {
            let event = events.next().await.unwrap();
            assert_eq!(event.subject.as_str(), format!("frugal.{}", topic(id).name));
            let frame = Frame::decode(event.payload).unwrap();
            let mut reader = BinaryReader::new(frame.message());
            reader.message().unwrap();
            assert_eq!(String::decode(&mut reader).unwrap(), said(id), "{id}");
        }
    };
    soon("every event", async { tokio::join!(sent, came) }).await;
}

/// Passes bytes on between a bus and the NATS server, but for the first acknowledgement of a stream.
async fn lose_an_acknowledgement(listener: TcpListener, port: u16) {
    let (near, _) = listener.accept().await.unwrap();
    let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let ((mut from_bus, mut to_bus), (mut from_server, mut to_server)) = (near.into_split(), far.into_split());
    tokio::spawn(async move { tokio::io::copy(&mut from_bus, &mut to_server).await.ok() });
    let (mut buffer, mut lost) = (vec![0; 64 * 1024], false);
    loop {
        let read = from_server.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let mut text = String::from_utf8(buffer[..read].to_vec()).unwrap();
        if !lost && let Some(at) = text.find("\"seq\":") {
            let begin = text[..at].rfind("MSG ").unwrap();
            let end = at + text[at..].find("\r\n").unwrap() + 2;
            text.replace_range(begin..end, "");
            lost = true;
        }
        to_bus.write_all(text.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn an_event_whose_acknowledgement_is_lost_is_sent_again_and_kept_once() {
    let Some(server) = NatsServer::start("an_event_whose_acknowledgement_is_lost_is_sent_again_and_kept_once") else {
        return;
    };
    let port = server.url().rsplit_once(':').unwrap().1.parse().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let near = listener.local_addr().unwrap();
    tokio::spawn(lose_an_acknowledgement(listener, port));
    let mut config = Config::default();
    config.timeout = Duration::from_millis(700);
    let bus = config.connect(&format!("jetstream://{near}")).await.unwrap();
    let raw = async_nats::connect(server.url()).await.unwrap();
    let mut sent = raw.subscribe("frugal.>").await.unwrap();
    let mut echo = raw.subscribe("there.and.back").await.unwrap();
    raw.publish("there.and.back", Bytes::new()).await.unwrap();
    soon("the round trip", echo.next()).await.unwrap();
    let topic = Topic { name: "a.S.One".into(), stream: "s".into() };
    let event = frame(1, "m", MessageType::Call);
    soon("the second acknowledgement", bus.publish_frame(&topic, event, PublishOptions::default())).await.unwrap();
    let (first, second) = (sent.next().await.unwrap(), sent.next().await.unwrap());
    let id = |message: &async_nats::Message| message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().clone();
    assert_eq!(id(&first), id(&second));
    let mut stream = async_nats::jetstream::new(raw).get_stream("FRUGAL").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
}
