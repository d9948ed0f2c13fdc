//! HTTP as its peers see it: the convention byte by byte, and what happens when either end misbehaves.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod callers;
mod convention;
mod hostile;
mod mounted;
mod ours;
mod peers;
mod stopping;
mod support;
mod tap;
mod tls;
