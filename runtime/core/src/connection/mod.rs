//! Drives a session over any byte stream: one task owns the stream and the state machine, and callers talk to it through a
//! small handle.
//!
//! Frames that wait to be written are put together into one write, and the replies that one read brings are all delivered
//! before the next.

mod client;
mod outgoing;
mod server;

pub use client::Connection;
pub use server::{ConnectionOptions, serve_connection};

/// Bytes asked of the stream at a time.
const READ: usize = 64 * 1024;
