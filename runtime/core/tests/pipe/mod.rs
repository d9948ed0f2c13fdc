//! A client's and a server's connection over a pipe in memory, and a peer by hand at either end.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::TryFutureExt;
use thriftwood_core::call::Handler;
use thriftwood_core::codec::{Message, MessageType, Writer};
use thriftwood_core::connection::{Connection, ConnectionOptions, serve_connection};
use thriftwood_core::frame::FrameBuilder;
use thriftwood_core::session::Deframer;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Client, Rpc, RpcError};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_util::sync::CancellationToken;

use crate::calc::CalcRequest;

pub(crate) const MAX_FRAME: usize = 1024 * 1024;

/// A connection as the channel of a client.
struct Channel(Connection);

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(self.0.call(outbound))
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn call_until(&self, outbound: Outbound, deadline: Instant) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(self.0.call_until(outbound, Some(deadline)).map_err(|failed| failed.error))
    }

    fn cancels(&self) -> bool {
        true
    }
}

pub(crate) fn client(stream: DuplexStream) -> Client<CalcRequest> {
    Client::new(Rpc::new(Arc::new(Channel(Connection::spawn(stream, MAX_FRAME)))))
}

pub(crate) fn serve(
    stream: DuplexStream,
    handler: impl Handler,
    options: ConnectionOptions,
) -> (tokio::task::JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    (tokio::spawn(serve_connection(stream, Arc::new(handler), options, stop.clone())), stop)
}

pub(crate) fn options(concurrency: usize) -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    options.concurrency = concurrency;
    options
}

pub(crate) fn frame(operation_id: u64, name: &str, kind: MessageType, body: &[u8]) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &operation_id.to_string());
    frame.message(Message::new(name, kind), |w| w.write_binary(body)).unwrap()
}

/// The next frame a peer by hand receives.
pub(crate) async fn receive(stream: &mut DuplexStream, deframer: &mut Deframer) -> Option<Bytes> {
    loop {
        if let Some(frame) = deframer.next_frame().unwrap() {
            return Some(frame);
        }
        let mut bytes = BytesMut::with_capacity(4096);
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
        deframer.push(&bytes);
    }
}
