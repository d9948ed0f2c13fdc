//! Values of described types, as JSON and as bytes.

#![allow(clippy::unwrap_used, reason = "a test whose parts fail has failed")]

mod events;
mod mistakes;
mod random;
#[path = "../rich/mod.rs"]
mod rich;
mod round_trips;
mod support;
