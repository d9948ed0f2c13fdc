//! A caller among servers that are absent, strange or gone.

use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::codec::MessageType;
use thriftwood_core::transport::Outbound;
use thriftwood_core::{Bus, RpcErrorKind};
use thriftwood_http::{Config, connect};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Did, base64, echo, frame, payload, served, soon, wait};

/// Somewhere that nobody listens: a port that was free a moment ago.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server of the test's own, and a bus to it.
async fn fake() -> (TcpListener, Bus) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = connect(&format!("http://{}", listener.local_addr().unwrap()), Config::default()).unwrap();
    (listener, bus)
}

/// Reads a request from a connection that stays open: its head in lower case, and its body.
pub(crate) async fn read_request(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "the client closed after {head:?}");
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8_lossy(&body).into_owned())
}

/// Answers one call with these bytes, and gives what the caller made of them.
async fn answered(answer: &str) -> Result<Option<Bytes>, thriftwood_core::RpcError> {
    let (listener, bus) = fake().await;
    let call = tokio::spawn(async move { bus.rpc("desk").call_frame(echo(1, b"x")).await });
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    read_request(&mut stream).await;
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    soon("the reply", call).await.unwrap()
}

fn with_length(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_request_is_as_frugals_servers_want_it() {
    let (listener, bus) = fake().await;
    let call = tokio::spawn(async move { bus.rpc("v1 music").call_frame(echo(1, b"x")).await });
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    let (head, body) = read_request(&mut stream).await;
    assert!(head.starts_with("post /v1%20music http/1.1\r\n"), "{head}");
    for line in [
        "content-type: application/x-frugal\r\n",
        "content-transfer-encoding: base64\r\n",
        "x-frugal-payload-limit: 16384004\r\n",
    ] {
        assert!(head.contains(line), "{line:?} is not in {head}");
    }
    assert!(head.contains("accept: application/x-frugal"), "{head}");
    assert_eq!(body, base64(&echo(1, b"x").frame));
    let reply = base64(&frame(1, "echo", MessageType::Reply, &[], b"y"));
    stream.write_all(with_length("200 OK", "content-type: application/x-frugal\r\n", &reply).as_bytes()).await.unwrap();
    let reply = soon("the reply", call).await.unwrap().unwrap().unwrap();
    assert_eq!(payload(reply), "y");
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_says_where() {
    let url = nowhere().await;
    let bus = connect(&url, Config::default()).unwrap();
    let error = bus.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    assert!(error.message().contains(&format!("{url}/desk")) && error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_and_says_which_are() {
    let (bus, _, _, _) = served(Config::default()).await;
    let error = bus.rpc("disk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    assert!(error.message().contains("served here: /desk"), "{error}");
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_bus_that_has_no_port_yet_is_unavailable() {
    let bus = connect("http://127.0.0.1:0", Config::default()).unwrap();
    let error = bus.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    assert!(error.message().contains("port 0"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_no_reply_becomes_a_typed_error_that_repeats_what_it_says() {
    let html = "content-type: text/html\r\n";
    for (answer, kind, says) in [
        (
            with_length("502 Bad Gateway", html, "<h1>no <b>upstream</b></h1>"),
            RpcErrorKind::Disconnected,
            "502 Bad Gateway: no upstream",
        ),
        (with_length("504 Gateway Timeout", html, ""), RpcErrorKind::Timeout, "504"),
        (with_length("503 Service Unavailable", "", "later"), RpcErrorKind::Unavailable, "later"),
        (with_length("429 Too Many Requests", "", ""), RpcErrorKind::Overloaded, "429"),
        (with_length("413 Payload Too Large", "", ""), RpcErrorKind::ResponseTooLarge, "413"),
        (
            with_length("413 Payload Too Large", "x-thriftwood-error: request-too-large\r\n", ""),
            RpcErrorKind::RequestTooLarge,
            "413",
        ),
        (with_length("302 Found", "location: https://login/\r\n", ""), RpcErrorKind::Protocol, "https://login/"),
        (with_length("401 Unauthorized", "", "who are you"), RpcErrorKind::Protocol, "who are you"),
        (with_length("500 Internal Server Error", "", "oh"), RpcErrorKind::Internal, "oh"),
        (with_length("200 OK", html, "<p>Welcome to the hotel"), RpcErrorKind::Protocol, "Welcome to the hotel"),
        (with_length("200 OK", "", "***"), RpcErrorKind::Protocol, "not base64"),
        (with_length("200 OK", "", "AAA="), RpcErrorKind::Protocol, "2 bytes"),
        (with_length("200 OK", "", "AAAAAA=="), RpcErrorKind::Disconnected, "without a reply"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nAAAA".to_owned(),
            RpcErrorKind::Disconnected,
            "within the reply",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_owned(), RpcErrorKind::ResponseTooLarge, "16384004"),
        (String::new(), RpcErrorKind::Disconnected, "before the reply came"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), RpcErrorKind::Protocol, "does not speak HTTP"),
    ] {
        let error = answered(&answer).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {error}");
        assert!(error.message().contains(says), "{answer:?}: {error}");
        assert!(error.message().contains("/desk"), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    let (listener, bus) = fake().await;
    let calls = tokio::spawn(async move {
        for id in 0..3 {
            bus.rpc("desk").call_frame(echo(id, b"")).await.unwrap();
        }
    });
    // Accepts once: a second connection would wait in vain.
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    for id in 0..3 {
        read_request(&mut stream).await;
        let reply = base64(&frame(id, "echo", MessageType::Reply, &[], b""));
        stream.write_all(with_length("200 OK", "", &reply).as_bytes()).await.unwrap();
    }
    soon("three replies", calls).await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_stops_its_handler() {
    let (bus, _, _, mut did) = served(Config::default()).await;
    let rpc = bus.rpc("desk");
    let call = tokio::spawn(async move { rpc.call_frame(wait(3)).await });
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(3)));
    call.abort();
    assert_eq!(soon("the end", did.recv()).await, Some(Did::Stop(3)));
    soon("the next reply", bus.rpc("desk").call_frame(echo(4, b""))).await.unwrap();
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_oneway_call_whose_caller_is_gone_is_handled_to_its_end() {
    let (bus, _, desk, mut did) = served(Config::default()).await;
    let oneway = Outbound { operation_id: 3, frame: frame(3, "wait", MessageType::Oneway, &[], b""), oneway: true };
    assert_eq!(bus.rpc("desk").call_frame(oneway).await.unwrap(), None);
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(3)));
    let closing = tokio::spawn(async move { bus.close().await });
    desk.may.add_permits(1);
    assert_eq!(soon("the end", did.recv()).await, Some(Did::End(3)));
    soon("the close", closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_comes_back_is_called_again_by_itself() {
    let (bus, host, desk, _) = served(Config::default()).await;
    let caller = connect(&format!("http://{host}"), Config::default()).unwrap();
    let rpc = caller.rpc("desk");
    rpc.call_frame(echo(1, b"")).await.unwrap();
    bus.close().await.unwrap();
    let error = rpc.call_frame(echo(2, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    let again = connect(&format!("http://{host}"), Config::default()).unwrap();
    again.serve("desk", desk).await.unwrap();
    soon("the reply", rpc.call_frame(echo(3, b""))).await.unwrap();
    again.close().await.unwrap();
}

#[tokio::test]
async fn no_more_connections_are_made_than_calls_are_allowed() {
    let mut config = Config::default();
    config.calls = 2;
    let (bus, _, desk, mut did) = served(config).await;
    let rpc = bus.rpc("desk");
    let calls: Vec<_> = (0..6)
        .map(|id| {
            let rpc = rpc.clone();
            tokio::spawn(async move { rpc.call_frame(wait(id)).await })
        })
        .collect();
    for _ in 0..2 {
        soon("a beginning", did.recv()).await;
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), did.recv()).await.is_err(), "a third call is under way");
    desk.may.add_permits(6);
    for call in calls {
        soon("the reply", call).await.unwrap().unwrap();
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_a_typed_error() {
    let reply = base64(&frame(1, "echo", MessageType::Reply, &[], b"y"));
    let whole = with_length("200 OK", "content-type: application/x-frugal\r\n", &reply);
    for end in 0..whole.len() {
        let error = answered(&whole[..end]).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "cut at {end}: {error}");
    }
    assert_eq!(payload(answered(&whole).await.unwrap().unwrap()), "y");
}
