//! Many calls on one connection, as state machines without input, output, clock or task.
//!
//! A [`ClientSession`] pairs replies with the calls they answer; a [`ServerSession`] hands out requests and takes replies
//! in any order. Both are driven the same way: give them what happened with a `handle_*` method, then take everything the
//! `poll_*` methods have, until they have no more.
//!
//! ```text
//!             bytes read ──► handle_read ┌─────────┐ poll_event ──► replies, or why there are none
//!   a call (frame, token) ──► handle_call │ session │
//!      the connection ends ──► handle_end └─────────┘ poll_transmit ──► bytes to write
//! ```
//!
//! A connection whose bytes cannot be a frame is beyond repair, since nothing tells where the next frame starts:
//! `handle_read` then fails, and the driver closes the connection. What a frame *contains* is not looked at, but for the
//! operation id of a reply.

mod client;
mod deframer;
mod server;

pub use client::{ClientEvent, ClientSession};
pub use deframer::Deframer;
pub use server::ServerSession;
