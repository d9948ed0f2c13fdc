//! What a transport sees of a service: frames in, frames out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::{Held, Method};
use crate::observe::Observing;
use crate::{BoxFuture, RpcError};

/// A request frame as a transport received it.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The whole frame, its leading size included.
    pub frame: Bytes,
    /// When it came; the caller's time limit counts from here.
    pub received: Instant,
    /// The largest frame that can be sent back, in bytes with the leading size.
    pub max_response: usize,
    /// Where a failure is told that no reply tells, for a transport that can have the call handled again.
    pub failure: Option<Failure>,
}

/// The failure of a call without a reply: of a oneway call, or of one whose handler was stopped before its end. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Failure(Arc<Mutex<Option<RpcError>>>);

impl Failure {
    /// Says what failed.
    pub fn tell(&self, error: RpcError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// What failed, if something did. Asked once, when the handler's future has ended.
    pub fn take(&self) -> Option<RpcError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A service as a transport sees it. [`Server`](super::Server) is the one there is.
pub trait Handler: Send + Sync + 'static {
    /// The service's name in the IDL, for people and for telemetry.
    fn service(&self) -> &'static str;

    /// Its methods, those of the services it extends included; none where nobody says.
    fn methods(&self) -> &'static [&'static Method] {
        &[]
    }

    /// Has its calls observed from now on. A bus with an observer says so before it serves a handler.
    fn observe(&mut self, observing: Observing) {
        let _ = observing;
    }

    /// Answers a request frame with a reply frame, or with nothing: for a oneway call, for a call whose caller has given
    /// up, and for bytes that are not even a frame with an operation id.
    ///
    /// Never panics, whatever the bytes and whatever the user's handler does. Dropping the future stops the handler. It borrows
    /// nothing, so that a connection can poll it where it is and move it to a task of its own once it has to wait.
    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>>;

    /// The same, with what a bus holds during the call. A handler whose future is its own takes it in there, which saves a future
    /// around that one.
    fn handle_held(&self, inbound: Inbound, held: Held) -> BoxFuture<'static, Option<Bytes>> {
        let call = self.handle(inbound);
        Box::pin(async move { held.during(call).await })
    }

    /// Resolves when none of its calls is under way. Only what a bus gives to a transport to serve knows that.
    fn idle(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}
