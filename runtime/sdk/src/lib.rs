//! Typed RPC and pub/sub from one IDL file, on an embedded log, on TCP, HTTP, NATS or JetStream, or inside one process.
//!
//! Write the contract once, in Thrift's IDL with Frugal's scopes:
//!
//! ```thrift
//! namespace * v1.music
//! struct Album { 1: required string asin, 2: list<string> tracks }
//! exception PurchasingError { 1: string message, 2: i16 code }
//! service Store { Album buyAlbum(1: string asin, 2: string acct) throws (1: PurchasingError error) }
//! scope AlbumWinners prefix v1.music.{region} { Winner: Album }
//! ```
//!
//! Let the build script turn it into Rust, with `thriftwood-build` as a build dependency:
//!
//! ```text
//! // build.rs
//! fn main() {
//!     thriftwood_build::compile(["idl/music.frugal"]).unwrap_or_exit();
//! }
//! ```
//!
//! And use it. The URL decides what the bus stands on; nothing else changes with it:
//!
//! ```text
//! mod music { thriftwood::include_idl!("v1.music"); }
//! use music::*;
//!
//! let bus = thriftwood::connect("log:./data").await?;       // or memory:, nats://, jetstream://, tcp://, http://
//! bus.serve("music", StoreServer::new(Shop)).await?;
//! let store = StoreClient::new(bus.rpc("music"));
//! let album = store.buy_album(&Context::new(), "B000".into(), "acct".into()).await?;
//!
//! let mut winners = AlbumWinners::subscriber(&bus, "emea").group("mailer").winner().await?;
//! AlbumWinners::publisher(&bus, "emea").winner(&Context::new(), &album).await?;
//! let event = winners.next().await.unwrap()?;
//! event.ack().await?;
//! ```
//!
//! The runtime itself is `thriftwood-core`, re-exported here; this crate adds [`connect`] and [`include_idl!`].

mod connect;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "http", feature = "tcp"))]
mod several;
#[cfg(feature = "tcp")]
pub mod tcp;

pub use connect::connect;
pub use thriftwood_core::*;
/// The log beyond what a URL says: its options, the store by itself, and serving a directory to other processes.
#[cfg(feature = "log")]
#[doc(inline)]
pub use thriftwood_log as log;
/// Calls and events over NATS and JetStream beyond what a URL says: options as a value.
#[cfg(feature = "nats")]
#[doc(inline)]
pub use thriftwood_nats as nats;
/// Layers for calls that may fail: retry, circuit breaker, hedging; and a bus over several servers.
#[cfg(feature = "resilience")]
#[doc(inline)]
pub use thriftwood_resilience as resilience;
/// Spans, traces and metrics: what [`connect`] has every bus do, and where it goes.
#[cfg(feature = "telemetry")]
#[doc(inline)]
pub use thriftwood_telemetry as telemetry;

/// Includes what `thriftwood_build::compile` generated in the build script.
///
/// With a namespace, the types of that namespace are put right here; without one, the whole tree of namespaces is, one
/// module each. A crate that uses more than one namespace wants the second form, so that each type exists once.
///
/// Without a build script there is nothing to include, and the error says so:
///
/// ```compile_fail
/// thriftwood::include_idl!("v1.music");
/// ```
#[macro_export]
macro_rules! include_idl {
    () => {
        include!(concat!($crate::include_idl!(@generated), "/mod.rs"));
    };
    ($namespace:literal) => {
        include!(concat!($crate::include_idl!(@generated), "/", $namespace, ".rs"));
    };
    (@generated) => {
        concat!(
            env!(
                "OUT_DIR",
                "there is no build.rs beside Cargo.toml, so nothing was generated; it calls `thriftwood_build::compile([\"idl/..\"]).unwrap_or_exit()`"
            ),
            "/thriftwood"
        )
    };
}
