//! What an observer is told: which call or event it is, and how it ended.

use std::time::SystemTime;

use crate::call::Method;
use crate::event::Operation;
use crate::{Error, RpcError};

/// On which side of a call this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// It makes the call.
    Client,
    /// It handles the call.
    Server,
}

/// A call that begins.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallStart<'a> {
    /// On which side this is.
    pub side: Side,
    /// The URL scheme of the transport.
    pub transport: &'static str,
    /// The address that is called or served.
    pub address: &'a str,
    /// The service, by its name in the IDL. For a method that a service inherits, the client names the service that declares
    /// it; so does the server, once it knows the method.
    pub service: &'static str,
    /// The method; `None` when the server has none of the name that was called, or could not read what it got.
    pub method: Option<&'static Method>,
}

/// What this process does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Publishes it.
    Publisher,
    /// Has received it; over when it is acknowledged, refused or dropped.
    Subscriber,
}

/// An event that is about to be published, or was received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventStart<'a> {
    /// What this process does with it.
    pub role: Role,
    /// The URL scheme of the transport.
    pub transport: &'static str,
    /// The topic.
    pub topic: &'a str,
    /// The operation, and by way of it the scope.
    pub operation: &'static Operation,
    /// A received event's group, where its subscriber is in one.
    pub group: Option<&'a str>,
    /// A received event's offset, on transports that keep events.
    pub offset: Option<u64>,
    /// When a received event was stored, on transports that keep events.
    pub stored: Option<SystemTime>,
    /// 1 for the first delivery, and one more for each further one; 0 for a publisher.
    pub attempt: u32,
}

/// How a call or an event ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Well.
    Ok,
    /// A call ended with the declared exception of this name, which is a result too.
    Exception(&'static str),
    /// A call failed with this.
    Call(&'a RpcError),
    /// An event could not be published, or not be acknowledged.
    Event(&'a Error),
    /// At the server: the caller's time was up before the handler ended.
    Expired,
    /// At the subscriber: the event was not handled, and was sent back.
    Refused,
    /// At the subscriber: the event was let go without a word, where the transport waits for one.
    Dropped,
}
