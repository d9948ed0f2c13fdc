//! The programs of Frugal's cross-language tests: a server and a client that take its flags and behave as its tests want, so that a
//! peer's client or server can be paired with ours.
//!
//! What each method does and what the client insists on is in `docs/interop.md`. Over NATS the client goes on with two events: it
//! publishes one as `call`, and the server answers with one as `response`.

mod client;
mod server;

pub use client::run as call;
pub use server::run as serve;

use thriftwood::codec::Protocol;
use thriftwood::{Bus, Error, ErrorKind};

/// Frugal's limit on NATS, and what its HTTP clients are set to.
const LIMIT: usize = 1024 * 1024;
const APPLICATION_CODE: i32 = 400;

/// What the flags say.
#[derive(Clone, Debug)]
pub struct Pair {
    /// `--protocol`
    pub protocol: Protocol,
    /// `--transport`: `nats` or `http`.
    pub transport: String,
    /// `--port`: tells the pairs of one run apart; for HTTP it is the server's port.
    pub port: u16,
    /// `--nats`: where the nats-server is.
    pub nats: String,
}

impl Pair {
    async fn nats(&self) -> Result<Bus, Error> {
        Ok(thriftwood::connect(&self.nats).await?.with_protocol(self.protocol))
    }

    fn http(&self, limit: usize) -> Result<Bus, Error> {
        let mut config = thriftwood::http::Config::default();
        config.max_frame = limit;
        let bus = thriftwood::http::connect(&format!("http://127.0.0.1:{}", self.port), config)?;
        Ok(bus.with_protocol(self.protocol))
    }

    fn unknown(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("`{}` is no transport here; there are nats and http", self.transport),
        )
    }
}
