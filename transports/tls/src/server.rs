//! The serving side: how it proves who it is, and whom it lets in.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;

use crate::{Pem, TlsError, names, provider};

/// How a server speaks TLS: with a certificate of its own, and, for mutual TLS, with the authorities of its clients.
///
/// ```no_run
/// use thriftwood_tls::{Pem, ServerTls};
///
/// let tls = ServerTls::new(Pem::file("server.pem"), Pem::file("server.key")).admitting(Pem::file("clients-ca.pem"));
/// # drop(tls);
/// ```
#[derive(Clone, Debug)]
pub struct ServerTls {
    certificates: Pem,
    key: Pem,
    clients: Option<Pem>,
}

impl ServerTls {
    /// A server with this certificate, the chain behind it included. Every client is let in.
    pub fn new(certificates: Pem, key: Pem) -> Self {
        Self { certificates, key, clients: None }
    }

    /// Lets in only clients that show a certificate signed by one of these authorities.
    #[must_use]
    pub fn admitting(mut self, authorities: Pem) -> Self {
        self.clients = Some(authorities);
        self
    }

    /// rustls's configuration, with the protocols taken for what is inside, the best first.
    ///
    /// # Errors
    /// When a file cannot be read or what is in it cannot be used.
    pub fn config(&self, alpn: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
        let unusable = |problem: String| TlsError::Identity {
            certificate: self.certificates.to_string(),
            key: self.key.to_string(),
            problem,
        };
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| unusable(error.to_string()))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let roots = Arc::new(authorities.roots()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
                let verifier = verifier.map_err(|error| TlsError::Unreadable {
                    what: "certificate",
                    from: authorities.to_string(),
                    problem: error.to_string(),
                })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let with = builder.with_single_cert(self.certificates.certificates()?, self.key.key()?);
        let mut config = with.map_err(|error| unusable(error.to_string()))?;
        config.alpn_protocols = names(alpn);
        Ok(Arc::new(config))
    }
}
