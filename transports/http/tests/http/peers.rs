//! What a caller knows of its peer: that it refuses a stream, that it is another one by now, and that it has answered before.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use thriftwood_core::codec::MessageType;
use thriftwood_core::{Bus, RpcErrorKind};
use thriftwood_http::{Config, connect};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::callers::read_request;
use crate::support::{base64, echo, frame, payload, served, soon};

async fn fake() -> (TcpListener, Bus) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = connect(&format!("http://{}", listener.local_addr().unwrap()), Config::default()).unwrap();
    (listener, bus)
}

/// Takes one request over HTTP/1.1, gives its head, and answers in Frugal's form, with these headers besides.
async fn answer_one(listener: &TcpListener, headers: &str) -> (String, BufReader<TcpStream>) {
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    let (head, _) = soon("the request", read_request(&mut stream)).await;
    let reply = base64(&frame(1, "echo", MessageType::Reply, &[], b"y"));
    let head_of_answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", reply.len());
    stream.write_all((head_of_answer + &reply).as_bytes()).await.unwrap();
    (head, stream)
}

#[tokio::test]
async fn a_call_whose_stream_the_server_refused_is_made_again_and_not_for_ever() {
    let (listener, bus) = fake().await;
    let rpc = bus.rpc("desk");
    let ours = "connection: x-thriftwood-http2\r\nx-thriftwood-http2: 1\r\n";
    let (first, _) = tokio::join!(rpc.call_frame(echo(1, b"")), answer_one(&listener, ours));
    first.unwrap();

    let peer = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut seen = 0;
        while let Some(request) = connection.accept().await {
            let (_, mut respond) = request.unwrap();
            seen += 1;
            // Of the first call the third attempt is answered, and of the next none.
            if seen != 3 {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
                continue;
            }
            let reply = frame(2, "echo", MessageType::Reply, &[], b"y");
            let mut answer = Response::new(());
            answer.headers_mut().insert("content-type", HeaderValue::from_static("application/x-thriftwood"));
            respond.send_response(answer, false).unwrap().send_data(reply, true).unwrap();
        }
        seen
    });
    let reply = soon("the reply", rpc.call_frame(echo(2, b""))).await.unwrap().unwrap();
    assert_eq!(payload(reply), "y");
    let error = soon("the refusal", rpc.call_frame(echo(3, b""))).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    drop((rpc, bus));
    assert_eq!(soon("the peer's end", peer).await.unwrap(), 3 + 3);
}

#[tokio::test]
async fn what_was_learned_of_a_server_is_forgotten_when_it_is_gone() {
    let (server, host, _, _) = served(Config::default()).await;
    let bus = connect(&format!("http://{host}"), Config::default()).unwrap();
    let rpc = bus.rpc("desk");
    // In Frugal's form at first, then as bytes over HTTP/2.
    for id in 1..=2 {
        rpc.call_frame(echo(id, b"")).await.unwrap();
    }
    server.close().await.unwrap();
    let error = rpc.call_frame(echo(3, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    let frugals = TcpListener::bind(&host).await.unwrap();
    let (reply, (head, _)) = tokio::join!(rpc.call_frame(echo(4, b"")), answer_one(&frugals, ""));
    assert_eq!(payload(reply.unwrap().unwrap()), "y");
    assert!(head.starts_with("post /desk http/1.1\r\n"), "{head}");
    assert!(head.contains("content-transfer-encoding: base64\r\n"), "{head}");
}

#[tokio::test]
async fn a_call_that_somebody_else_may_have_handled_is_not_made_again_in_another_form() {
    let (listener, bus) = fake().await;
    let rpc = bus.rpc("desk");
    let peer = async {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        read_request(&mut stream).await;
        let reply = frame(1, "echo", MessageType::Reply, &[], b"y");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-thriftwood\r\ncontent-length: ";
        stream.write_all(&[format!("{head}{}\r\n\r\n", reply.len()).as_bytes(), &reply].concat()).await.unwrap();
        // Now in the form that ours takes, and in front of it is a proxy that lost it.
        let (head, _) = soon("the second call", read_request(&mut stream)).await;
        assert!(head.contains("content-type: application/x-thriftwood\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        // A third request would be the second call once more.
        soon("the third call", read_request(&mut stream)).await
    };
    let calls = async {
        rpc.call_frame(echo(1, b"")).await.unwrap();
        let error = rpc.call_frame(echo(2, b"")).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
        let third = rpc.call_frame(echo(3, b"")).await;
        unreachable!("nobody answers: {third:?}");
    };
    let (head, body) = tokio::select! {
        third = peer => third,
        () = calls => unreachable!("the third call hangs"),
    };
    assert!(head.contains("content-type: application/x-frugal\r\n"), "what was learned is forgotten: {head}");
    assert_eq!(body, base64(&echo(3, b"").frame));
}

#[tokio::test]
async fn only_of_who_has_never_answered_it_is_asked_whether_it_speaks_http_at_all() {
    let hint = "nobody has answered there in HTTP yet";
    for known in [false, true] {
        let (listener, bus) = fake().await;
        let rpc = bus.rpc("desk");
        if known {
            let (reply, _) = tokio::join!(rpc.call_frame(echo(1, b"")), answer_one(&listener, "connection: close\r\n"));
            reply.unwrap();
        }
        let hang_up = async {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            read_request(&mut stream).await;
        };
        let (lost, ()) = tokio::join!(rpc.call_frame(echo(2, b"")), hang_up);
        let error = lost.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{error}");
        assert_eq!(error.message().contains(hint), !known, "{error}");
    }
}

#[tokio::test]
async fn the_headers_of_the_config_are_sent_with_every_call_and_change_none_of_the_conventions() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::default();
    for (name, value) in [("authorization", "Bearer t"), ("accept", "text/html"), ("x-frugal-payload-limit", "1")] {
        config.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let bus = connect(&format!("http://{}", listener.local_addr().unwrap()), config).unwrap();
    for id in 1..=2 {
        let call = echo(id, b"");
        let rpc = bus.rpc("desk");
        let (reply, (head, _)) = tokio::join!(rpc.call_frame(call), answer_one(&listener, "connection: close\r\n"));
        reply.unwrap();
        assert!(head.contains("authorization: bearer t\r\n") && head.contains("user-agent: thriftwood/"), "{head}");
        assert!(head.contains("x-frugal-payload-limit: 16384004\r\n") && !head.contains("text/html"), "{head}");
    }
}

#[tokio::test]
async fn calls_and_replies_as_large_as_they_may_be_pass_and_larger_ones_do_not() {
    let call = echo(1, &[7; 1000]);
    // A reply of the same size, so that one limit is that of both.
    let size = call.frame.len();
    let reply: Bytes = frame(1, "echo", MessageType::Reply, &[], &[7; 1000]);
    assert_eq!(reply.len(), size);
    // Base64 goes by threes.
    for (limit, kind) in [(size, None), (size - 3, Some(RpcErrorKind::RequestTooLarge))] {
        let mut config = Config::default();
        config.max_frame = limit;
        let (server, host, _, _) = served(config).await;
        for own_limit in [limit, 16_384_004] {
            let mut config = Config::default();
            config.max_frame = own_limit;
            let bus = connect(&format!("http://{host}"), config).unwrap();
            // In either form.
            for _ in 0..2 {
                let called = bus.rpc("desk").call_frame(call.clone()).await;
                assert_eq!(called.err().map(|error| error.kind()), kind, "a limit of {limit}, and {own_limit} here");
            }
        }
        server.close().await.unwrap();
    }
}
