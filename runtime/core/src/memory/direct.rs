//! Calls straight into a handler: no bus, no connection, no task. For tests of whoever calls a service.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::call::{Handler, Inbound};
use crate::frame::DEFAULT_MAX_FRAME;
use crate::transport::{Outbound, RpcChannel};
use crate::{BoxFuture, Rpc, RpcError, RpcErrorKind};

/// The way to this very handler. Frames, headers, time limits and errors are as on any transport; a generated client's
/// `in_memory` is made from it.
pub fn rpc(handler: impl Handler) -> Rpc {
    Rpc::new(Arc::new(Direct(handler)))
}

struct Direct<H>(H);

impl<H: Handler> RpcChannel for Direct<H> {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            let max_response = DEFAULT_MAX_FRAME + 4;
            let inbound = Inbound { frame: outbound.frame, received: Instant::now(), max_response, failure: None };
            match self.0.handle(inbound).await {
                None if !outbound.oneway => {
                    Err(RpcError::new(RpcErrorKind::Disconnected, "the service ended the call without a reply"))
                }
                reply => Ok(reply),
            }
        })
    }
}
