//! Serving and calling over TCP beyond what a URL says: limits, TLS, threads.

use thriftwood_core::{Bus, Error};
#[doc(inline)]
pub use thriftwood_tcp::*;

/// What [`thriftwood::connect`](crate::connect()) does with a URL of `tcp://`, `tcps://` or `unix:`, in the way that the configuration says: spans and several servers
/// included. Nothing is opened yet: the first call connects, [`Bus::serve`] listens.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`](crate::ErrorKind::InvalidUrl) when the URL is not one of these.
#[allow(clippy::needless_pass_by_value, reason = "as the transport's own takes it; each of several servers has a copy")]
pub fn connect(url: &str, config: Config) -> Result<Bus, Error> {
    crate::several::connect(url, |server| thriftwood_tcp::connect(server, config.clone()))
}
