//! The two errors of the runtime: [`RpcError`] says why a call has no result, [`Error`] why something could not be
//! connected, served, published, subscribed to or acknowledged.
//!
//! Both are one pointer wide, opaque, and answered by `kind()` and predicates, so that a new kind breaks nobody. Each
//! displays only its own level; what lies beneath is its `source()`.

mod application;
mod bus;
mod rpc;

pub use application::{ApplicationCode, ApplicationError};
pub use bus::{Error, ErrorKind};
pub use rpc::{RpcError, RpcErrorKind};

/// Any error, as a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
