//! Many calls on one connection, as state machines without input, output, clock or task.
//!
//! A [`Deframer`] cuts what is read into frames. A [`ClientSession`] pairs replies with the calls they answer; a
//! [`ServerSession`] hands out requests and takes replies in any order. Both are driven the same way: give them what happened
//! with a `handle_*` method, then take everything the `poll_*` methods have, until they have no more.
//!
//! ```text
//!           a frame was read ──► handle_frame ┌─────────┐ poll_ended ──► callers to be woken
//!      a call (frame, token) ──► handle_call  │         │ poll_call ──► the reply, or why there is none
//!        the connection ends ──► handle_end   └─────────┘ poll_transmit ──► bytes to write
//! ```
//!
//! A connection whose bytes cannot be a frame is beyond repair, since nothing tells where the next frame starts: the driver
//! closes it. What a frame *contains* is not looked at, but for the operation id of a reply and what concerns cancelling.

mod client;
mod deadlines;
mod deframer;
mod end;
mod ids;
mod server;

pub use client::{ClientSession, DEFAULT_MAX_IN_FLIGHT};
pub use deframer::Deframer;
pub use end::{CallEnd, Refused};
pub(crate) use ids::Ids;
pub use server::ServerSession;
