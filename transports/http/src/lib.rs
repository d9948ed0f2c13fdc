//! Calls over HTTP, by Frugal's convention, so that Frugal's Go, Java and Python peers can be called and can call.
//!
//! * A call is a `POST` whose body is the whole frame, its leading size included, in base64; the reply is the body of the
//!   answer, in the same form. The address of a service is the last part of the URL's path.
//! * A oneway call is answered with four zero bytes, as by every Frugal server.
//! * A frame that is too large is answered with 413, bytes that are no frame with 400 or 500, each with a text that says why.
//! * Between our own peers the frame stands in the body as it is, and many calls share one connection by HTTP/2; both are
//!   found out by the first call (`convention`, `pool`).
//! * A client of plain Thrift, and a person with `curl` and JSON, call the same services at the same addresses (`plain`,
//!   `json`, a feature).
//! * HTTP carries no events: publishing and subscribing fail with [`Unsupported`](thriftwood_core::ErrorKind::Unsupported).

mod answer;
mod body;
mod client;
mod config;
mod connection;
mod convention;
mod endpoint;
mod error;
mod frames;
mod intake;
#[cfg(feature = "json")]
mod json;
mod parting;
mod plain;
mod pool;
mod routes;
mod server;
mod service;
mod stall;

pub use config::{Config, connect};
pub use service::{HttpService, service};
pub use thriftwood_tls as tls;
