//! A directory that is served to other processes: who is let in, what a bad client can do, what becomes of lost connections.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod ahead;
mod compacted;
mod dead_letters;
mod far;
mod flow;
mod hostile;
mod looked_after;
mod raw;
mod reconnect;
mod served;
#[path = "../bus/support.rs"]
mod support;
