//! Several services behind one listener.

use bytes::Bytes;
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::frame::{ADDRESS, CORRELATION_ID, Frame, FrameBuilder, OPERATION_ID};
use thriftwood_tcp::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Echo, echo, read_frame, request, soon};

fn to(address: &str, id: u64, kind: MessageType) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header(OPERATION_ID, &id.to_string());
    frame.header(CORRELATION_ID, "the-callers");
    frame.header(ADDRESS, address);
    frame.message(Message::new("echo", kind), |w| 42_i32.encode(w)).unwrap()
}

#[tokio::test]
async fn the_calls_of_a_service_that_was_stopped_do_not_go_to_the_one_that_is_left() {
    let (bus, serving, port) = echo(Config::default()).await;
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // As long as there was ever one, it gets everything.
    socket.write_all(&to("whatever", 1, MessageType::Call)).await.unwrap();
    assert_eq!(soon("the reply", read_frame(&mut socket)).await, request(1));

    let other = bus.serve("other", Echo).await.unwrap();
    other.stop().await;
    socket.write_all(&to("echo", 2, MessageType::Call)).await.unwrap();
    assert_eq!(soon("the reply", read_frame(&mut socket)).await, request(2));
    // Nobody waits for an answer to the first.
    socket.write_all(&to("other", 3, MessageType::Oneway)).await.unwrap();
    socket.write_all(&to("other", 4, MessageType::Call)).await.unwrap();
    let refused = Frame::decode(soon("the refusal", read_frame(&mut socket)).await).unwrap();
    assert_eq!((refused.operation_id(), refused.headers().get(CORRELATION_ID)), (Some(4), Some("the-callers")));
    assert_eq!(refused.envelope().unwrap().kind, MessageType::Exception);
    let text = String::from_utf8_lossy(refused.message()).into_owned();
    assert!(text.contains("nobody serves `other` here, only echo"), "{text:?}");
    serving.stop().await;
    bus.close().await.unwrap();
}
