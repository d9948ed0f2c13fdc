//! Connecting, and connecting again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use thriftwood_core::transport::Outbound;
use thriftwood_core::{RpcError, RpcErrorKind};
use thriftwood_tcp::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Echo, answer, bus_to, call, echo, free_port, read_frame, request, soon};

#[tokio::test]
async fn a_hundred_first_calls_at_once_make_one_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let calls = (1..=100).map(|id| {
        let bus = bus.clone();
        tokio::spawn(async move { call(&bus, id).await })
    });
    let calls: Vec<_> = calls.collect();
    let (mut socket, _) = soon("the connection", listener.accept()).await.unwrap();
    for _ in 0..100 {
        soon("a request on the first connection", answer(&mut socket)).await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let another = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(another.is_err(), "there was a second connection");
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection_that_ends_with_the_bus() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            soon("a request on the same connection", answer(&mut socket)).await;
        }
        socket
    };
    let calls = async {
        for id in 1..=3 {
            call(&bus, id).await.unwrap();
        }
    };
    let ((), mut socket) = tokio::join!(calls, serve);
    bus.close().await.unwrap();
    assert_eq!(soon("the connection's end", socket.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_refused_connection_is_unavailable_at_once_and_says_where_and_why() {
    let port = free_port();
    let error = call(&bus_to(port), 1).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    for part in [&format!("tcp://127.0.0.1:{port}"), "nobody listens", "refused"] {
        assert!(error.message().contains(part), "{part:?} is not in: {error}");
    }
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_unavailable_and_named() {
    let bus = thriftwood_tcp::connect("tcp://no-such-host.invalid:4090", Config::default()).unwrap();
    let error = call(&bus, 1).await.unwrap_err();
    assert!(error.is_unavailable() && error.message().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn port_0_is_explained_to_a_caller() {
    let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", Config::default()).unwrap();
    let error = call(&bus, 1).await.unwrap_err();
    assert!(error.is_unavailable() && error.message().contains("serves nothing"), "{error}");
}

#[tokio::test]
async fn while_the_next_attempt_is_far_calls_fail_at_once_with_what_the_last_one_found() {
    let port = free_port();
    let bus = bus_to(port);
    let began = Instant::now();
    let mut failed = 0;
    let error = loop {
        let error = call(&bus, 1).await.unwrap_err();
        if error.message().contains("the next attempt is due in") {
            break error;
        }
        failed += 1;
        // 20, 40, 80 and 160 ms at the most are waited for; anything else would be attempts without a pause.
        assert!(failed <= 8, "{failed} attempts in {:?}", began.elapsed());
    };
    // And half of each, but for the last, at the least.
    assert!(failed >= 4 && began.elapsed() >= Duration::from_millis(10 + 20 + 40), "{failed}, {:?}", began.elapsed());
    assert!(error.is_unavailable() && error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_called_again_by_the_same_bus() {
    let (server, serving, port) = echo(Config::default()).await;
    let bus = bus_to(port);
    call(&bus, 1).await.unwrap();
    serving.stop().await;
    // The first call may still go out on the old connection, and be lost with it; the next knows that nobody is there.
    let kinds = [call(&bus, 2).await.unwrap_err().kind(), call(&bus, 3).await.unwrap_err().kind()];
    assert!(
        matches!(kinds, [RpcErrorKind::Disconnected | RpcErrorKind::Unavailable, RpcErrorKind::Unavailable]),
        "{kinds:?}"
    );
    server.close().await.unwrap();

    let server = bus_to(port);
    server.serve("echo", Echo).await.unwrap();
    let comes_back = async {
        while call(&bus, 4).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("a call that arrives", comes_back).await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_came_about_makes_the_pauses_short_again() {
    let port = free_port();
    let bus = bus_to(port);
    while !call(&bus, 1).await.unwrap_err().message().contains("the next attempt is due in") {}
    let server = bus_to(port);
    server.serve("echo", Echo).await.unwrap();
    let comes_back = async {
        while call(&bus, 2).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("a call that arrives", comes_back).await;
    server.close().await.unwrap();
    // The first may go out on the connection that ends, or find it ended; the next two are attempts of their own.
    for id in 3..=5 {
        let error = call(&bus, id).await.unwrap_err();
        assert!(!error.message().contains("the next attempt is due in"), "call {id}: {error}");
    }
    // And from there they grow: that it answered once does not have it asked at once for ever.
    let mut calls = 6..16;
    let is_told = |error: RpcError| error.message().contains("the next attempt is due in");
    while !is_told(call(&bus, calls.next().expect("a pause within ten calls")).await.unwrap_err()) {}
}

#[tokio::test]
async fn a_connection_closed_between_calls_costs_no_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    for id in 1..=20 {
        let serve_one = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            answer(&mut socket).await;
            socket.shutdown().await.unwrap();
            // Until the client has closed too: a call that is already on its way to a closed connection is lost with it.
            soon("the client's end", socket.read_to_end(&mut Vec::new())).await.unwrap();
        };
        let (reply, ()) = tokio::join!(call(&bus, id), serve_one);
        reply.unwrap();
    }
}

#[tokio::test]
async fn a_connection_lost_under_a_call_is_disconnected_and_the_next_call_works() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let lose_one = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_frame(&mut socket).await;
    };
    let (lost, ()) = tokio::join!(call(&bus, 1), lose_one);
    assert_eq!(lost.unwrap_err().kind(), RpcErrorKind::Disconnected);
    let serve_one = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        answer(&mut socket).await;
        socket
    };
    let (reply, _socket) = tokio::join!(call(&bus, 2), serve_one);
    reply.unwrap();
}

#[tokio::test]
async fn bytes_that_lie_about_their_size_are_refused_before_they_are_sent() {
    let (server, _serving, port) = echo(Config::default()).await;
    let bus = bus_to(port);
    for frame in [
        Bytes::new(),
        Bytes::from_static(&[0; 3]),
        Bytes::from_static(&[0, 0, 0, 4, 0, 0, 0, 0]),
        Bytes::from_static(&[0, 0, 0, 9, 1]),
        request(1).slice(1..),
    ] {
        let outbound = Outbound { operation_id: 1, frame, oneway: false };
        let error = bus.rpc("echo").call_frame(outbound).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::InvalidRequest, "{error}");
    }
    // The smallest frame there is: no header, no message.
    let frame = Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 0, 0]);
    let smallest = Outbound { operation_id: 1, frame, oneway: true };
    assert_eq!(bus.rpc("echo").call_frame(smallest).await.unwrap(), None);
    call(&bus, 2).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_call_of_as_many_bytes_as_there_may_be_goes_out_and_of_one_more_does_not() {
    let (server, _serving, port) = echo(Config::default()).await;
    for (room, kind) in [(0, None), (1, Some(RpcErrorKind::RequestTooLarge))] {
        let mut config = Config::default();
        config.max_frame = request(1).len() - 4 - room;
        let bus = thriftwood_tcp::connect(&format!("tcp://127.0.0.1:{port}"), config).unwrap();
        let called = call(&bus, 1).await;
        assert_eq!(called.as_ref().err().map(thriftwood_core::RpcError::kind), kind, "{called:?}");
    }
    server.close().await.unwrap();
}

#[tokio::test]
async fn an_address_that_swallows_everything_is_given_up_after_the_time_for_it() {
    // A listener whose backlog is full answers no further attempt.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut fill = Vec::new();
    while let Ok(Ok(socket)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        fill.push(socket);
    }
    let mut config = Config::default();
    config.connect_timeout = Duration::from_millis(100);
    let bus = thriftwood_tcp::connect(&format!("tcp://{address}"), config).unwrap();
    let error = call(&bus, 1).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.message().contains(&format!("nothing answered at tcp://{address} within 100 ms")), "{error}");
}
