//! Calls out: one pipe to one server at a time, made when it is first needed and again when it has broken.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::hub::Hub;
use crate::connection::{Connection, Failed};
use crate::frame::DEFAULT_MAX_FRAME;
use crate::observe::LateReplies;
use crate::transport::{Outbound, RpcChannel};
use crate::{BoxFuture, RpcError, RpcErrorKind};

pub(super) struct Channel {
    hub: Arc<Hub>,
    address: String,
    connection: Mutex<Option<Connection>>,
    late: LateReplies,
}

impl Channel {
    pub(super) fn new(hub: Arc<Hub>, address: &str, late: LateReplies) -> Self {
        Self { hub, address: address.to_owned(), connection: Mutex::new(None), late }
    }

    fn connection(&self) -> Result<Connection, RpcError> {
        let unavailable = |text: String| RpcError::new(RpcErrorKind::Unavailable, text);
        self.hub.lifecycle.check().map_err(|error| unavailable(error.to_string()))?;
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = connection.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(open.clone());
        }
        let pipe = self
            .hub
            .connect(&self.address)
            .ok_or_else(|| unavailable(format!("nobody serves `{}` on this bus", self.address)))?;
        let made = Connection::spawn(pipe, DEFAULT_MAX_FRAME).counting(self.late.clone());
        Ok(connection.insert(made).clone())
    }

    async fn call(&self, outbound: Outbound, deadline: Option<Instant>) -> Result<Option<Bytes>, RpcError> {
        let (size, limit) = (outbound.frame.len(), DEFAULT_MAX_FRAME + 4);
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit}");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        match self.connection()?.call_until(outbound, deadline).await {
            // The pipe had ended, and this end learned of it only now.
            Err(Failed { error, unsent: Some(outbound) }) if error.is_unavailable() => {
                let again = self.connection()?;
                Box::pin(async move { again.call_until(outbound, deadline).await }).await.map_err(|failed| failed.error)
            }
            outcome => outcome.map_err(|failed| failed.error),
        }
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

    fn cancels(&self) -> bool {
        true
    }
}
