//! The commands that speak to running services, against services that run.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod bench;
mod call;
mod events;
mod help;
mod mistakes;
mod shop;
#[path = "../support/mod.rs"]
mod support;
