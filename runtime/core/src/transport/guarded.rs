//! What a bus puts around a handler it serves, on every transport: a limit to the calls at once, and a way to end them all.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::call::{Gate, Handler, Inbound, Method, refuse};
use crate::{BoxFuture, RpcError, RpcErrorKind};

pub(super) struct Guarded {
    handler: Arc<dyn Handler>,
    max_calls: usize,
    gate: Arc<Gate>,
}

impl Guarded {
    pub(super) fn new(handler: Arc<dyn Handler>, max_calls: Option<usize>, kill: CancellationToken) -> Self {
        Self { handler, max_calls: max_calls.unwrap_or(usize::MAX), gate: Gate::new(kill) }
    }
}

impl Handler for Guarded {
    fn service(&self) -> &'static str {
        self.handler.service()
    }

    fn methods(&self) -> &'static [&'static Method] {
        self.handler.methods()
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let Some(held) = self.gate.enter(self.max_calls) else {
            let text = format!("{} has {} calls under way, as many as it takes", self.service(), self.max_calls);
            let answer = refuse(&inbound, &RpcError::new(RpcErrorKind::Overloaded, text));
            return Box::pin(std::future::ready(answer));
        };
        let failure = inbound.failure.clone();
        let call = self.handler.handle_held(inbound, held);
        let Some(failure) = failure else { return call };
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            let reply = call.await;
            if reply.is_none() && gate.is_killed() {
                failure.tell(RpcError::new(RpcErrorKind::Unavailable, "the handler was stopped before its end"));
            }
            reply
        })
    }

    fn idle(&self) -> BoxFuture<'static, ()> {
        let gate = Arc::clone(&self.gate);
        Box::pin(async move { gate.idle().await })
    }
}
