//! A log directory for other processes: the server of one, and the bus `log://HOST:PORT` to it.
//!
//! The server does for its clients what the directory's own bus does, with the same logs and groups; `docs/log-server.md` is the guide
//! and has the protocol. Batches go out as they are on the disk, and the client checks them.

pub(crate) mod client;
pub(crate) mod server;
pub(crate) mod wire;

use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::Endpoint;

/// The end that a URL names: `log://HOST:PORT`, `logs://HOST:PORT` or `log+unix:PATH`, or, for a server, the same as sockets are named
/// elsewhere.
pub(crate) fn endpoint(url: &str) -> Result<Endpoint, Error> {
    let refused = |problem: &str| {
        let text = format!(
            "`{url}` is no URL of a log server{problem}; it can be log://HOST:PORT, logs://HOST:PORT with TLS, or log+unix:PATH"
        );
        Error::new(ErrorKind::InvalidUrl, text)
    };
    let (scheme, rest) = url.split_once(':').ok_or_else(|| refused(""))?;
    let scheme = match scheme {
        "log" | "tcp" => "tcp",
        "logs" | "tcps" => "tcps",
        "log+unix" | "unix" => "unix",
        _ => return Err(refused("")),
    };
    Endpoint::parse(&format!("{scheme}:{rest}")).map_err(|problem| refused(&format!(": {problem}")))
}

/// The URL by which clients find this end.
pub(crate) fn url(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    let (scheme, rest) = text.split_once(':').unwrap_or(("", &text));
    let scheme = match scheme {
        "tcps" => "logs",
        "unix" => "log+unix",
        _ => "log",
    };
    format!("{scheme}:{rest}")
}
