//! Calls and events over NATS, by Frugal's conventions, so that Frugal's Go, Java and Python peers can be called and can
//! call.
//!
//! * A call is published to the address as it is given, with the reply subject `<inbox>.<operation id>`; the reply is known
//!   by the operation id *inside* its frame, since some peers answer to the bare inbox.
//! * An event is published to `frugal.` and its topic. Core NATS keeps no events: delivery is at most once. With
//!   `jetstream://` a stream keeps them, and groups have positions, acknowledgements and redelivery.
//! * Nobody there is a typed error at once, by NATS's own no-responders status.
//! * A payload is the whole frame, its leading size included, of up to 1 MiB or what the server allows.

mod bus;
mod client;
mod config;
mod discovery;
mod error;
mod exchange;
mod in_place;
mod jetstream;
mod publisher;
mod requests;
mod server;
mod subscriber;
mod violations;

pub use bus::connect;
pub use config::Config;
pub use jetstream::StreamOptions;

/// What stands before the topic in an event's subject. Calls have no prefix.
const EVENT_PREFIX: &str = "frugal.";

/// The largest payload of Frugal's peers, in bytes with the leading size.
const FRUGAL_MAX_PAYLOAD: usize = 1024 * 1024;
