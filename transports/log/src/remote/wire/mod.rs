//! What is said between a log server and its clients: hellos, then messages. `docs/log-server.md` has every field.
//!
//! A message is its length, a number, a kind and a body. A client numbers its requests as it likes, from 1 on; the reply to one has its
//! number. What a server says without having been asked has the number 0. Numbers are little-endian, as in the log's files.

mod fields;
mod frames;
mod hello;
mod reply;
mod request;

pub(crate) use frames::{Frames, Message};
pub(crate) use hello::{Hello, NoHello, Welcome};
pub use reply::StreamInfo;
pub(crate) use reply::{FOREVER, Fault, FaultKind, Fetched, Reply, Taken};
pub(crate) use request::{GroupAction, Outcome, Request};

/// The version of the protocol that this build speaks.
pub(crate) const VERSION: u16 = 1;
/// The bytes of a message in front of its body: length, number, kind.
pub(crate) const PREFIX: usize = 9;
/// The most bytes of a message behind its length: a frame of the largest size, in a batch with its topic; or so many batches at once.
pub(crate) const MAX_MESSAGE: usize = 72 * 1024 * 1024;

/// The bytes are not what the other end should have sent, and the connection is no good any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;
