//! What a stop waits for, on a clock that is moved forward: a pipe in place of a socket, and the bytes of a client.

use bytes::Bytes;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::frame::FrameBuilder;
use thriftwood_core::transport::ServeOptions;
use thriftwood_tls::{Pem, ServerTls};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::*;
use crate::endpoint::Endpoint;
use crate::routes::Routes;
use crate::service::HttpService;

/// How long a stop may wait for a client that says nothing: five glances in a row, one each second, one at which something had
/// moved, and what it waits before the first.
const NOT_LONGER: Duration = Duration::from_secs(7);

/// Answers after so long.
struct Slow(Duration);

impl Handler for Slow {
    fn service(&self) -> &'static str {
        "Slow"
    }

    fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let time = self.0;
        Box::pin(async move {
            tokio::time::sleep(time).await;
            Some(frame(MessageType::Reply))
        })
    }
}

fn frame(kind: MessageType) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "1");
    frame.message(Message::new("wait", kind), |_| ()).unwrap()
}

/// A connection to a service that answers after so long, the token that is its server's stop, and its end.
fn connected(time: Duration) -> (DuplexStream, CancellationToken, JoinHandle<Duration>) {
    connected_over(None, time)
}

fn connected_over(tls: Option<TlsAcceptor>, time: Duration) -> (DuplexStream, CancellationToken, JoinHandle<Duration>) {
    let config = Config::default();
    let memory = Arc::new(Semaphore::new(config.max_buffered));
    let service = HttpService::new(Arc::new(Slow(time)), &config, memory, ServeOptions::default().concurrency);
    let routes = Arc::new(Routes::default());
    routes.add("desk", &service);
    let site = Arc::new(Site { endpoint: Endpoint::parse("http://127.0.0.1:0").unwrap(), routes });
    let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
    let accept = Accept { site, tls, config, stop, leave: leave.clone() };
    let (client, server) = tokio::io::duplex(1 << 16);
    let connection = accept.connection(server, accept.builder());
    let stopped = leave.clone();
    let end = tokio::spawn(async move {
        let waits = async {
            stopped.cancelled().await;
            Instant::now()
        };
        let (at, ()) = tokio::join!(waits, connection);
        at.elapsed()
    });
    (client, leave, end)
}

/// A frame of HTTP/2.
fn http2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// The whole of a request for nothing that is served: GET / by HPACK's own table.
fn get(stream: u32) -> Vec<u8> {
    http2(1, 5, stream, &[0x82, 0x86, 0x84])
}

/// Begins HTTP/2 and sends these frames.
async fn send_http2(client: &mut DuplexStream, frames: &[Vec<u8>]) {
    let settings = http2(4, 0, 0, b"");
    client.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*settings, &frames.concat()].concat()).await.unwrap();
}

/// Reads frames of HTTP/2 up to the head of an answer, and says nothing to any.
async fn answer_http2(client: &mut DuplexStream) {
    let mut head = [0; 9];
    while head[3] != 1 {
        client.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[2])];
        client.read_exact(&mut payload).await.unwrap();
    }
}

/// The head of an HTTP/1.1 request whose body has so many bytes.
fn head(length: usize) -> String {
    format!(
        "POST /desk HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-thriftwood\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_client_over_http2_that_falls_silent_at_rest_holds_up_no_stop() {
    let (mut client, leave, end) = connected(Duration::ZERO);
    send_http2(&mut client, &[get(1)]).await;
    answer_http2(&mut client).await;
    leave.cancel();
    let time = end.await.unwrap();
    assert!(time <= NOT_LONGER, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent_in_a_request_holds_up_no_stop() {
    let (mut client, leave, end) = connected(Duration::ZERO);
    client.write_all(head(100).as_bytes()).await.unwrap();
    client.write_all(b"the beginning").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    leave.cancel();
    let time = end.await.unwrap();
    assert!(time <= NOT_LONGER, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_handler_however_silent_its_client_is() {
    let (mut client, leave, end) = connected(Duration::from_secs(20));
    let body = frame(MessageType::Call);
    client.write_all(head(body.len()).as_bytes()).await.unwrap();
    client.write_all(&body).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    leave.cancel();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answer.escape_ascii());
    drop(client);
    let time = end.await.unwrap();
    assert!(time > Duration::from_secs(19) && time < Duration::from_secs(20) + NOT_LONGER, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_client_that_is_slow() {
    let (mut client, leave, end) = connected(Duration::ZERO);
    let body = frame(MessageType::Call);
    client.write_all(head(body.len()).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    leave.cancel();
    // Eight pieces, three seconds apart: within the time for a body, and longer than silence may last.
    for piece in body.chunks(body.len().div_ceil(8)) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        client.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answer.escape_ascii());
    end.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_over_http2_that_is_gone_without_a_word_is_noticed_by_a_server_that_goes_on() {
    let (mut client, _leave, _end) = connected(Duration::ZERO);
    send_http2(&mut client, &[get(1)]).await;
    let began = Instant::now();
    // Its pings come here, and are not answered.
    let closed = tokio::time::timeout(Duration::from_secs(300), client.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok() && began.elapsed() <= Duration::from_secs(61), "{:?}", began.elapsed());
}

/// As a caller's do whose calls time out together.
#[tokio::test(start_paused = true)]
async fn requests_that_are_reset_all_at_once_end_no_other() {
    let (mut client, _leave, _end) = connected(Duration::ZERO);
    let streams = (0..200).map(|n| 2 * n + 1);
    // CANCEL is 8.
    let mut frames: Vec<_> = streams.flat_map(|stream| [get(stream), http2(3, 0, stream, &[0, 0, 0, 8])]).collect();
    frames.push(get(401));
    send_http2(&mut client, &frames).await;
    let mut head = [0; 9];
    while (head[3], &head[5..]) != (1, &401_u32.to_be_bytes()[..]) {
        client.read_exact(&mut head).await.expect("the connection is there until the last request is answered");
        client.read_exact(&mut vec![0; usize::from(head[2])]).await.unwrap();
        assert_ne!(head[3], 7, "the server says GOAWAY");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_just_made_has_its_first_request_answered_after_the_stop() {
    let (mut client, leave, end) = connected(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(1)).await;
    leave.cancel();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let body = frame(MessageType::Call);
    client.write_all(&[head(body.len()).as_bytes(), &body].concat()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answer.escape_ascii());
    end.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_on_its_way_at_a_stop_is_answered_and_told_that_the_connection_ends() {
    let (mut client, leave, end) = connected(Duration::ZERO);
    let body = frame(MessageType::Call);
    let request = [head(body.len()).as_bytes(), &body].concat();
    client.write_all(&request).await.unwrap();
    let mut first = vec![0; 4096];
    let size = client.read(&mut first).await.unwrap();
    assert!(!String::from_utf8_lossy(&first[..size]).contains("connection: close"), "it rests");
    leave.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.write_all(&request).await.unwrap();
    let mut second = Vec::new();
    client.read_to_end(&mut second).await.unwrap();
    let second = String::from_utf8_lossy(&second);
    assert!(second.starts_with("HTTP/1.1 200 OK\r\n") && second.contains("connection: close\r\n"), "{second}");
    // What still comes is read until the client closes too: a reset would take the answer from one that has not read it.
    client.write_all(&request).await.expect("the other end is still there");
    drop(client);
    end.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_where_tls_is_spoken_is_not_waited_for() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (Pem::text(made.cert.pem()), Pem::text(made.signing_key.serialize_pem()));
    let tls = ServerTls::new(certificate, key).config(&["http/1.1"]).unwrap();
    let (mut client, _leave, _end) = connected_over(Some(TlsAcceptor::from(tls)), Duration::ZERO);
    let began = Instant::now();
    let closed = tokio::time::timeout(Duration::from_secs(300), client.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok() && began.elapsed() <= Duration::from_secs(31), "{:?}", began.elapsed());
}
