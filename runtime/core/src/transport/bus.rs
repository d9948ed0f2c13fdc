//! The bus: what a user holds after `connect`, and what every generated type is made from.

use std::fmt;
use std::sync::Arc;

use super::{Serve, ServeOptions, Transport};
use crate::Error;
use crate::call::{Handler, Rpc};

/// A connected transport. Cheap to clone; all clones are the same bus.
#[derive(Clone)]
pub struct Bus(Arc<dyn Transport>);

impl Bus {
    /// A bus over this transport. `thriftwood::connect` makes one from a URL.
    pub fn new(transport: impl Transport) -> Self {
        Self(Arc::new(transport))
    }

    /// The way to the service at `address`, for a generated client.
    pub fn rpc(&self, address: &str) -> Rpc {
        Rpc::new(self.0.rpc(address))
    }

    /// Serves a generated server at `address`. Await the result to start it: when that resolves, calls reach it.
    pub fn serve(&self, address: impl Into<String>, handler: impl Handler) -> Serve {
        Serve {
            transport: Arc::clone(&self.0),
            address: address.into(),
            handler: Arc::new(handler),
            options: ServeOptions::default(),
        }
    }

    /// Stops everything that is served and subscribed here, lets calls under way finish, and lets go of sockets and files.
    ///
    /// # Errors
    /// When what was still to be written could not be.
    pub async fn close(&self) -> Result<(), Error> {
        self.0.close().await
    }

    /// The transport's URL scheme.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme()
    }

    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.0
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bus").field(&self.scheme()).finish()
    }
}
