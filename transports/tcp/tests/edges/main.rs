//! What TCP does at its edges: connections that are lost, refused, cut and made again, and listeners that come and go.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod cuts;
mod dialling;
mod leaving;
mod listening;
mod plain;
mod secrets;
mod sharing;
mod slow;
mod strangers;
mod support;
