//! The transport over real directories: events and calls, across subscriptions, servers and openings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod dead_letters;
mod events;
mod groups;
mod kept;
mod support;
