//! A client that says whatever it likes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn connect(at: &str) -> Self {
        Self(TcpStream::connect(at).await.unwrap())
    }

    /// One that was let in.
    pub(crate) async fn greeted(at: &str) -> Self {
        let mut raw = Self::connect(at).await;
        raw.say(&hello(1, 1, b"")).await;
        let mut welcome = [0; 18];
        soon("a welcome", raw.0.read_exact(&mut welcome)).await.unwrap();
        assert_eq!(&welcome[..10], b"TWOODLOG\x01\x00");
        raw
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        // The other end may have gone, which is for the test to find out.
        let _ = self.0.write_all(bytes).await;
    }

    /// The next message: its number, its kind and its body. `None` when the server has ended the connection.
    pub(crate) async fn heard(&mut self) -> Option<(u32, u8, Vec<u8>)> {
        let mut length = [0; 4];
        soon("a message or the end", self.0.read_exact(&mut length)).await.ok()?;
        let mut message = vec![0; u32::from_le_bytes(length) as usize];
        soon("the rest of a message", self.0.read_exact(&mut message)).await.ok()?;
        let id = u32::from_le_bytes(message[..4].try_into().unwrap());
        Some((id, message[4], message[5..].to_vec()))
    }

    /// Everything up to the end, which must come.
    pub(crate) async fn up_to_the_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // Ended with bytes unread, it is reset.
        let _ = soon("the end", self.0.read_to_end(&mut rest)).await;
        rest
    }
}

pub(crate) fn hello(first: u16, last: u16, token: &[u8]) -> Vec<u8> {
    let mut hello = b"TWOODLOG".to_vec();
    hello.extend(first.to_le_bytes());
    hello.extend(last.to_le_bytes());
    hello.extend((token.len() as u32).to_le_bytes());
    hello.extend(token);
    hello
}

pub(crate) fn message(id: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = (body.len() as u32 + 5).to_le_bytes().to_vec();
    message.extend(id.to_le_bytes());
    message.push(kind);
    message.extend(body);
    message
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A request for batches of a stream from its beginning.
pub(crate) fn fetch(id: u32, stream: &str, offset: u64, most: u32, wait: Duration) -> Vec<u8> {
    let mut body = text(stream);
    body.extend(offset.to_le_bytes());
    body.extend([0; 16]);
    body.extend(most.to_le_bytes());
    body.extend((wait.as_millis() as u32).to_le_bytes());
    message(id, 3, &body)
}
