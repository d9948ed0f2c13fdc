//! A server that stops, and what crosses its word on the wire.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::time::Duration;

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse, patient, soon};
use pipe::{client, frame, options, receive, serve};
use thriftwood_core::RpcErrorKind;
use thriftwood_core::codec::MessageType;
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::session::Deframer;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

/// A frame without a message that says this.
fn word(header: &str, value: &str) -> Bytes {
    let sized = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let block = [sized(header), sized(value)].concat();
    let sizes = [(block.len() as u32 + 5).to_be_bytes(), (block.len() as u32).to_be_bytes()];
    [&sizes[0][..], &[0], &sizes[1], &block].concat().into()
}

/// A call of a method that nobody has, which is answered all the same.
fn call(id: u64, ours: bool) -> Bytes {
    if !ours {
        return frame(id, "nothing", MessageType::Call, b"");
    }
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &id.to_string());
    frame.header("_cancel", "0");
    frame.message(thriftwood_core::codec::Message::new("nothing", MessageType::Call), |_| {}).unwrap()
}

/// Everything that still comes, by operation id, and the words between.
async fn rest(near: &mut DuplexStream) -> Vec<String> {
    let (mut deframer, mut rest) = (Deframer::new(1 << 20), Vec::new());
    while let Some(bytes) = soon("the end", receive(near, &mut deframer)).await {
        let frame = Frame::decode(bytes).unwrap();
        let said = ["_cancel", "_goaway"].into_iter().find(|word| frame.headers().get(word).is_some());
        rest.push(said.map_or_else(|| frame.operation_id().unwrap().to_string(), str::to_owned));
    }
    rest
}

#[tokio::test]
async fn what_crosses_the_word_of_a_stop_is_answered_and_what_comes_behind_the_answer_to_it_is_not() {
    let (mut near, far) = duplex(4096);
    let (server, _strings) = Calc::server();
    let (serving, stop) = serve(far, server, options(8));
    near.write_all(&call(1, true)).await.unwrap();
    let mut deframer = Deframer::new(1 << 20);
    for _ in 0..2 {
        soon("the first reply and the word before it", receive(&mut near, &mut deframer)).await.unwrap();
    }
    stop.cancel();
    let said = soon("the word", receive(&mut near, &mut deframer)).await.unwrap();
    assert_eq!(said, word("_goaway", "1"));
    // As if they had been on their way.
    for id in 2..=4 {
        near.write_all(&call(id, true)).await.unwrap();
    }
    near.write_all(&word("_goaway", "1")).await.unwrap();
    near.write_all(&call(5, true)).await.unwrap();
    assert_eq!(rest(&mut near).await, ["2", "3", "4"]);
    soon("the server's end", serving).await.unwrap();
}

#[tokio::test]
async fn the_first_call_of_a_connection_may_come_after_the_stop() {
    let (mut near, far) = duplex(4096);
    let (server, _strings) = Calc::server();
    let (serving, stop) = serve(far, server, options(8));
    stop.cancel();
    tokio::task::yield_now().await;
    near.write_all(&call(1, true)).await.unwrap();
    near.write_all(&word("_goaway", "1")).await.unwrap();
    assert_eq!(rest(&mut near).await, ["_cancel", "_goaway", "1"]);
    soon("the server's end", serving).await.unwrap();
}

#[tokio::test]
async fn a_peer_of_another_kind_hears_nothing_of_it_and_the_call_that_it_had_begun_to_send_is_answered() {
    let (mut near, far) = duplex(4096);
    let (server, _strings) = Calc::server();
    let (serving, stop) = serve(far, server, options(8));
    let call = call(1, false);
    let (begin, end) = call.split_at(6);
    near.write_all(begin).await.unwrap();
    tokio::task::yield_now().await;
    stop.cancel();
    tokio::task::yield_now().await;
    near.write_all(end).await.unwrap();
    assert_eq!(rest(&mut near).await, ["1"]);
    soon("the server's end", serving).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_the_word_holds_no_stop_up_for_long() {
    for said in [true, false] {
        let (mut near, far) = duplex(4096);
        let (server, _strings) = Calc::server();
        let (serving, stop) = serve(far, server, options(8));
        if said {
            near.write_all(&call(1, true)).await.unwrap();
        }
        tokio::task::yield_now().await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), serving).await.expect("the stop hangs").unwrap();
    }
}

#[tokio::test]
async fn a_client_makes_no_call_where_it_was_sent_away_and_has_its_reply_to_the_one_before() {
    let (near, far) = duplex(4096);
    let (server, mut strings) = Calc::server();
    let (serving, stop) = serve(far, server, options(8));
    let client = client(near);
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.call(&patient(), CalcRequest::Wait).await }
    });
    soon("the call", strings.waiting.recv()).await.unwrap();
    stop.cancel();
    let refused = async {
        loop {
            match client.call(&patient(), CalcRequest::Add { a: 1, b: 1 }).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        }
    };
    assert_eq!(soon("the refusal", refused).await.kind(), RpcErrorKind::Unavailable);
    assert!(!serving.is_finished(), "the connection was closed under a call");
    strings.go_on.send(true).unwrap();
    assert!(matches!(soon("the reply", slow).await.unwrap(), Ok(CalcResponse::Done)));
    soon("the server's end", serving).await.unwrap();
}
