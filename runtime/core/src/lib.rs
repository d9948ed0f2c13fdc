//! The runtime that generated code stands on: contexts, errors, the codec, frames, calls, events, and the traits a
//! transport fulfils.
//!
//! Users depend on the `thriftwood` crate, which re-exports this one and adds `connect`. Here is everything that does not
//! depend on where messages travel; no module of this crate opens a socket or a file.
//!
//! | room | what it does |
//! |---|---|
//! | [`context`] | what travels beside a message: correlation id, headers, time limit |
//! | `apache` | types for Apache's `thrift` crate read and written as ours, and the reverse |
//! | [`codec`] | typed values to Thrift bytes and back |
//! | [`frame`] | headers and message to one frame and back |
//! | [`session`] | many calls on one connection, without input or output |
//! | [`connection`] | drives a session over any byte stream |
//! | [`schema`] | types described at run time, and values of them as JSON |
//! | [`call`] | clients and servers |
//! | [`event`] | publishers and subscribers |
//! | [`middleware`] | where tower layers go |
//! | [`observe`] | where telemetry looks on |
//! | [`transport`] | what a transport must be able to do, and the bus |
//! | [`memory`] | the transport inside one process |

#[cfg(feature = "thrift")]
pub mod apache;
#[cfg(feature = "runtime")]
pub mod call;
pub mod codec;
#[cfg(feature = "runtime")]
pub mod connection;
#[cfg(feature = "runtime")]
pub mod context;
#[cfg(feature = "runtime")]
pub mod error;
#[cfg(feature = "runtime")]
pub mod event;
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unused_imports, reason = "the runtime uses the rest of it"))]
pub mod frame;
#[cfg(feature = "runtime")]
pub mod memory;
#[cfg(feature = "runtime")]
pub mod middleware;
#[cfg(feature = "runtime")]
pub mod observe;
pub mod schema;
#[cfg(feature = "runtime")]
pub mod session;
#[cfg(feature = "runtime")]
pub mod transport;
#[cfg(feature = "runtime")]
mod until;
#[cfg(feature = "runtime")]
mod unwind;

#[cfg(feature = "runtime")]
pub use call::{Client, Rpc, Server};
#[cfg(feature = "runtime")]
pub use context::Context;
#[cfg(feature = "runtime")]
pub use error::{Error, ErrorKind, RpcError, RpcErrorKind};
#[cfg(feature = "runtime")]
pub use event::{Event, Publisher, Subscriber, Subscription};
#[cfg(feature = "runtime")]
pub use transport::{Bus, Serving};

/// Used by generated code, for fields of type `binary`.
#[doc(hidden)]
pub use bytes;
/// Used by generated code, for fields of type `string` that share their message's memory.
#[doc(hidden)]
pub use bytestring;

/// A boxed future that can move between threads.
#[cfg(feature = "runtime")]
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
