//! Servers that stop, and clients that are told to go elsewhere: what is on its way arrives, and who is silent holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::frame::{ADDRESS, Frame, FrameBuilder, GOAWAY, OPERATION_ID};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus};
use thriftwood_tcp::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Echo, answer, bus_to, call, echo, port_of, read_frame, request, soon};

/// Echoes once it is let, and says when it has begun.
#[derive(Clone)]
struct Held {
    begun: Arc<Notify>,
    go_on: Arc<Semaphore>,
}

impl Held {
    fn new() -> Self {
        Self { begun: Arc::default(), go_on: Arc::new(Semaphore::new(0)) }
    }

    /// Served like this, with its port.
    async fn serve(&self, config: Config) -> (Bus, thriftwood_core::Serving, u16) {
        let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", config).unwrap();
        let serving = bus.serve("echo", self.clone()).await.unwrap();
        let port = port_of(&serving);
        (bus, serving, port)
    }
}

impl Handler for Held {
    fn service(&self) -> &'static str {
        "Held"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let this = self.clone();
        Box::pin(async move {
            this.begun.notify_one();
            this.go_on.acquire().await.unwrap().forget();
            Echo.handle(inbound).await
        })
    }
}

/// Until nobody listens at this port any more.
async fn closed(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_of_a_connection_that_nobody_had_room_for_is_answered_by_a_server_that_stops() {
    let mut config = Config::default();
    config.max_connections = 1;
    let held = Held::new();
    let (_bus, serving, port) = held.serve(config).await;
    let mut first = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    first.write_all(&request(1)).await.unwrap();
    soon("the first call", held.begun.notified()).await;
    let mut second = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    second.write_all(&request(2)).await.unwrap();
    let stop = tokio::spawn(serving.stop());
    held.go_on.add_permits(1);
    assert_eq!(soon("the first reply", read_frame(&mut first)).await, request(1));
    drop(first);
    held.go_on.add_permits(1);
    assert_eq!(soon("the second reply", read_frame(&mut second)).await, request(2));
    drop(second);
    soon("the stop", stop).await.unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_no_stop_and_one_that_has_just_come_is_still_answered() {
    // The first call of who has just come has half a second; where the machine took longer to send it, once more.
    for _ in 0..10 {
        let (_bus, serving, port) = echo(Config::default()).await;
        let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut new = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let stop = tokio::spawn(serving.stop());
        soon("the listener's end", closed(port)).await;
        let sent = new.write_all(&request(1)).await;
        let mut reply = vec![0; request(1).len()];
        let answered = sent.is_ok() && soon("an answer or the end", new.read_exact(&mut reply)).await.is_ok();
        drop(new);
        soon("the stop", stop).await.unwrap();
        if answered {
            assert_eq!(reply, request(1));
            return;
        }
    }
    panic!("a connection that had been accepted was closed without a look at its call");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_on_threads_of_its_own_stops_when_its_last_call_is_answered() {
    let mut config = Config::default();
    config.threads = 2;
    let held = Held::new();
    let (_bus, serving, port) = held.serve(config).await;
    let client = bus_to(port);
    let under_way = tokio::spawn(async move { call(&client, 1).await });
    soon("the call", held.begun.notified()).await;
    let mut stop = tokio::spawn(serving.stop());
    soon("the listener's end", closed(port)).await;
    let early = tokio::time::timeout(Duration::from_millis(20), &mut stop).await;
    assert!(early.is_err(), "it stopped over a call under way");
    held.go_on.add_permits(1);
    assert_eq!(under_way.await.unwrap().unwrap(), Some(request(1)));
    soon("the stop", stop).await.unwrap();
}

/// Answers what comes, with nothing but its operation id, until the other end closes or says that no more comes; gives the ids.
async fn answer_all(mut socket: TcpStream) -> Vec<u64> {
    let mut answered = Vec::new();
    while let Ok(size) = socket.read_u32().await {
        let mut frame = BytesMut::zeroed(size as usize + 4);
        frame[..4].copy_from_slice(&size.to_be_bytes());
        socket.read_exact(&mut frame[4..]).await.unwrap();
        let Some(id) = Frame::decode(frame.freeze()).unwrap().operation_id() else { break };
        socket.write_all(&bare(OPERATION_ID, &id.to_string(), b"reply")).await.unwrap();
        answered.push(id);
    }
    answered
}

/// A frame with one header.
fn bare(name: &str, value: &str, message: &[u8]) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header(name, value);
    frame.around(message).unwrap()
}

#[tokio::test]
async fn a_service_that_shares_its_listener_stops_when_its_last_call_is_answered() {
    let (bus, _echo, port) = echo(Config::default()).await;
    let held = Held::new();
    let serving = bus.serve("held", held.clone()).await.unwrap();
    let mut frame = FrameBuilder::new();
    frame.header(OPERATION_ID, "1");
    frame.header(ADDRESS, "held");
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(&frame.around(b"call").unwrap()).await.unwrap();
    soon("the call", held.begun.notified()).await;
    let mut stop = tokio::spawn(serving.stop());
    let early = tokio::time::timeout(Duration::from_millis(20), &mut stop).await;
    assert!(early.is_err(), "it stopped over a call under way");
    held.go_on.add_permits(1);
    assert_eq!(soon("the reply", read_frame(&mut socket)).await, request(1));
    soon("the stop", stop).await.unwrap();
    call(&bus, 2).await.unwrap();
    bus.close().await.unwrap();
}

#[tokio::test]
async fn calls_that_wait_for_room_when_their_server_leaves_are_made_once_and_elsewhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let echo_one = async {
        let (mut leaving, _) = listener.accept().await.unwrap();
        answer(&mut leaving).await;
        leaving
    };
    let (first, mut leaving) = tokio::join!(call(&bus, 100), echo_one);
    first.unwrap();
    // Far more than the system and the connection take on while nobody reads, so that most calls wait.
    let message = vec![0; 1024 * 1024];
    let calls: Vec<_> = (1..=40)
        .map(|id: u64| {
            let (rpc, frame) = (bus.rpc("echo"), bare(OPERATION_ID, &id.to_string(), &message));
            tokio::spawn(async move { rpc.call_frame(Outbound { operation_id: id, frame, oneway: false }).await })
        })
        .collect();
    soon("a call", leaving.readable()).await.unwrap();
    leaving.write_all(&bare(GOAWAY, "1", b"")).await.unwrap();
    let (next, _) = soon("another connection", listener.accept()).await.unwrap();
    let (old, new) = (tokio::spawn(answer_all(leaving)), tokio::spawn(answer_all(next)));
    for call in calls {
        assert!(soon("the reply", call).await.unwrap().unwrap().is_some());
    }
    bus.close().await.unwrap();
    let (old, new) = (soon("the old end", old).await.unwrap(), soon("the new end", new).await.unwrap());
    assert!(!old.is_empty() && !new.is_empty(), "{old:?}, {new:?}");
    let mut all = [old, new].concat();
    all.sort_unstable();
    assert_eq!(all, (1..=40).collect::<Vec<_>>());
}
