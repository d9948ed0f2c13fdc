//! Frames, a handler that gives them back, and ends that are nothing but sockets.

use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::frame::{Frame, FrameBuilder, OPERATION_ID};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus, RpcError, Serving};
use thriftwood_tcp::Config;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers a request with its own message.
pub(crate) struct Echo;

impl Handler for Echo {
    fn service(&self) -> &'static str {
        "Echo"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(async move {
            let frame = Frame::decode(inbound.frame).ok()?;
            Some(request(frame.operation_id()?))
        })
    }
}

/// A frame with this operation id. A reply looks the same to a connection.
pub(crate) fn request(id: u64) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header(OPERATION_ID, &id.to_string());
    frame.message(Message::new("echo", MessageType::Call), |w| 42_i32.encode(w)).unwrap()
}

/// Calls with this operation id and gives what came back.
pub(crate) async fn call(bus: &Bus, id: u64) -> Result<Option<Bytes>, RpcError> {
    let outbound = Outbound { operation_id: id, frame: request(id), oneway: false };
    soon("the call's end", bus.rpc("echo").call_frame(outbound)).await
}

/// A bus that serves an echo at a free port, and the port.
pub(crate) async fn echo(config: Config) -> (Bus, Serving, u16) {
    let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", config).unwrap();
    let serving = bus.serve("echo", Echo).await.unwrap();
    let port = port_of(&serving);
    (bus, serving, port)
}

pub(crate) fn port_of(serving: &Serving) -> u16 {
    serving.local_addr().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
}

pub(crate) fn bus_to(port: u16) -> Bus {
    thriftwood_tcp::connect(&format!("tcp://127.0.0.1:{port}"), Config::default()).unwrap()
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Reads one frame off a socket.
pub(crate) async fn read_frame(socket: &mut (impl AsyncRead + Unpin)) -> Bytes {
    let size = socket.read_u32().await.unwrap();
    let mut frame = size.to_be_bytes().to_vec();
    frame.resize(size as usize + 4, 0);
    socket.read_exact(&mut frame[4..]).await.unwrap();
    frame.into()
}

/// Answers one request on a socket.
pub(crate) async fn answer(socket: &mut TcpStream) {
    let frame = read_frame(socket).await;
    socket.write_all(&frame).await.unwrap();
}

/// Waits for what must come, and fails when it hangs.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within 20 s"),
    }
}
