//! Services and servers that stop: what has begun is answered, and who says nothing holds up nobody.

use std::time::Duration;

use thriftwood_core::RpcErrorKind;
use thriftwood_http::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Desk, Did, base64, echo, post, raw, read_answer, served, soon, wait};

/// Until nobody listens there any more.
async fn closed(host: &str) {
    while TcpStream::connect(host).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_service_stops_when_its_last_call_is_answered_and_leaves_the_others_alone() {
    let (bus, host, _, _) = served(Config::default()).await;
    let (leaving, mut did) = Desk::new();
    let serving = bus.serve("leaving", leaving.clone()).await.unwrap();
    let rpc = bus.rpc("leaving");
    let under_way = tokio::spawn(async move { rpc.call_frame(wait(1)).await });
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(1)));
    let mut stop = tokio::spawn(serving.stop());
    let gone = async {
        while raw(&host, &post("/leaving", &[], &base64(&echo(2, b"").frame))).await.status != 404 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end of its address", gone).await;
    let early = tokio::time::timeout(Duration::from_millis(20), &mut stop).await;
    assert!(early.is_err(), "it stopped over a call under way");
    leaving.may.add_permits(1);
    soon("the reply", under_way).await.unwrap().unwrap();
    soon("the stop", stop).await.unwrap();
    soon("a reply of the other", bus.rpc("desk").call_frame(echo(3, b""))).await.unwrap();
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_bus_whose_last_service_stopped_serves_again() {
    let (desk, _did) = Desk::new();
    let bus = thriftwood_http::connect("http://127.0.0.1:0", Config::default()).unwrap();
    for id in 1..=2 {
        let serving = bus.serve("desk", desk.clone()).await.unwrap();
        soon("a reply", bus.rpc("desk").call_frame(echo(id, b""))).await.unwrap();
        let host = serving.local_addr().unwrap().to_owned();
        soon("the stop", serving.stop()).await;
        TcpStream::connect(&host).await.expect_err("nobody listens any more");
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_call_of_a_connection_that_nobody_had_room_for_is_answered_by_a_server_that_stops() {
    let mut config = Config::default();
    config.max_connections = 1;
    let (bus, host, desk, mut did) = served(config).await;
    let mut streams = Vec::new();
    for id in 1..=2 {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(&post("/desk", &[], &base64(&wait(id).frame))).await.unwrap();
        streams.push(stream);
    }
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(1)));
    let closing = tokio::spawn(async move { bus.close().await });
    desk.may.add_permits(2);
    for mut stream in streams {
        assert_eq!(soon("the answer", read_answer(&mut stream)).await.status, 200);
    }
    soon("the close", closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_no_stop_and_one_that_has_just_come_is_still_answered() {
    // The first call of who has just come has half a second; where the machine took longer to send it, once more.
    for _ in 0..10 {
        let (bus, host, _, _) = served(Config::default()).await;
        let _silent = TcpStream::connect(&host).await.unwrap();
        let mut new = TcpStream::connect(&host).await.unwrap();
        let closing = tokio::spawn(async move { bus.close().await });
        soon("the listener's end", closed(&host)).await;
        let sent = new.write_all(&post("/desk", &[], &base64(&echo(1, b"").frame))).await;
        let mut status = [0; 12];
        let answered = sent.is_ok() && soon("an answer or the end", new.read_exact(&mut status)).await.is_ok();
        drop(new);
        soon("the close", closing).await.unwrap().unwrap();
        if answered {
            assert_eq!(&status, b"HTTP/1.1 200");
            return;
        }
    }
    panic!("a connection that had been accepted was closed without a look at its call");
}

#[tokio::test]
async fn the_time_for_a_first_request_is_no_limit_to_what_comes_of_it() {
    let mut config = Config::default();
    config.head_timeout = Duration::from_millis(500);
    let (bus, host, desk, mut did) = served(config).await;
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(&post("/desk", &[], &base64(&wait(1).frame))).await.unwrap();
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(1)));
    tokio::time::sleep(Duration::from_millis(700)).await;
    desk.may.add_permits(1);
    assert_eq!(soon("the answer", read_answer(&mut stream)).await.status, 200);
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_oneway_call_that_waits_in_its_handler_holds_the_stop() {
    let (bus, _, desk, mut did) = served(Config::default()).await;
    let mut oneway = wait(1);
    oneway.frame = crate::support::frame(1, "wait", thriftwood_core::codec::MessageType::Oneway, &[], b"");
    oneway.oneway = true;
    assert_eq!(bus.rpc("desk").call_frame(oneway).await.unwrap(), None);
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(1)));
    let closer = bus.clone();
    let mut closing = tokio::spawn(async move { closer.close().await });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut closing).await;
    assert!(early.is_err(), "it closed over a call under way");
    let error = bus.rpc("desk").call_frame(echo(2, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    desk.may.add_permits(1);
    assert_eq!(soon("the end", did.recv()).await, Some(Did::End(1)));
    soon("the close", closing).await.unwrap().unwrap();
}
