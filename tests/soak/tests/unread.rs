//! Clients that ask and never read: what they do not take is held nowhere in the server.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::Path;

use thriftwood::log::store::{Batch, Durability, Entry, Log, LogOptions};
use thriftwood_soak::{Server, resident};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes that are stored, and asked for again and again.
const STORED: usize = 16 * 1024 * 1024;
const CLIENTS: usize = 8;
/// What the server may grow by, in KiB: buffers of some hundred KiB a client, and what the allocator keeps.
const BOUND: u64 = 32 * 1024;

async fn greeted(at: &str) -> TcpStream {
    let mut client = TcpStream::connect(at).await.expect("it listens");
    client.write_all(b"TWOODLOG\x01\x00\x01\x00\x00\x00\x00\x00").await.expect("it reads");
    let mut welcome = [0; 18];
    client.read_exact(&mut welcome).await.expect("it lets everybody in");
    assert_eq!(&welcome[..10], b"TWOODLOG\x01\x00");
    client
}

fn message(id: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 5).to_le_bytes()[..], &id.to_le_bytes(), &[kind], body].concat()
}

/// As many as the server takes: until it has not read for a while, or has everything.
async fn flood(client: &mut TcpStream, messages: &[u8], times: usize) -> usize {
    let mut sent = 0;
    for _ in 0..times {
        let writing = tokio::time::timeout(std::time::Duration::from_secs(2), client.write_all(messages));
        match writing.await {
            Ok(Ok(())) => sent += messages.len(),
            _ => break,
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clients_never_read_keeps_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::open(folder.path().join("streams/large"), LogOptions::default()).expect("a log");
    for _ in 0..STORED / 1_000_000 {
        let batch = Batch::of(&[Entry::of(&[7; 1_000_000])]).expect("a batch");
        log.append(batch, Durability::Buffered).await.expect("stored");
    }
    log.close().await.expect("closed");
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_thriftwood-soak")), folder.path());
    let size = || resident(&server.id().to_string()).expect("it is alive");
    let mut first = greeted(server.at()).await;
    let mut fetch = 5_u32.to_le_bytes().to_vec();
    fetch.extend(b"large");
    fetch.extend([0; 24]);
    fetch.extend((8_u32 << 20).to_le_bytes());
    fetch.extend(0_u32.to_le_bytes());
    // One that reads, so that the log is open and whatever is made once is made.
    first.write_all(&message(1, 3, &fetch)).await.expect("it reads");
    let mut length = [0; 4];
    first.read_exact(&mut length).await.expect("it answers");
    let mut batches = vec![0; u32::from_le_bytes(length) as usize];
    first.read_exact(&mut batches).await.expect("it answers");
    assert!(batches.len() > 7_000_000, "{} bytes", batches.len());

    let before = size();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = greeted(server.at()).await;
        // Each asks for 8 MiB, 1,000 times.
        let all: Vec<u8> = (1..1_000).flat_map(|id| message(id, 3, &fetch)).collect();
        flood(&mut client, &all, 1).await;
        clients.push(client);
    }
    let after = size();
    assert!(after < before + BOUND, "from {before} to {after} KiB with {CLIENTS} times 8 GB asked for");

    // Each request to give back a record that nobody has is done at once, and has an answer.
    let mut client = greeted(server.at()).await;
    let nack = [&7_u64.to_le_bytes()[..], &u64::MAX.to_le_bytes(), &0_u32.to_le_bytes()].concat();
    let many: Vec<u8> = (1..2_000).flat_map(|id| message(id, 9, &nack)).collect();
    let sent = flood(&mut client, &many, 4_000).await;
    let after = size();
    assert!(after < before + BOUND, "from {before} to {after} KiB after {sent} bytes of requests");
    // The server still does what others ask.
    first.write_all(&message(2, 12, &[])).await.expect("it reads");
    let mut answer = [0; 9];
    first.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(answer[8], 139);
}
