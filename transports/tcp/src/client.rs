//! Calls out: frames onto the one connection of the bus.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use thriftwood_core::connection::Failed;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, RpcError, RpcErrorKind};
use tokio::time::timeout_at;

use crate::dial::Peer;

/// The bytes of a frame with nothing in it: its size, its version and the size of its headers.
const SMALLEST: usize = 9;

/// The way to one service at the other end.
pub(crate) struct Channel {
    peer: Arc<Peer>,
    address: String,
}

impl Channel {
    pub(crate) fn new(peer: Arc<Peer>, address: &str) -> Self {
        Self { peer, address: address.to_owned() }
    }

    async fn call(&self, outbound: Outbound, deadline: Option<Instant>) -> Result<Option<Bytes>, RpcError> {
        let limit = self.peer.config().max_frame.saturating_add(4);
        let size = outbound.frame.len();
        if size > limit {
            let text = format!("a call of {size} bytes is over this bus's limit of {limit}");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        // A stream has no other mark of where a frame ends: one that lies would take every later call with it.
        if size < SMALLEST || outbound.frame[..4] != ((size - 4) as u32).to_be_bytes() {
            let text = format!("{size} bytes that do not begin with their own size are no frame");
            return Err(RpcError::new(RpcErrorKind::InvalidRequest, text));
        }
        let outbound = match self.peer.open() {
            None => outbound,
            Some(line) => match line.connection.call_until(outbound, deadline).await {
                // The other end closed it, as a server does that stops, and this end learned of it only now.
                Err(Failed { error, unsent: Some(outbound) }) if error.is_unavailable() => outbound,
                outcome => return outcome.map_err(|failed| self.peer.told(&line, failed)),
            },
        };
        // Apart, so that a call on a connection that is there does not take the room of one that is not.
        Box::pin(self.dial_and_call(outbound, deadline)).await
    }

    async fn dial_and_call(&self, outbound: Outbound, deadline: Option<Instant>) -> Result<Option<Bytes>, RpcError> {
        let late = |_| RpcError::new(RpcErrorKind::Timeout, "no connection came about in time");
        let line = match deadline {
            Some(deadline) => timeout_at(deadline.into(), self.peer.line()).await.map_err(late)?,
            None => self.peer.line().await,
        };
        let line = line?;
        line.connection.call_until(outbound, deadline).await.map_err(|failed| self.peer.told(&line, failed))
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(self.call(outbound, None))
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn call_until(&self, outbound: Outbound, deadline: Instant) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(self.call(outbound, Some(deadline)))
    }

    fn address(&self) -> Option<&str> {
        Some(&self.address)
    }

    fn cancels(&self) -> bool {
        true
    }
}
