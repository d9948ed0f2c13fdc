//! What ours is measured against, where a library does not give it as it is.

pub mod apache;
pub mod pilota;
pub mod prost;
pub mod raw;
pub mod redis;
pub mod tarpc;
pub mod tonic;
pub mod volo;
