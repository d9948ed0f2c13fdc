//! Drives a session over any byte stream: one task owns the stream and the state machine, and callers talk to it through a
//! small handle.
//!
//! Frames that wait to be written are put together into one write, and the replies that one read brings are all delivered
//! before the next. A server polls each handler where it is, in the task that read the call, and gives it a task of its own
//! only once it has to wait.

mod alarm;
mod client;
mod failed;
mod server;
mod wire;

use std::time::Instant;

pub use client::{Calling, Connection};
pub use failed::Failed;
pub use server::{ConnectionOptions, serve_connection};

/// The runtime's time, which tests can hold still.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
