//! The runtime that generated code stands on: contexts, errors, the codec, frames, calls, events, and the traits a
//! transport fulfils.
//!
//! Users depend on the `thriftwood` crate, which re-exports this one and adds `connect`. Here is everything that does not
//! depend on where messages travel; no module of this crate opens a socket or a file.
//!
//! | room | what it does |
//! |---|---|
//! | [`context`] | what travels beside a message: correlation id, headers, time limit |
//! | [`codec`] | typed values to Thrift bytes and back |
//! | [`frame`] | headers and message to one frame and back |
//! | [`session`] | many calls on one connection, without input or output |
//! | [`connection`] | drives a session over any byte stream |
//! | [`call`] | clients and servers |
//! | [`event`] | publishers and subscribers |
//! | [`middleware`] | where tower layers go |
//! | [`transport`] | what a transport must be able to do, and the bus |
//! | [`memory`] | the transport inside one process |

pub mod call;
pub mod codec;
pub mod connection;
pub mod context;
pub mod error;
pub mod event;
pub mod frame;
pub mod memory;
pub mod middleware;
pub mod session;
pub mod transport;
mod unwind;

pub use call::{Client, Rpc, Server};
pub use context::Context;
pub use error::{Error, ErrorKind, RpcError, RpcErrorKind};
pub use event::{Event, Publisher, Subscriber, Subscription};
pub use transport::{Bus, Serving};

/// Used by generated code, for fields of type `binary`.
#[doc(hidden)]
pub use bytes;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
