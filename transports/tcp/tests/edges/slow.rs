//! Peers that take their time: with the rest of a frame, or with the replies they do not read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::frame::{Frame, FrameBuilder, OPERATION_ID};
use thriftwood_tcp::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{bus_to, call, echo, read_frame, request, soon};

fn hasty() -> Config {
    let mut config = Config::default();
    config.stall = Duration::from_millis(150);
    config
}

#[tokio::test]
async fn a_frame_that_stops_in_the_middle_ends_its_connection_wherever_it_stops() {
    let (server, _serving, port) = echo(hasty()).await;
    let whole = request(1);
    let cut = |end: usize| {
        let whole = whole.clone();
        async move {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            socket.write_all(&whole[..end]).await.unwrap();
            let mut answered = Vec::new();
            soon("the server's end", socket.read_to_end(&mut answered)).await.unwrap();
            assert!(answered.is_empty(), "cut at {end}, answered with {answered:?}");
        }
    };
    let cuts: Vec<_> = (1..whole.len()).map(|end| tokio::spawn(cut(end))).collect();
    for cut in cuts {
        cut.await.unwrap();
    }
    call(&bus_to(port), 2).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_byte_now_and_then_keeps_no_connection() {
    let (server, _serving, port) = echo(hasty()).await;
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.set_nodelay(true).unwrap();
    // A first call shows that it is the frame that may not be slow, and not the connection.
    socket.write_all(&request(1)).await.unwrap();
    read_frame(&mut socket).await;
    tokio::time::sleep(hasty().stall * 2).await;
    socket.write_all(&request(2)).await.unwrap();
    read_frame(&mut socket).await;

    let began = Instant::now();
    let drip = async {
        for byte in request(3).iter().cycle() {
            // The pipe breaks when the server has had enough.
            if socket.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the server's end", drip).await;
    assert!(began.elapsed() >= hasty().stall, "{:?}", began.elapsed());
    server.close().await.unwrap();
}

#[tokio::test]
async fn silence_between_frames_costs_no_connection() {
    let (server, _serving, port) = echo(hasty()).await;
    let mut early = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut used = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    used.write_all(&request(1)).await.unwrap();
    read_frame(&mut used).await;
    // Longer than any time that a server gives a peer: the half second for a first call is counted from a stop alone.
    tokio::time::sleep(hasty().stall * 4).await;
    for socket in [&mut early, &mut used] {
        socket.write_all(&request(2)).await.unwrap();
        assert_eq!(soon("the reply", read_frame(socket)).await, request(2));
    }
    server.close().await.unwrap();
}

/// Answers every call with a mebibyte.
struct Generous;

impl Handler for Generous {
    fn service(&self) -> &'static str {
        "Generous"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(async move {
            let request = Frame::decode(inbound.frame).ok()?;
            let mut frame = FrameBuilder::new();
            frame.header(OPERATION_ID, request.headers().get(OPERATION_ID)?);
            let blob = Bytes::from(vec![0; 1024 * 1024]);
            frame.message(Message::new("echo", MessageType::Reply), |w| blob.encode(w)).ok()
        })
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up_and_holds_up_nobody() {
    let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", hasty()).unwrap();
    let serving = bus.serve("generous", Generous).await.unwrap();
    let port = crate::support::port_of(&serving);
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // Far more than all buffers between here and there hold.
    for id in 1..=64 {
        socket.write_all(&request(id)).await.unwrap();
    }
    call(&bus_to(port), 100).await.unwrap();
    let given_up = async {
        // Without reading: what is written to a connection that was given up comes back as an error, sooner or later.
        while socket.write_all(&request(65)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the server's end", given_up).await;
    // Nothing of it is left that a stop would wait for.
    soon("the stop", serving.stop()).await;
    bus.close().await.unwrap();
}
