//! The store by itself: what is appended is there, in order, after whatever happened.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod append;
mod batches;
mod compaction;
mod crash;
mod damage;
mod failures;
mod faults;
mod frozen;
mod groups;
mod indexes;
mod key_order;
mod keyed;
mod model;
mod producers;
mod repair;
mod retention;
mod support;
