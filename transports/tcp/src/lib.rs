//! Calls over TCP and unix sockets: frames as they are, one after another, any number of calls under way on one connection.
//!
//! * A bus has one connection to its URL, which all clients share. It is made by the first call, and again by the first call
//!   after it was lost.
//! * A bus that serves listens at its URL. Several services share the listener; the `_address` header of a frame says which
//!   one is meant, and a frame without it, as Frugal's peers send, is for the service that was there first.
//! * A server also takes plain Thrift, framed, in whichever protocol: a client needs no Frugal library to call it.
//! * The bytes are those of Frugal's adapter transport: its size in front of each frame, nothing else.
//!
//! There is nobody between the two ends who could keep events for a third, so publishing and subscribing are refused.

mod accept;
mod client;
mod config;
mod dial;
mod error;
mod opening;
mod routes;
mod server;
mod stream;
mod thrift;
mod wrong_door;

pub use config::{Config, connect};
pub use thriftwood_tls::{ClientTls, Pem, ServerTls};
