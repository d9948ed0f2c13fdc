//! What a client does about calls that fail, as tower layers around it: tries again, stops asking, asks twice.
//!
//! | layer | what it does |
//! |---|---|
//! | [`Retry`] | makes a call again that did not reach its handler, or may reach it twice, within a budget |
//! | [`Breaker`] | fails calls at once while most of those before have failed |
//! | [`Hedge`] | makes a call a second time when its answer is late, and takes the first |
//!
//! ```text
//! let store = StoreClient::new(bus.rpc("music")).layer(Breaker::new()).layer(Retry::new());
//! ```
//!
//! The layer added last is outermost. The breaker belongs inside of the retry: each attempt then counts, and one that the
//! breaker fails at once can be made again when it lets calls through.
//!
//! A call may be repeated when its handler did not run ([`RpcError::is_retryable`](thriftwood_core::RpcError::is_retryable)), and
//! a method annotated `(idempotent)` in the IDL also when it may have run.
//!
//! [`balance`] makes one bus of several, each of which leads to one server of the same services; a URL of several hosts is
//! connected that way.

mod attempt;
mod balance;
mod breaker;
mod guarded;
mod hedge;
mod retry;

pub use balance::balance;
pub use breaker::Breaker;
pub use guarded::Guarded;
pub use hedge::Hedge;
pub use retry::Retry;
