//! A long way between a client and a server: what is said arrives later, in order, and is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) struct Far {
    pub(crate) at: String,
    /// Ends every connection without a word.
    pub(crate) severed: CancellationToken,
    requests: Arc<Mutex<HashMap<u8, usize>>>,
}

impl Far {
    /// So far from this server, there and back.
    pub(crate) async fn from(server: String, trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (requests, severed) = (Arc::new(Mutex::new(HashMap::new())), CancellationToken::new());
        let (counted, sever) = (Arc::clone(&requests), severed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (counted, sever) = (Arc::clone(&counted), sever.clone());
                tokio::spawn(async move {
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let mut heard = Vec::new();
                    let hear = move |bytes: &[u8]| count(&mut heard, bytes, &counted);
                    tokio::select! {
                        () = carry(from_client, to_server, trip / 2, hear) => {}
                        () = carry(from_server, to_client, trip / 2, |_| ()) => {}
                        () = sever.cancelled() => {}
                    }
                });
            }
        });
        Self { at, severed, requests }
    }

    /// How many requests of this kind passed.
    pub(crate) fn requests(&self, kind: u8) -> usize {
        self.requests.lock().unwrap().get(&kind).copied().unwrap_or_default()
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trip: Duration, mut hear: impl FnMut(&[u8])) {
    let (out, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            hear(&bytes[..read]);
            out.send((Instant::now() + trip, bytes[..read].to_vec())).unwrap();
        }
    };
    let writing = async move {
        while let Some((at, bytes)) = under_way.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}

/// Counts the messages behind the hello.
fn count(heard: &mut Vec<u8>, bytes: &[u8], counted: &Mutex<HashMap<u8, usize>>) {
    heard.extend_from_slice(bytes);
    loop {
        let (length, kind) = match heard.get(..16) {
            Some(hello) if hello.starts_with(b"TWOODLOG") => {
                (16 + u32::from_le_bytes(hello[12..].try_into().unwrap()) as usize, None)
            }
            Some(message) => (4 + u32::from_le_bytes(message[..4].try_into().unwrap()) as usize, Some(message[8])),
            None => return,
        };
        if heard.len() < length {
            return;
        }
        heard.drain(..length);
        if let Some(kind) = kind {
            *counted.lock().unwrap().entry(kind).or_default() += 1;
        }
    }
}
