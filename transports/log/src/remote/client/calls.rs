//! Calls out: the server stores them and sends their replies.

use std::sync::Arc;

use bytes::Bytes;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Error, ErrorKind, RpcError, RpcErrorKind};

use super::line::Failed;
use super::link::Link;
use crate::MAX_FRAME;
use crate::remote::wire::{FaultKind, Reply, Request};

/// The way to one address.
pub(super) struct Channel {
    link: Arc<Link>,
    address: String,
}

impl Channel {
    pub(super) fn new(link: Arc<Link>, address: &str) -> Self {
        Self { link, address: address.to_owned() }
    }

    async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let Outbound { frame, oneway, .. } = outbound;
        let (size, limit) = (frame.len(), MAX_FRAME);
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit}");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        let request = Request::Call { address: self.address.clone(), oneway, frame };
        loop {
            let line = self.link.patient().await.map_err(unavailable)?;
            return match line.ask(&request).await {
                Ok(Reply::Replied(reply)) => Ok(reply),
                Ok(_) => Err(RpcError::new(RpcErrorKind::Protocol, "the log server gave an answer to something else")),
                // The server ended it as this end was about to ask. Nothing was sent.
                Err(Failed::Lost { sent: false, .. }) => continue,
                Err(Failed::Lost { cause, .. }) => {
                    let text = format!("the connection to {} was lost before the reply came: {cause}", self.link.url());
                    Err(RpcError::new(RpcErrorKind::Disconnected, text))
                }
                Err(Failed::Fault(fault)) => {
                    let kind = match fault.kind {
                        FaultKind::TooLarge => RpcErrorKind::RequestTooLarge,
                        FaultKind::Name => RpcErrorKind::InvalidRequest,
                        FaultKind::Closed => RpcErrorKind::Disconnected,
                        FaultKind::Overloaded => RpcErrorKind::Overloaded,
                        _ => RpcErrorKind::Unavailable,
                    };
                    Err(RpcError::new(kind, fault.text))
                }
            };
        }
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            tokio::select! {
                reply = self.call(outbound) => reply,
                () = self.link.lifecycle.closed() => Err(unavailable(Error::new(ErrorKind::Closed, "the bus is closed"))),
            }
        })
    }
}

fn unavailable(error: Error) -> RpcError {
    RpcError::new(RpcErrorKind::Unavailable, error.message()).with_source(error)
}
