//! The recorded answer of a nats-server to a call that nobody serves, played to our client by a server of one script.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use thriftwood::{Context, RpcErrorKind};
use thriftwood_interop::capture::{hex, records};
use thriftwood_interop::idl::wire::WireClient;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a nats-server says first, as far as clients look.
const INFO: &str = concat!(
    r#"INFO {"server_id":"S","version":"2.9.10","proto":1,"go":"","host":"127.0.0.1","port":0,"#,
    r#""max_payload":1048576,"headers":true,"client_id":1}"#,
    "\r\n"
);

/// The recorded message, up to the subject, and from behind the subscription's number on.
fn recorded() -> (String, String) {
    let records = records(include_str!("../data/captures/nats-503.json"));
    let text = |at: usize| String::from_utf8(hex(records[at]["hex"].as_str().unwrap())).unwrap();
    assert!(text(0).contains(r#""headers":true,"no_responders":true"#));
    let answer = text(1);
    let (head, tail) = answer.split_once(" _INBOX.g.7 1 ").unwrap();
    (head.to_owned(), tail.strip_suffix("PONG\r\n").unwrap().to_owned())
}

/// Serves one connection: answers pings, remembers the one subscription, and answers each message with the recorded status.
async fn play(stream: TcpStream) -> std::io::Result<()> {
    let (head, tail) = recorded();
    let mut stream = BufReader::new(stream);
    stream.write_all(INFO.as_bytes()).await?;
    let mut subscription = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["PING"] => stream.write_all(b"PONG\r\n").await?,
            ["SUB", _, number] => subscription = number.to_owned(),
            ["PUB", _, reply, size] => {
                let mut payload = vec![0; size.parse::<usize>().unwrap() + 2];
                stream.read_exact(&mut payload).await?;
                stream.write_all(format!("{head} {reply} {subscription} {tail}").as_bytes()).await?;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_recorded_status_says_that_nobody_serves() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream));
        }
    });
    let bus = thriftwood::connect(&url).await.unwrap();
    let error = WireClient::new(bus.rpc("nobody-here")).echo(&Context::new(), "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    server.abort();
}
