//! A server among clients that are slow, greedy, many or gone.

use std::time::{Duration, Instant};

use thriftwood_core::codec::MessageType;
use thriftwood_core::{Rpc, RpcErrorKind};
use thriftwood_http::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Desk, Did, base64, echo, frame, post, raw, read_answer, served, soon, wait};

fn impatient() -> Config {
    let mut config = Config::default();
    config.head_timeout = Duration::from_millis(200);
    config.body_timeout = Duration::from_millis(200);
    config
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let (bus, host, _, _) = served(impatient()).await;
    for begun in [&b""[..], b"P", b"POST /desk HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut said = Vec::new();
        // Some say 408 before they close; that it closes is what counts.
        let _ = soon("the end of the connection", stream.read_to_end(&mut said)).await;
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn nor_does_a_head_that_comes_no_further_behind_an_answered_request_keep_its_connection() {
    let (bus, host, _, _) = served(impatient()).await;
    let request = post("/desk", &[], &base64(&frame(7, "echo", MessageType::Call, &[], b"")));
    let request = String::from_utf8(request).unwrap().replace("connection: close\r\n", "");
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all((request + "POST /desk HTTP/1.1\r\n").as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(answer.status, 200);
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let (bus, host, _, _) = served(impatient()).await;
    let whole = post("/desk", &[], &base64(&frame(7, "echo", MessageType::Call, &[], b"slow")));
    let answer = raw(&host, &whole[..whole.len() - 3]).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-error")), (408, Some("request-timeout")));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_announced_or_grows_too_large_is_413_before_it_is_read() {
    let mut config = Config::default();
    config.max_frame = 3000;
    let (bus, host, _, _) = served(config).await;
    // Nothing of the body is sent: the announcement is enough.
    let announced = b"POST /desk HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n";
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(announced).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-error")), (413, Some("request-too-large")));
    // A body in chunks announces nothing, and this one has no end.
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(b"POST /desk HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let flood = tokio::spawn(async move {
        let chunk = format!("3e8\r\n{}\r\n", "A".repeat(1000));
        while writer.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let mut said = vec![0; 12];
    soon("the status", reader.read_exact(&mut said)).await.unwrap();
    assert_eq!(said, b"HTTP/1.1 413");
    drop(reader);
    soon("the end of the flood", flood).await.unwrap();
    bus.close().await.unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_one_to_end() {
    let mut config = Config::default();
    config.max_connections = 1;
    let (bus, host, desk, mut did) = served(config).await;
    let call = |id| post("/desk", &[], &base64(&wait(id).frame));
    let mut first = TcpStream::connect(&host).await.unwrap();
    first.write_all(&call(1)).await.unwrap();
    assert_eq!(soon("the first's beginning", did.recv()).await, Some(Did::Begin(1)));
    let second = tokio::spawn({
        let request = call(2);
        async move { raw(&host, &request).await }
    });
    // Without the limit it would begin within a round trip.
    let early = tokio::time::timeout(Duration::from_millis(100), did.recv()).await;
    assert!(early.is_err(), "{early:?} while the first is there");
    desk.may.add_permits(2);
    assert_eq!(soon("the first's answer", read_answer(&mut first)).await.status, 200);
    drop(first);
    assert_eq!(soon("the second's turn", second).await.unwrap().status, 200);
    bus.close().await.unwrap();
}

#[tokio::test]
async fn calls_over_the_limit_are_refused_as_overloaded() {
    let (desk, mut did) = Desk::new();
    let bus = thriftwood_http::connect("http://127.0.0.1:0", Config::default()).unwrap();
    bus.serve("desk", desk.clone()).concurrency(2).await.unwrap();
    let rpc = bus.rpc("desk");
    // More than once: whoever has waited takes no place of those who come later.
    for _ in 0..3 {
        overload(&rpc, &desk, &mut did).await;
    }
    bus.close().await.unwrap();
}

/// Makes five calls where there is room for four.
async fn overload(rpc: &Rpc, desk: &Desk, did: &mut mpsc::UnboundedReceiver<Did>) {
    let under_way: Vec<_> = (0..5)
        .map(|id| {
            let rpc = rpc.clone();
            tokio::spawn(async move { rpc.call_frame(wait(id)).await })
        })
        .collect();
    // Two are handled, two wait, and whichever was fifth was one too many.
    for _ in 0..2 {
        soon("a beginning", did.recv()).await;
    }
    let refused = soon("the refusal", async {
        loop {
            if let Some(done) = under_way.iter().position(tokio::task::JoinHandle::is_finished) {
                break done;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    desk.may.add_permits(4);
    for _ in 0..6 {
        soon("two further beginnings, and four ends", did.recv()).await;
    }
    for (at, call) in under_way.into_iter().enumerate() {
        match soon("the reply", call).await.unwrap() {
            Ok(_) => assert_ne!(at, refused),
            Err(error) => {
                assert_eq!((at, error.kind()), (refused, RpcErrorKind::Overloaded), "{error}");
                assert!(error.is_retryable());
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_handler() {
    let (bus, host, _, mut did) = served(Config::default()).await;
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(&post("/desk", &[], &base64(&wait(5).frame))).await.unwrap();
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(5)));
    drop(stream);
    assert_eq!(soon("the end", did.recv()).await, Some(Did::Stop(5)));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_holds_up_nobody_else() {
    let (bus, host, _, _) = served(Config::default()).await;
    let large = base64(&frame(1, "large", MessageType::Call, &[("size", "10000000")], b""));
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(&post("/desk", &[], &large)).await.unwrap();
        deaf.push(stream);
    }
    let began = Instant::now();
    soon("the reply", bus.rpc("desk").call_frame(echo(2, b"x"))).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    drop(deaf);
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_closing_bus_answers_what_it_has_and_closes_idle_connections() {
    let (bus, host, desk, mut did) = served(Config::default()).await;
    let idle = TcpStream::connect(&host).await.unwrap();
    let mut busy = TcpStream::connect(&host).await.unwrap();
    busy.write_all(&post("/desk", &[], &base64(&wait(5).frame))).await.unwrap();
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(5)));
    let closing = tokio::spawn(async move { bus.close().await });
    // The listener goes first.
    soon("the refusal", async {
        while TcpStream::connect(&host).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!closing.is_finished());
    desk.may.add_permits(1);
    assert_eq!(soon("the answer", read_answer(&mut busy)).await.status, 200);
    soon("the close", closing).await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn requests_over_the_memory_for_them_are_refused_as_overloaded_and_give_it_back() {
    let mut config = Config::default();
    config.max_buffered = 10_000;
    let (bus, host, desk, mut did) = served(config).await;
    let large = |id| base64(&frame(id, "wait", MessageType::Call, &[], &[1; 6000]));
    let mut first = TcpStream::connect(&host).await.unwrap();
    first.write_all(&post("/desk", &[], &large(1))).await.unwrap();
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(1)));
    let answer = raw(&host, &post("/desk", &[], &large(2))).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-error")), (503, Some("overloaded")));
    desk.may.add_permits(2);
    assert_eq!(soon("the first answer", read_answer(&mut first)).await.status, 200);
    assert_eq!(raw(&host, &post("/desk", &[], &large(3))).await.status, 200);
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_is_given_up() {
    let (bus, host, _, _) = served(impatient()).await;
    let large = base64(&frame(1, "large", MessageType::Call, &[("size", "12000000")], b""));
    let mut deaf = TcpStream::connect(&host).await.unwrap();
    deaf.write_all(&post("/desk", &[], &large)).await.unwrap();
    // Something has come, so the answer is on its way; the rest of it fits no buffer of the system's.
    soon("the first byte", deaf.readable()).await.unwrap();
    soon("the close", bus.close()).await.unwrap();
    drop(deaf);
}

#[tokio::test]
async fn a_request_cut_at_any_byte_reaches_no_handler_and_harms_nobody() {
    let (bus, host, _, mut did) = served(Config::default()).await;
    let whole = post("/desk", &[], &base64(&wait(5).frame));
    for end in 0..whole.len() {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(&whole[..end]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = Vec::new();
        let _ = soon("the end of the connection", stream.read_to_end(&mut said)).await;
        assert!(!said.starts_with(b"HTTP/1.1 200"), "cut at {end}: {}", String::from_utf8_lossy(&said));
    }
    soon("the next reply", bus.rpc("desk").call_frame(echo(1, b""))).await.unwrap();
    assert!(did.try_recv().is_err(), "a handler was asked");
    bus.close().await.unwrap();
}
