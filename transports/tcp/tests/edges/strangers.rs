//! Somebody at the other end who speaks something else than frames.

use std::io::Write;
use std::time::Duration;

use thriftwood_core::{RpcError, RpcErrorKind};
use thriftwood_tcp::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{answer, bus_to, call, echo, read_frame, soon};

const CALLERS: usize = 60;

/// What a call says to whom the first connection answers with these pieces, one after another, and the same bus's next call.
async fn answered_with(pieces: &[&[u8]]) -> (u16, RpcError, RpcError) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bus = bus_to(port);
    let answers = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            read_frame(&mut socket).await;
            for piece in pieces {
                // The other end may have heard enough by then.
                let _ = socket.write_all(piece).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let _ = socket.shutdown().await;
        }
    };
    tokio::select! {
        errors = async { (call(&bus, 1).await.unwrap_err(), call(&bus, 2).await.unwrap_err()) } => (port, errors.0, errors.1),
        () = answers => unreachable!("it accepts for ever"),
    }
}

#[tokio::test]
async fn a_web_server_is_a_protocol_error_that_repeats_its_first_line_and_asks_for_http() {
    let (port, first, second) = answered_with(&[b"HTTP/1.1 400 Bad Request\r\nserver: nginx\r\n\r\n<html>"]).await;
    let text = format!(
        "what answers at tcp://127.0.0.1:{port} is no server of frames: it speaks HTTP (\"HTTP/1.1 400 Bad Request\"); \
         should the URL begin with http://?"
    );
    for error in [first, second] {
        assert_eq!((error.kind(), error.message()), (RpcErrorKind::Protocol, &*text));
    }
}

#[tokio::test]
async fn a_stranger_is_asked_less_and_less_often() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let answers = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_frame(&mut socket).await;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n").await;
        }
    };
    let asks = async {
        for _ in 0..8 {
            let error = call(&bus, 1).await.unwrap_err();
            if error.message().contains("the next attempt is due in") {
                return error;
            }
        }
        panic!("eight connections to a stranger, one upon the other");
    };
    let error = tokio::select! {
        error = asks => error,
        () = answers => unreachable!("it accepts for ever"),
    };
    // Of this call nothing was sent.
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("it speaks HTTP"), "{error}");
}

#[tokio::test]
async fn a_connection_reset_under_a_call_is_disconnected_since_the_call_may_have_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let reset = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_frame(&mut socket).await;
        // What is unread when a socket closes makes the system reset the connection; so does this.
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    };
    let (lost, ()) = tokio::join!(call(&bus, 1), reset);
    let error = lost.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (RpcErrorKind::Disconnected, false), "{error}");
    assert!(error.message().contains("reset"), "{error}");
}

#[tokio::test]
async fn a_stranger_is_told_however_its_answer_comes() {
    for pieces in [&[&b"HTTP"[..], b"/1.1 400 Bad Request\r\n"][..], &[b"HT", b"TP/1.0 404 Not Found\r\n"]] {
        let (_, error, _) = answered_with(pieces).await;
        assert_eq!(error.kind(), RpcErrorKind::Protocol, "{error}");
        assert!(error.message().contains("it speaks HTTP (\"HTTP"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_that_speaks_first_is_told_whether_or_not_the_call_was_sent_by_then() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // A thread of its own, so that it greets some callers before they get to call: about a third of them.
    let greeter = std::thread::spawn(move || {
        for _ in 0..CALLERS {
            let mut socket = listener.accept().unwrap().0;
            let _ = socket.write_all(b"INFO {\"server_id\":\"N\"}\r\n");
            // Until the caller hangs up.
            let _ = std::io::copy(&mut socket, &mut std::io::sink());
        }
    });
    for _ in 0..CALLERS {
        let error = call(&bus_to(port), 1).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Protocol, "{error}");
        assert!(error.message().contains("it speaks NATS (\"INFO {"), "{error}");
    }
    greeter.join().unwrap();
}

#[tokio::test]
async fn a_connection_lost_within_the_first_frame_is_no_stranger() {
    let hint = "nobody has answered there in frames yet: should the URL begin with tcps://";
    // Not every server of TLS sends an alert; but only a server of frames begins like the last.
    for (answer, is_hinted) in [(&[][..], true), (&[0, 0, 0], true), (&[0, 0, 0, 40, 0, 0], false)] {
        let (_, error, _) = answered_with(&[answer]).await;
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
        assert_eq!(error.message().contains(hint), is_hinted, "{error}");
    }
}

#[tokio::test]
async fn who_has_answered_before_is_not_taken_for_a_stranger_when_it_hangs_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    let answer_one = async { answer(&mut listener.accept().await.unwrap().0).await };
    tokio::join!(call(&bus, 1), answer_one).0.unwrap();
    let hang_up = async { read_frame(&mut listener.accept().await.unwrap().0).await };
    let error = tokio::join!(call(&bus, 2), hang_up).0.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
    assert!(!error.message().contains("nobody has answered"), "{error}");
}

#[tokio::test]
async fn who_speaks_http_to_a_server_is_answered_in_http_and_others_are_served() {
    let (server, _serving, port) = echo(Config::default()).await;
    for request in ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", &format!("POST /x HTTP/1.1\r\n\r\n{}", "x".repeat(20_000))] {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("the answer", socket.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
        assert!(body.contains("tcp://"), "{answer}");
    }
    call(&bus_to(port), 1).await.unwrap();
    server.close().await.unwrap();
}
