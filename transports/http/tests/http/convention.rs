//! Frugal's convention, as a client of Frugal's that knows nothing of this crate sees it.

use thriftwood_core::codec::MessageType;
use thriftwood_http::Config;

use crate::support::{Did, base64, frame, payload, post, raw, served, soon, unbase64};

#[tokio::test]
async fn a_call_in_base64_is_answered_in_base64() {
    let (bus, host, _, _) = served(Config::default()).await;
    let body = base64(&frame(7, "echo", MessageType::Call, &[], b"hello"));
    // Java writes a charset behind the type; the content type of some is that of any form.
    for headers in [&[][..], &["accept: application/x-frugal"], &["x-frugal-payload-limit: 0"]] {
        let answer = raw(&host, &post("/desk", headers, &body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/x-frugal"));
        assert_eq!(answer.header("content-transfer-encoding"), Some("base64"));
        assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
        assert_eq!(payload(unbase64(&answer.body)), "hello");
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_oneway_call_is_answered_with_four_zero_bytes_before_it_is_handled() {
    let (bus, host, desk, mut did) = served(Config::default()).await;
    let body = base64(&frame(7, "wait", MessageType::Oneway, &[], b""));
    let answer = raw(&host, &post("/desk", &[], &body)).await;
    assert_eq!((answer.status, &*answer.body), (200, "AAAAAA=="));
    assert_eq!(soon("the handler", did.recv()).await, Some(Did::Begin(7)));
    desk.may.add_permits(1);
    assert_eq!(soon("the handler", did.recv()).await, Some(Did::End(7)));
    // Python's oneway calls are sent as ordinary ones, and get the same once they have been handled. A time limit of zero is none.
    let body = base64(&frame(8, "nothing", MessageType::Call, &[("_timeout", "0")], b""));
    let answer = raw(&host, &post("/desk", &[], &body)).await;
    assert_eq!((answer.status, &*answer.body), (200, "AAAAAA=="));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_reply_over_the_callers_limit_is_413_and_one_at_it_is_not() {
    let (bus, host, _, _) = served(Config::default()).await;
    let body = base64(&frame(7, "echo", MessageType::Call, &[], &[1; 100]));
    let whole = unbase64(&raw(&host, &post("/desk", &[], &body)).await.body).len();
    let limit = |limit: usize| format!("x-frugal-payload-limit: {limit}");
    let answer = raw(&host, &post("/desk", &[&limit(whole)], &body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = raw(&host, &post("/desk", &[&limit(whole - 1)], &body)).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-error")), (413, Some("response-too-large")));
    assert_eq!(answer.body, format!("Response size ({whole}) larger than requested size ({})\n", whole - 1));
    let answer = raw(&host, &post("/desk", &["x-frugal-payload-limit: many"], &body)).await;
    assert_eq!((answer.status, &*answer.body), (400, "x-frugal-payload-limit header not an integer\n"));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn what_is_no_frame_gets_the_status_that_gos_server_gives() {
    let (bus, host, _, _) = served(Config::default()).await;
    let without_id = {
        let mut frame = thriftwood_core::frame::FrameBuilder::new();
        frame.header("_cid", "abc");
        let message = thriftwood_core::codec::Message::new("echo", MessageType::Call);
        frame.message(message, |_| {}).unwrap()
    };
    for (body, status, says) in [
        (String::new(), 400, "Invalid request size 0"),
        (base64(b"ab"), 400, "Invalid request size 2"),
        ("***".to_owned(), 400, "not base64"),
        (base64(&[0; 4]), 500, "Error processing request"),
        (base64(&[0, 0, 0, 5, 9, 0, 0, 0, 0]), 500, "frame version 9"),
        (base64(&without_id), 500, "_opid"),
    ] {
        let answer = raw(&host, &post("/desk", &[], &body)).await;
        assert_eq!(answer.status, status, "{body:?}: {answer:?}");
        assert!(answer.body.contains(says), "{says:?} is not in {answer:?}");
        assert!(answer.header("x-thriftwood-error").is_some(), "{answer:?}");
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn the_url_itself_leads_to_the_only_service_and_other_paths_say_what_is_served() {
    let (bus, host, desk, _) = served(Config::default()).await;
    let body = base64(&frame(7, "echo", MessageType::Call, &[], b""));
    assert_eq!(raw(&host, &post("/", &[], &body)).await.status, 200);
    let answer = raw(&host, &post("/disk", &[], &body)).await;
    assert_eq!((answer.status, &*answer.body), (404, "nobody serves /disk; served here: /desk\n"));
    bus.serve("second", desk).await.unwrap();
    assert_eq!(raw(&host, &post("/second", &[], &body)).await.status, 200);
    let answer = raw(&host, &post("/", &[], &body)).await;
    assert_eq!((answer.status, &*answer.body), (404, "nobody serves /; served here: /desk, /second\n"));
    let get = b"GET /desk HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw(&host, get).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_body_in_chunks_is_read_like_any_other() {
    let (bus, host, _, _) = served(Config::default()).await;
    let body = base64(&frame(7, "echo", MessageType::Call, &[], b"in pieces"));
    let mut request =
        "POST /desk HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for piece in body.as_bytes().chunks(5) {
        request += &format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap());
    }
    let answer = raw(&host, (request + "0\r\n\r\n").as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(payload(unbase64(&answer.body)), "in pieces");
    bus.close().await.unwrap();
}
