//! Middleware over whole frames, below the typed one: for those who count, copy, route or change bytes and need no types.
//!
//! For a client a frame is an [`Outbound`], for a server an [`Inbound`]; what comes back is the reply's frame, or nothing.

use std::sync::Arc;

use bytes::Bytes;
use tower_layer::Layer;

use super::{DynStep, Innermost, Layered, Passage, Step, dynamic};
use crate::call::{Handler, Inbound, Method, refuse};
use crate::transport::{Outbound, RpcChannel};
use crate::{BoxFuture, RpcError};

impl Passage for Outbound {
    type Output = Option<Bytes>;
    type Error = RpcError;
}

impl Passage for Inbound {
    type Output = Option<Bytes>;
    type Error = RpcError;
}

/// What a layer over a client's frames wraps: the transport.
pub struct Sending(Arc<dyn RpcChannel>);

impl Step<Outbound> for Sending {
    async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        self.0.call(outbound).await
    }
}

/// A channel with a layer around it.
pub(crate) struct LayeredChannel {
    step: Arc<dyn DynStep<Outbound>>,
    channel: Arc<dyn RpcChannel>,
}

impl LayeredChannel {
    pub(crate) fn new<L>(channel: Arc<dyn RpcChannel>, layer: &L) -> Self
    where
        L: Layer<Innermost<Sending>>,
        Layered<L::Service>: Step<Outbound>,
    {
        let layered = Layered(layer.layer(Innermost::new(Sending(Arc::clone(&channel)))));
        Self { step: dynamic(layered), channel }
    }
}

impl RpcChannel for LayeredChannel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        self.step.call(outbound)
    }

    fn address(&self) -> Option<&str> {
        self.channel.address()
    }

    fn cancels(&self) -> bool {
        self.channel.cancels()
    }
}

/// What a layer over a server's frames wraps: the service.
pub struct Answering(Arc<dyn Handler>);

impl Step<Inbound> for Answering {
    async fn call(&self, inbound: Inbound) -> Result<Option<Bytes>, RpcError> {
        Ok(self.0.handle(inbound).await)
    }
}

/// A service with a layer around it. A layer's failure is answered as a handler's would be.
pub(crate) struct LayeredHandler {
    step: Arc<dyn DynStep<Inbound>>,
    handler: Arc<dyn Handler>,
}

impl LayeredHandler {
    pub(crate) fn new<L>(handler: Arc<dyn Handler>, layer: &L) -> Self
    where
        L: Layer<Innermost<Answering>>,
        Layered<L::Service>: Step<Inbound>,
    {
        let layered = Layered(layer.layer(Innermost::new(Answering(Arc::clone(&handler)))));
        Self { step: dynamic(layered), handler }
    }
}

impl Handler for LayeredHandler {
    fn service(&self) -> &'static str {
        self.handler.service()
    }

    fn methods(&self) -> &'static [&'static Method] {
        self.handler.methods()
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (request, answer) = (inbound.clone(), self.step.call(inbound));
        Box::pin(async move { answer.await.unwrap_or_else(|error| refuse(&request, &error)) })
    }
}
