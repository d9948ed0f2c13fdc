//! Which service a frame is for, when several share a listener.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::error::{ApplicationCode, ApplicationError};
use thriftwood_core::frame::{ADDRESS, CORRELATION_ID, Frame, FrameBuilder, OPERATION_ID};

/// The services of one listener, in the order in which they came.
#[derive(Default)]
pub(crate) struct Routes(RwLock<Table>);

#[derive(Default)]
struct Table {
    routes: Vec<Route>,
    /// Whether there ever were several. Before that, the one there is gets everything, whatever its callers call it; after
    /// that, the calls of one that was stopped must not go to one that was not.
    several: bool,
}

struct Route {
    address: String,
    handler: Arc<dyn Handler>,
}

impl Routes {
    /// Adds a service; `false` when there is one of that address.
    pub(crate) fn add(&self, address: &str, handler: Arc<dyn Handler>) -> bool {
        let mut table = self.write();
        if table.routes.iter().any(|route| route.address == address) {
            return false;
        }
        table.several |= !table.routes.is_empty();
        table.routes.push(Route { address: address.to_owned(), handler });
        true
    }

    /// Takes a service away, unless it is the last. Gives what waits for the calls it still has.
    pub(crate) fn remove_if_others(&self, address: &str) -> Option<BoxFuture<'static, ()>> {
        let routes = &mut self.write().routes;
        let at = routes.iter().position(|route| route.address == address)?;
        if routes.len() == 1 {
            return None;
        }
        Some(routes.remove(at).handler.idle())
    }

    /// The service a frame is for, or the answer that there is none.
    fn find(&self, frame: &Bytes) -> Result<Arc<dyn Handler>, Option<Bytes>> {
        let Table { routes, several } = &*self.read();
        if let ([only], false) = (&routes[..], several) {
            return Ok(Arc::clone(&only.handler));
        }
        let first = || routes.first().map(|route| Arc::clone(&route.handler)).ok_or(None);
        // What is no frame is the first service's to refuse.
        let Ok(decoded) = Frame::decode(frame.clone()) else { return first() };
        let Some(address) = decoded.headers().get(ADDRESS) else { return first() };
        match routes.iter().find(|route| route.address == address) {
            Some(route) => Ok(Arc::clone(&route.handler)),
            None => {
                let known: Vec<&str> = routes.iter().map(|route| &*route.address).collect();
                Err(unknown(&decoded, address, &known))
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Routes {
    fn service(&self) -> &'static str {
        self.read().routes.first().map_or("", |route| route.handler.service())
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        match self.find(&inbound.frame) {
            Ok(handler) => handler.handle(inbound),
            Err(answer) => Box::pin(std::future::ready(answer)),
        }
    }
}

/// The answer to a call of an address that is not served here.
fn unknown(frame: &Frame, address: &str, known: &[&str]) -> Option<Bytes> {
    let headers = frame.headers();
    let message = frame.envelope().ok()?;
    if message.kind == MessageType::Oneway {
        return None;
    }
    let text = format!("nobody serves `{address}` here, only {}", known.join(", "));
    let exception = ApplicationError { message: text, code: ApplicationCode::UNKNOWN_METHOD.0 };
    let mut reply = FrameBuilder::new();
    reply.header(OPERATION_ID, headers.get(OPERATION_ID)?);
    if let Some(id) = headers.get(CORRELATION_ID) {
        reply.header(CORRELATION_ID, id);
    }
    reply.message_in(frame.protocol(), Message { kind: MessageType::Exception, ..message }, &exception).ok()
}
