//! Bytes that are not what they should be, on every transport: nothing dies, and the next call works.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::join_all;
use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::{Message, MessageType, Wire};
use thriftwood::frame::{Frame, FrameBuilder};
use thriftwood::transport::Outbound;
use thriftwood::{BoxFuture, Bus, RpcErrorKind};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Item, ProbeClient};

/// Sends raw bytes as a call and waits a moment for whatever comes of it.
async fn send(bus: &Bus, frame: impl Into<Bytes>) {
    let outbound = Outbound { operation_id: u64::MAX, frame: frame.into(), oneway: false };
    let _ = tokio::time::timeout(Duration::from_millis(50), bus.rpc("probe").call_frame(outbound)).await;
}

fn request() -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "9000000000000000000");
    frame.header("_cid", "abc");
    frame.message(Message::new("echo", MessageType::Call), |w| Item::new("x").encode(w)).unwrap()
}

async fn assert_still_there(probe: &ProbeClient) {
    let reply = soon("the next call", probe.echo(&patient(), Item::new("still there"))).await;
    assert_eq!(reply.unwrap().name, "still there");
}

/// Nothing, less than a frame, noise, another protocol, lying sizes.
pub async fn garbage_from_a_client_harms_nobody(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let lying_headers: &[u8] = &[0, 0, 0, 9, 0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    let lying_list = {
        let mut frame = FrameBuilder::new();
        frame.header("_opid", "1");
        frame
            .message(Message::new("echo", MessageType::Call), |w| {
                use thriftwood::codec::{TType, Writer};
                w.struct_begin();
                w.field_begin(1, TType::Struct);
                w.field_begin(3, TType::List);
                w.list_begin(TType::String, i32::MAX as usize);
            })
            .unwrap()
    };
    let garbage = [
        Bytes::new(),
        Bytes::from_static(&[0]),
        Bytes::from_static(&[0xff; 64]),
        Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"),
        Bytes::from_static(lying_headers),
        lying_list,
    ];
    for frame in garbage {
        send(&fixture.client, frame).await;
        assert_still_there(&probe).await;
    }
}

/// A request cut at every byte, its size in front left as it was or put right.
pub async fn a_truncated_frame_harms_nobody(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let whole = request();
    let cut = (0..whole.len()).flat_map(|end| [whole.slice(..end), resized(&whole[..end])]);
    join_all(cut.map(|frame| send(&fixture.client, frame))).await;
    assert_still_there(&probe).await;
}

/// Answers every call with bytes made from it.
struct Liar<F>(F);

impl<F: Fn(Frame) -> Option<Bytes> + Send + Sync + 'static> Handler for Liar<F> {
    fn service(&self) -> &'static str {
        "Liar"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let reply = Frame::decode(inbound.frame).ok().and_then(|request| self.0(request));
        Box::pin(async move { reply })
    }
}

/// A reply to this request, whole and true.
fn reply_to(request: &Frame) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", request.headers().get("_opid").unwrap_or_default());
    frame
        .message(Message::new("afterMillis", MessageType::Reply), |w| {
            use thriftwood::codec::{TType, Writer};
            w.struct_begin();
            w.field_begin(0, TType::I64);
            5_i64.encode(w);
            w.struct_end();
        })
        .unwrap()
}

/// The right call, the wrong answer.
pub async fn garbage_from_a_server_is_a_typed_error(fixture: &Fixture) {
    let wrong_name = |request: Frame| {
        let mut frame = FrameBuilder::new();
        frame.header("_opid", request.headers().get("_opid")?);
        frame.message(Message::new("other", MessageType::Reply), |w| 1_i32.encode(w)).ok()
    };
    fixture.server.serve("liar", Liar(wrong_name)).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("liar"));
    let error = probe.after_millis(&patient(), 0, 1).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Protocol, "{error}");
    assert!(error.message().contains("other"), "{error}");
}

/// Wherever a reply ends, the caller has a typed error or its own time-out, and the next call its reply.
pub async fn a_reply_cut_at_any_byte_is_a_typed_error(fixture: &Fixture) {
    let cut = |request: Frame| {
        let whole = reply_to(&request);
        let end: usize = request.headers().get("cut-at")?.parse().ok()?;
        Some(resized(&whole[..end.min(whole.len())]))
    };
    fixture.server.serve("liar", Liar(cut)).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("liar"));
    let whole = probe.after_millis(&patient().with_header("cut-at", "1000"), 0, 1).await.unwrap();
    assert_eq!(whole, 5);
    let calls = (0..70).map(|end| {
        let probe = probe.clone();
        async move {
            let ctx = patient().with_timeout(Duration::from_millis(500)).with_header("cut-at", &end.to_string());
            (end, probe.after_millis(&ctx, 0, 1).await)
        }
    });
    for (end, result) in join_all(calls).await {
        match result {
            Ok(value) => assert_eq!(value, 5, "cut at {end}"),
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    RpcErrorKind::Protocol
                        | RpcErrorKind::Timeout
                        | RpcErrorKind::Disconnected
                        | RpcErrorKind::Unavailable
                ),
                "cut at {end}: {error}"
            ),
        }
    }
    let whole = probe.after_millis(&patient().with_header("cut-at", "1000"), 0, 1).await.unwrap();
    assert_eq!(whole, 5);
}

/// The limit is the transport's; nothing of the call leaves.
pub async fn an_oversized_call_is_refused_before_it_is_sent(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let item = Item::new("large").with_blob(Bytes::from(vec![0; 17 * 1024 * 1024]));
    let error = probe.echo(&patient(), item).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::RequestTooLarge, "{error}");
    assert_still_there(&probe).await;
}

/// The caller is told, rather than left waiting.
pub async fn an_oversized_result_is_a_typed_error(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let error = probe.blob(&patient(), 17 * 1024 * 1024).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::ResponseTooLarge, "{error}");
    assert_still_there(&probe).await;
}

/// The same bytes with a size in front that fits them.
fn resized(frame: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(frame);
    if let Some(size) = bytes.len().checked_sub(4) {
        bytes[..4].copy_from_slice(&(size as u32).to_be_bytes());
    } else {
        bytes.put_bytes(0, 0);
    }
    bytes.freeze()
}
