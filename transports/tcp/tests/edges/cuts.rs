//! Connections cut at every byte of a request and of a reply.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use thriftwood_core::{Bus, RpcErrorKind};
use thriftwood_tcp::Config;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::support::{Echo, bus_to, call, echo, read_frame, request, soon};

#[tokio::test]
async fn a_request_cut_at_any_byte_is_dropped_and_the_server_lives_on() {
    let (server, _serving, port) = echo(Config::default()).await;
    cut_requests(async || TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await;
    call(&bus_to(port), 8).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn the_same_is_so_of_requests_over_a_unix_socket() {
    let (_folder, path, url) = unix();
    let server = thriftwood_tcp::connect(&url, Config::default()).unwrap();
    let _serving = server.serve("echo", Echo).await.unwrap();
    cut_requests(async || UnixStream::connect(&path).await.unwrap()).await;
    call(&server, 8).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_reply_cut_at_any_byte_is_disconnected_and_the_next_call_works() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    cut_replies(&bus, async || listener.accept().await.unwrap().0).await;
}

#[tokio::test]
async fn the_same_is_so_of_replies_over_a_unix_socket() {
    let (_folder, path, url) = unix();
    let listener = UnixListener::bind(path).unwrap();
    let bus = thriftwood_tcp::connect(&url, Config::default()).unwrap();
    cut_replies(&bus, async || listener.accept().await.unwrap().0).await;
}

/// A folder, the path of a socket in it, and its URL.
fn unix() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo");
    let url = format!("unix:{}", path.display());
    (folder, path, url)
}

async fn cut_requests<S: AsyncRead + AsyncWrite + Unpin>(dial: impl AsyncFn() -> S) {
    let whole = request(7);
    for end in 0..whole.len() {
        let mut socket = dial().await;
        socket.write_all(&whole[..end]).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answered = Vec::new();
        soon("the server's end", socket.read_to_end(&mut answered)).await.unwrap();
        assert!(answered.is_empty(), "cut at {end}, answered with {answered:?}");
    }
    // One that closes its sending half only after the last byte still has its reply.
    let mut socket = dial().await;
    socket.write_all(&whole).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(soon("the reply", read_frame(&mut socket)).await, whole);
}

async fn cut_replies<S: AsyncRead + AsyncWrite + Unpin>(bus: &Bus, accept: impl AsyncFn() -> S) {
    let size = request(1).len();
    for end in 0..=size {
        let serve_one = async {
            let mut socket = accept().await;
            let frame = read_frame(&mut socket).await;
            socket.write_all(&frame[..end]).await.unwrap();
            // Until the client has closed too, so that the next call finds no connection that is about to end.
            socket.shutdown().await.unwrap();
            soon("the client's end", socket.read_to_end(&mut Vec::new())).await.unwrap();
        };
        let (reply, ()) = tokio::join!(call(bus, 1), serve_one);
        if end == size {
            assert_eq!(reply.unwrap(), Some(request(1)));
        } else {
            let error = reply.unwrap_err();
            assert_eq!(error.kind(), RpcErrorKind::Disconnected, "cut at {end}");
            assert!(error.message().contains("the other end closed it"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_no_frame_or_too_large_a_one_is_told_from_a_lost_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = bus_to(listener.local_addr().unwrap().port());
    for garbage in [[0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 4]] {
        let serve_one = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_frame(&mut socket).await;
            socket.write_all(&garbage).await.unwrap();
            soon("the client's end", socket.read_to_end(&mut Vec::new())).await.unwrap();
        };
        let (reply, ()) = tokio::join!(call(&bus, 1), serve_one);
        let error = reply.unwrap_err();
        assert!(error.message().contains("no frame of up to 16384000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_their_own_connection_and_no_other() {
    let mut config = Config::default();
    config.stall = Duration::from_millis(100);
    let (server, _serving, port) = echo(config).await;
    let bus = bus_to(port);
    call(&bus, 1).await.unwrap();
    let hostile: [&[u8]; 5] =
        [b"SSH-2.0-OpenSSH_9.2\r\n", &[0xff; 64], &[0, 0, 0, 0], &[0x7f, 0xff, 0xff, 0xff], &[0, 0, 0, 4, 0, 0, 0, 0]];
    for bytes in hostile {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answered = Vec::new();
        // A reset is an end too: the server closed before it had read everything.
        let _ = soon("the server's end", socket.read_to_end(&mut answered)).await;
        assert!(answered.is_empty(), "{bytes:?}, answered with {answered:?}");
    }
    assert_eq!(call(&bus, 2).await.unwrap(), Some(request(2)));
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_answered() {
    let (server, _serving, port) = echo(Config::default()).await;
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let whole: Bytes = request(9);
    for byte in &whole {
        socket.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(soon("the reply", read_frame(&mut socket)).await, whole);
    server.close().await.unwrap();
}
