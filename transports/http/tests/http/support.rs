//! A handler that does as it is told and tells what it did, and bytes to send it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::codec::{Message, MessageType, Wire};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus};
use thriftwood_http::{Config, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

/// Fails rather than waits for ever.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// What a handler did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Begin(u64),
    End(u64),
    /// Its future was dropped before it was done.
    Stop(u64),
}

/// Answers `echo` with what it was sent, `wait` when it may, `large` with a header's number of bytes, and nothing else.
#[derive(Clone)]
pub(crate) struct Desk {
    did: mpsc::UnboundedSender<Did>,
    pub(crate) may: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Did>) {
        let (did, out) = mpsc::unbounded_channel();
        (Self { did, may: Arc::new(Semaphore::new(0)) }, out)
    }
}

impl Handler for Desk {
    fn service(&self) -> &'static str {
        "Desk"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (did, may) = (self.did.clone(), Arc::clone(&self.may));
        Box::pin(async move {
            let frame = Frame::decode(inbound.frame).ok()?;
            let id = frame.operation_id()?;
            let mut reader = BinaryReader::new(frame.message());
            let name = reader.message().ok()?.name.to_owned();
            let payload = match &*name {
                "echo" => Bytes::decode(&mut reader).ok()?,
                "large" => vec![7; frame.headers().get("size")?.parse().ok()?].into(),
                "wait" => {
                    let _ = did.send(Did::Begin(id));
                    let mut leave = Leave { id, did: &did, how: Did::Stop(id) };
                    may.acquire().await.ok()?.forget();
                    leave.how = Did::End(id);
                    Bytes::new()
                }
                _ => return None,
            };
            let mut reply = FrameBuilder::new();
            reply.header("_opid", &id.to_string());
            reply.message(Message::new(&name, MessageType::Reply), |w| payload.encode(w)).ok()
        })
    }
}

struct Leave<'a> {
    id: u64,
    did: &'a mpsc::UnboundedSender<Did>,
    how: Did,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let _ = (self.id, self.did.send(self.how));
    }
}

/// A frame that calls this method with these bytes.
pub(crate) fn frame(id: u64, name: &str, kind: MessageType, headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &id.to_string());
    for (name, value) in headers {
        frame.header(name, value);
    }
    frame.message(Message::new(name, kind), |w| Bytes::copy_from_slice(payload).encode(w)).unwrap()
}

pub(crate) fn echo(id: u64, payload: &[u8]) -> Outbound {
    Outbound { operation_id: id, frame: frame(id, "echo", MessageType::Call, &[], payload), oneway: false }
}

pub(crate) fn wait(id: u64) -> Outbound {
    Outbound { operation_id: id, frame: frame(id, "wait", MessageType::Call, &[], b""), oneway: false }
}

/// The bytes a reply of the desk brings.
pub(crate) fn payload(reply: Bytes) -> Bytes {
    let frame = Frame::decode(reply).unwrap();
    let mut reader = BinaryReader::new(frame.message());
    reader.message().unwrap();
    Bytes::decode(&mut reader).unwrap()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Bytes {
    STANDARD.decode(text).unwrap().into()
}

/// A desk served at `desk` on a port of its own; the bus is both ends.
pub(crate) async fn served(config: Config) -> (Bus, String, Desk, mpsc::UnboundedReceiver<Did>) {
    let (desk, did) = Desk::new();
    let bus = connect("http://127.0.0.1:0", config).unwrap();
    let serving = bus.serve("desk", desk.clone()).await.unwrap();
    let host = serving.local_addr().unwrap().to_owned();
    (bus, host, desk, did)
}

/// An HTTP answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// Sends these bytes and reads until the server closes.
pub(crate) async fn raw(host: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_answer(&mut stream).await
}

pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut all = Vec::new();
    soon("the end of the answer", stream.read_to_end(&mut all)).await.unwrap();
    let all = String::from_utf8(all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {all:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A request in Frugal's form.
pub(crate) fn post(path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-frugal\r\n\
         content-transfer-encoding: base64\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        request += &format!("{header}\r\n");
    }
    (request + "\r\n" + body).into_bytes()
}
