//! Clients of plain Thrift, which tell replies apart by their order alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{AnyWriter, Message, MessageType, Protocol, Wire};
use thriftwood_core::frame::{Frame, FrameBuilder, OPERATION_ID};
use thriftwood_tcp::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{port_of, read_frame, soon};

/// Gives a message back after a while, and remembers how many it had at once.
#[derive(Clone, Default)]
struct Slow {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Handler for Slow {
    fn service(&self) -> &'static str {
        "Slow"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let this = self.clone();
        Box::pin(async move {
            this.most.fetch_max(this.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Time for others to begin, where they may.
            tokio::time::sleep(Duration::from_millis(10)).await;
            this.now.fetch_sub(1, Ordering::SeqCst);
            let frame = Frame::decode(inbound.frame).ok()?;
            let mut reply = FrameBuilder::new();
            reply.header(OPERATION_ID, frame.headers().get(OPERATION_ID)?);
            reply.around(frame.message()).ok()
        })
    }
}

#[tokio::test]
async fn calls_of_plain_thrift_are_handled_one_after_another_and_answered_in_their_order() {
    let (handler, bus) = (Slow::default(), thriftwood_tcp::connect("tcp://127.0.0.1:0", Config::default()).unwrap());
    let serving = bus.serve("slow", handler.clone()).await.unwrap();
    let plain = |sequence: i32| {
        let mut out = vec![0; 4];
        let mut writer = AnyWriter::new(Protocol::Binary, &mut out);
        writer.message(Message::new("echo", MessageType::Call).with_sequence(sequence));
        sequence.encode(&mut writer);
        let size = out.len() as u32 - 4;
        out[..4].copy_from_slice(&size.to_be_bytes());
        out
    };
    let mut socket = TcpStream::connect(("127.0.0.1", port_of(&serving))).await.unwrap();
    socket.write_all(&[plain(1), plain(2), plain(3)].concat()).await.unwrap();
    for sequence in 1..=3 {
        assert_eq!(soon("the reply", read_frame(&mut socket)).await, plain(sequence));
    }
    assert_eq!(handler.most.load(Ordering::SeqCst), 1, "at once");
    bus.close().await.unwrap();
}
