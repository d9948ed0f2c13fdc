//! Calls out: a frame becomes a record of the address's log, and its reply comes when a server has stored it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, RpcError, RpcErrorKind};
use tokio::sync::oneshot;
use tracing::debug;

use crate::calls::CallId;
use crate::shared::{Handle, Shared};
use crate::{MAX_FRAME, error};

/// The way to one address.
pub(crate) struct Channel {
    handle: Arc<Handle>,
    address: String,
}

impl Channel {
    pub(crate) fn new(handle: Arc<Handle>, address: &str) -> Self {
        Self { handle, address: address.to_owned() }
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            let Outbound { frame, oneway, .. } = outbound;
            match store(&self.handle.0, &self.address, frame, oneway).await? {
                Some(place) => place.reply().await.map(Some),
                None => Ok(None),
            }
        })
    }
}

/// Stores a call. Gives the place of whoever waits for its reply, where there is to be one.
pub(crate) async fn store<'s>(
    shared: &'s Arc<Shared>,
    address: &str,
    frame: Bytes,
    oneway: bool,
) -> Result<Option<Place<'s>>, RpcError> {
    let (size, limit) = (frame.len(), MAX_FRAME);
    if size > limit {
        let text = format!("a call of {size} bytes is over the limit of {limit}");
        return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
    }
    let calls = shared.calls(address).await.map_err(error::call)?;
    // Before the call is stored: its reply may be there before the storing is told.
    let place = shared.waiting.place();
    let stored = calls.request(place.id, &frame, oneway).await;
    stored.map_err(|source| error::call(error::bus(source)))?;
    Ok((!oneway).then_some(place))
}

/// Who waits for a reply on one bus.
pub(crate) struct Waiting {
    bus: u64,
    next: AtomicU64,
    callers: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
}

impl Waiting {
    /// Nobody yet, on the bus with this number.
    pub(crate) fn new(bus: u64) -> Self {
        Self { bus, next: AtomicU64::new(0), callers: Mutex::default() }
    }

    /// The number of the bus.
    #[cfg(feature = "remote")]
    pub(crate) fn bus(&self) -> u64 {
        self.bus
    }

    /// A place for one more caller.
    fn place(&self) -> Place<'_> {
        let id = CallId { bus: self.bus, number: self.next.fetch_add(1, Ordering::Relaxed) };
        let (sender, reply) = oneshot::channel();
        self.lock().insert(id.number, sender);
        Place { waiting: self, id, reply: Some(reply) }
    }

    /// Gives a reply to whoever waits for it, if that is somebody here.
    pub(crate) fn deliver(&self, id: CallId, reply: Bytes) {
        let caller = if id.bus == self.bus { self.lock().remove(&id.number) } else { None };
        match caller {
            // It may have gone meanwhile.
            Some(caller) => drop(caller.send(reply)),
            None => debug!(?id, "stored a reply that nobody waits for"),
        }
    }

    /// Tells everybody that no reply will come.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Bytes>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's place, given up when the caller is gone.
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    id: CallId,
    reply: Option<oneshot::Receiver<Bytes>>,
}

impl Place<'_> {
    pub(crate) async fn reply(mut self) -> Result<Bytes, RpcError> {
        let closed = || RpcError::new(RpcErrorKind::Disconnected, "the bus was closed before the reply came");
        self.reply.take().ok_or_else(closed)?.await.map_err(|_| closed())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.id.number);
    }
}
