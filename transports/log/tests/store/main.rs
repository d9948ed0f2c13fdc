//! The store by itself: what is appended is there, in order, after whatever happened.

mod append;
mod support;
