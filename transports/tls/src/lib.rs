//! Certificates and keys for the transports that speak TLS: who is trusted, and how this side proves who it is.
//!
//! [`ClientTls`] and [`ServerTls`] say where certificates and keys are; a transport turns them into rustls's own
//! configurations when it connects or listens. The cryptography is ring's, the versions are TLS 1.2 and 1.3.

mod client;
mod error;
mod explain;
mod options;
mod pem;
mod server;

pub use client::ClientTls;
pub use error::TlsError;
pub use explain::{explain, explain_handshake};
pub use options::from_options;
pub use pem::Pem;
pub use server::ServerTls;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn names(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}
