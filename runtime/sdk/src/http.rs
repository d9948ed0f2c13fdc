//! Serving and calling over HTTP beyond what a URL says: limits, TLS, and services mounted in a server of your own.

use thriftwood_core::{Bus, Error};
#[doc(inline)]
pub use thriftwood_http::*;

/// What [`thriftwood::connect`](crate::connect()) does with a URL of `http://` or `https://`, in the way that the configuration says: spans and several servers
/// included. Nothing is opened yet: the first call connects, [`Bus::serve`] listens.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`](crate::ErrorKind::InvalidUrl) when the URL is not one of these.
#[allow(clippy::needless_pass_by_value, reason = "as the transport's own takes it; each of several servers has a copy")]
pub fn connect(url: &str, config: Config) -> Result<Bus, Error> {
    crate::several::connect(url, |server| thriftwood_http::connect(server, config.clone()))
}
