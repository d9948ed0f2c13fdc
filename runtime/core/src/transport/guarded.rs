//! What a bus puts around a handler it serves, on every transport: a limit to the calls at once, and a way to end them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::call::{Handler, Inbound, Method, refuse};
use crate::{BoxFuture, RpcError, RpcErrorKind};

pub(super) struct Guarded {
    handler: Arc<dyn Handler>,
    max_calls: usize,
    gate: Arc<Gate>,
}

struct Gate {
    under_way: AtomicUsize,
    kill: CancellationToken,
}

impl Guarded {
    pub(super) fn new(handler: Arc<dyn Handler>, max_calls: Option<usize>, kill: CancellationToken) -> Self {
        let gate = Gate { under_way: AtomicUsize::new(0), kill };
        Self { handler, max_calls: max_calls.unwrap_or(usize::MAX), gate: Arc::new(gate) }
    }

    /// Takes a place, if there is one.
    fn enter(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.gate));
        // Given back by the place's end, also where there was none.
        (self.gate.under_way.fetch_add(1, Ordering::Relaxed) < self.max_calls).then_some(place)
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
        let Some(place) = self.enter() else {
            let text = format!("{} has {} calls under way, as many as it takes", self.service(), self.max_calls);
            let answer = refuse(&inbound, &RpcError::new(RpcErrorKind::Overloaded, text));
            return Box::pin(std::future::ready(answer));
        };
        let call = self.handler.handle(inbound);
        Box::pin(async move {
            tokio::select! {
                // Most calls end at once, and then nothing else is looked at.
                biased;
                reply = call => reply,
                () = place.0.kill.cancelled() => None,
            }
        })
    }
}

struct Place(Arc<Gate>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
