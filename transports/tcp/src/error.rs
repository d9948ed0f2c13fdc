//! What goes wrong with a URL, a call, and what this transport cannot do.

use thriftwood_core::{Error, ErrorKind, RpcError, RpcErrorKind};

pub(crate) fn invalid_url(url: &str, problem: &str) -> Error {
    // A password has no place in such a URL, and even less in a log.
    let shown = match url.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => url.to_owned(),
    };
    let text = format!("`{shown}` is not a URL such as tcp://127.0.0.1:4090 or unix:/run/music: {problem}");
    Error::new(ErrorKind::InvalidUrl, text)
}

/// A call for which no connection could be made.
pub(crate) fn unavailable(text: impl Into<String>) -> RpcError {
    RpcError::new(RpcErrorKind::Unavailable, text)
}

pub(crate) fn unsupported(what: &str, scheme: &str) -> Error {
    let text = format!(
        "{what} needs somebody in the middle, and {scheme}: connects two ends; a nats://HOST:PORT or log:DIR bus carries \
         events"
    );
    Error::new(ErrorKind::Unsupported, text)
}
