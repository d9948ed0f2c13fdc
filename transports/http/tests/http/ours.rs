//! Between our own peers: bytes as they are, and one connection for all calls, found out by the first.

use std::time::Duration;

use thriftwood_core::codec::MessageType;
use thriftwood_core::{Bus, RpcErrorKind};
use thriftwood_http::{Config, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::callers::read_request;
use crate::support::{Desk, Did, base64, echo, frame, payload, post, raw, served, soon, wait};
use crate::tap::Tap;

/// A desk, and a bus to it through a tap, which knows by one call what it has before it.
async fn acquainted() -> (Bus, Bus, Tap, Desk, mpsc::UnboundedReceiver<Did>) {
    let (server, host, desk, did) = served(Config::default()).await;
    let (tap, address) = Tap::on(&host).await;
    let client = connect(&format!("http://{address}"), Config::default()).unwrap();
    client.rpc("desk").call_frame(echo(1, b"the first")).await.unwrap();
    (server, client, tap, desk, did)
}

#[tokio::test]
async fn the_first_call_is_frugals_and_the_next_are_raw_over_http2() {
    let (server, client, tap, _, _) = acquainted().await;
    for text in [&b"the second"[..], b"the third"] {
        let reply = client.rpc("desk").call_frame(echo(2, text)).await.unwrap().unwrap();
        assert_eq!(payload(reply), text);
    }
    let [first, second] = &tap.connections()[..] else { panic!("{:?}", tap.connections()) };
    assert!(first.starts_with("POST /desk HTTP/1.1\r\n"), "{first}");
    assert!(first.contains(&base64(&echo(1, b"the first").frame)), "{first}");
    assert!(second.starts_with("PRI * HTTP/2.0\r\n"), "{second}");
    assert!(second.contains("the second") && second.contains("the third"), "{second}");
    client.close().await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_peer_that_falls_silent_under_a_call_is_noticed_before_the_time_of_the_call_is_up() {
    let (_server, host, _desk, mut did) = served(Config::default()).await;
    let (tap, address) = Tap::on(&host).await;
    let mut config = Config::default();
    config.idle_timeout = Duration::from_millis(300);
    let client = connect(&format!("http://{address}"), config).unwrap();
    client.rpc("desk").call_frame(echo(1, b"the first")).await.unwrap();
    let rpc = client.rpc("desk");
    let call = tokio::spawn(async move { rpc.call_frame(wait(2)).await });
    assert_eq!(soon("the call", did.recv()).await, Some(Did::Begin(2)));
    tap.fall_silent();
    let error = soon("the call's end", call).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
}

#[tokio::test]
async fn five_hundred_calls_under_way_share_a_connection() {
    let (server, client, tap, desk, mut did) = acquainted().await;
    let calls: Vec<_> = (0..500)
        .map(|id| {
            let rpc = client.rpc("desk");
            tokio::spawn(async move { rpc.call_frame(wait(id)).await })
        })
        .collect();
    for _ in 0..500 {
        assert!(matches!(soon("a beginning", did.recv()).await, Some(Did::Begin(_))));
    }
    desk.may.add_permits(500);
    for call in calls {
        soon("the reply", call).await.unwrap().unwrap();
    }
    assert_eq!(tap.connections().len(), 2);
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_on_a_shared_connection_stops_its_handler_and_no_other() {
    let (server, client, _, desk, mut did) = acquainted().await;
    let call = |id| {
        let rpc = client.rpc("desk");
        tokio::spawn(async move { rpc.call_frame(wait(id)).await })
    };
    let kept = call(10);
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(10)));
    let dropped = call(11);
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(11)));
    dropped.abort();
    assert_eq!(soon("the end", did.recv()).await, Some(Did::Stop(11)));
    desk.may.add_permits(1);
    assert_eq!(soon("the end", did.recv()).await, Some(Did::End(10)));
    soon("the reply", kept).await.unwrap().unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_storm_of_dropped_calls_ends_no_other() {
    let (server, client, tap, desk, mut did) = acquainted().await;
    let rpc = client.rpc("desk");
    let kept = tokio::spawn({
        let rpc = rpc.clone();
        async move { rpc.call_frame(wait(10)).await }
    });
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(10)));
    for round in 0..10 {
        let calls: Vec<_> = (0..200)
            .map(|id| {
                let rpc = rpc.clone();
                tokio::spawn(async move { rpc.call_frame(wait(1000 + round * 200 + id)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        for call in calls {
            call.abort();
        }
    }
    soon("the reply after the storm", rpc.call_frame(echo(11, b""))).await.unwrap();
    // Enough for any of the storm that has begun and not yet been stopped.
    desk.may.add_permits(10_000);
    soon("the reply", kept).await.unwrap().unwrap();
    assert_eq!(tap.connections().len(), 2);
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_said_in_a_frame() {
    let mut config = Config::default();
    config.max_frame = 10_000;
    let (server, host, _, _) = served(Config::default()).await;
    let client = connect(&format!("http://{host}"), config).unwrap();
    let mut large = echo(1, b"");
    large.frame = frame(1, "large", MessageType::Call, &[("size", "20000")], b"");
    // The desk is no real server and ignores the limit, so here it is the status that says it.
    let error = client.rpc("desk").call_frame(large).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::ResponseTooLarge, "{error}");
    server.close().await.unwrap();
}

#[tokio::test]
async fn only_callers_of_ours_are_told_of_http2_and_no_proxy_passes_it_on() {
    let (server, host, _, _) = served(Config::default()).await;
    let body = base64(&echo(7, b"").frame);
    let answer = raw(&host, &post("/desk", &["accept: application/x-frugal"], &body)).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-http2")), (200, None));
    let request = post("/desk", &["accept: application/x-frugal, application/x-thriftwood"], &body);
    let request = String::from_utf8(request).unwrap().replace("connection: close", "connection: keep-alive");
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let size = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..size]).to_lowercase();
    assert!(answer.contains("\r\nconnection: x-thriftwood-http2\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/x-thriftwood\r\n"), "{answer}");
    server.close().await.unwrap();
}

#[tokio::test]
async fn an_announcement_that_a_proxy_passed_on_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = connect(&format!("http://{}", listener.local_addr().unwrap()), Config::default()).unwrap();
    let calls = tokio::spawn(async move {
        for id in 1..3 {
            bus.rpc("desk").call_frame(echo(id, b"")).await.unwrap();
        }
    });
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    for id in 1..3 {
        // On the same connection, and not in HTTP/2.
        let (head, _) = soon("the request", read_request(&mut stream)).await;
        assert!(head.starts_with("post /desk http/1.1"), "{head}");
        let reply = base64(&frame(id, "echo", MessageType::Reply, &[], b""));
        let head = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nx-thriftwood-http2: 1\r\ncontent-length: ";
        stream.write_all(format!("{head}{}\r\n\r\n{reply}", reply.len()).as_bytes()).await.unwrap();
    }
    soon("both replies", calls).await.unwrap();
}

#[tokio::test]
async fn a_server_of_frugals_in_place_of_ours_gets_the_call_in_its_own_form() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = connect(&format!("http://{}", listener.local_addr().unwrap()), Config::default()).unwrap();
    let calls = tokio::spawn(async move {
        bus.rpc("desk").call_frame(echo(1, b"")).await.unwrap();
        bus.rpc("desk").call_frame(echo(2, b"")).await.unwrap()
    });
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    let reply = frame(1, "echo", MessageType::Reply, &[], b"y");
    let answer = |status: &str, ty: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {ty}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    read_request(&mut stream).await;
    stream.write_all(&answer("200 OK", "application/x-thriftwood", &reply)).await.unwrap();
    let (head, _) = read_request(&mut stream).await;
    assert!(head.contains("content-type: application/x-thriftwood\r\n"), "{head}");
    stream.write_all(&answer("400 Bad Request", "text/plain", b"Could not read the frugal frame bytes")).await.unwrap();
    let (head, body) = read_request(&mut stream).await;
    assert!(head.contains("content-type: application/x-frugal\r\n"), "{head}");
    assert_eq!(body, base64(&echo(2, b"").frame));
    stream.write_all(&answer("200 OK", "application/x-frugal", base64(&reply).as_bytes())).await.unwrap();
    assert_eq!(payload(soon("the reply", calls).await.unwrap().unwrap()), "y");
}
