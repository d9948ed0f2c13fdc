//! Calls: what travels from a generated client method to a handler and back.
//!
//! A generated service is an enum of its calls (a [`Request`]) and an enum of their results (a [`Response`]). A [`Client`]
//! turns the first into a frame and the reply's frame into the second; a [`Server`] does the reverse around a handler.
//! Between the typed value and the frame sits [`middleware`](crate::middleware), on either side.

mod client;
mod handler;
mod held;
mod method;
mod reply;
mod running;
mod server;

pub(crate) use client::next_operation_id;
pub use client::{Client, Rpc};
pub use handler::{Failure, Handler, Inbound};
pub(crate) use held::Gate;
pub use held::Held;
pub use method::{Call, Method, Request, Response};
pub use reply::refuse;
pub use server::Server;
