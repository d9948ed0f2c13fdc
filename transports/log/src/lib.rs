//! A durable log in a directory.

pub mod store;
