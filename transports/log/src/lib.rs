//! A durable log in a directory, and calls and events over it.
//!
//! [`store`] is the log itself, for those who want only that. The rest of the crate is the transport `log:DIR`:
//!
//! * An event is a record of its scope's stream: the whole frame, as it would be on NATS, with the topic as a header. When a
//!   publish resolves, the event is on the disk.
//! * A subscription without a group follows the stream from where it is told to. One with a group shares the events with
//!   the group's other members, has each event until it is acknowledged, and goes on where the group left off. A group is
//!   its name and the topics it asks for: members that ask for different topics have positions of their own.
//! * A call is a record of the address's own log, and so is its reply. A call that nobody serves waits there for a server,
//!   as long as its time limit allows; a server that was stopped in the middle finds what it had not answered. So there
//!   is no error that says nobody serves an address: such a call times out.
//! * A call whose server dies is handled by the next one, and so is a oneway call whose handler fails. After `max_attempts`,
//!   where that is set, it is answered with an error instead.
//!
//! ```text
//! DIR/
//!   lock                             the owner's process id; locked while it lives
//!   settings                         what it was opened with, for those who look at it
//!   streams/STREAM/                  the log of a scope's events
//!     groups/GROUP/PATTERN/          the log of a group's position
//!       dead/                        the log of its dead letters, where there are such
//!   calls/ADDRESS/                   the log of a service's calls and replies
//! ```
//!
//! One process owns a directory. Files of the store are described in `docs/log-format.md`.

mod calls;
mod client;
mod config;
mod error;
mod names;
mod publisher;
#[cfg(feature = "remote")]
mod remote;
mod server;
mod settings;
mod shared;
pub mod store;
mod subscriber;
mod sync;
mod taker;
mod url;

pub use config::{Config, Directory, Redelivery, connect, connect_url};
#[cfg(feature = "remote")]
pub use remote::client::{ConnectConfig, GroupName, ServedLog, connect_remote};
#[cfg(feature = "remote")]
pub use remote::server::ServeConfig;
#[cfg(feature = "remote")]
pub use remote::wire::StreamInfo;
pub use settings::Settings;
#[cfg(feature = "remote")]
pub use thriftwood_tls::{ClientTls, Pem, ServerTls};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/log.md")]
struct Guide;

#[cfg(all(doctest, feature = "remote"))]
#[doc = include_str!("../../../docs/log-server.md")]
struct ServerGuide;

/// The header of a record that holds the topic of an event.
const TOPIC: &str = "topic";

/// The largest frame, in bytes with the leading size; the limit of the memory transport as well.
const MAX_FRAME: usize = thriftwood_core::frame::DEFAULT_MAX_FRAME + 4;
