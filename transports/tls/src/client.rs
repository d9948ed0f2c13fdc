//! The calling side: whom it trusts, and who it says it is.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::{Pem, TlsError, names, provider};

/// How a client speaks TLS. By default it trusts the authorities that the system trusts, and shows no certificate.
///
/// ```no_run
/// use thriftwood_tls::{ClientTls, Pem};
///
/// let tls = ClientTls::new()
///     .trusting(Pem::file("ca.pem"))
///     .showing(Pem::file("client.pem"), Pem::file("client.key"));
/// # drop(tls);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    roots: Option<Pem>,
    identity: Option<(Pem, Pem)>,
}

impl ClientTls {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these authorities, and not the system's.
    #[must_use]
    pub fn trusting(mut self, authorities: Pem) -> Self {
        self.roots = Some(authorities);
        self
    }

    /// Shows this certificate, the chain behind it included, to a server that asks for one.
    #[must_use]
    pub fn showing(mut self, certificates: Pem, key: Pem) -> Self {
        self.identity = Some((certificates, key));
        self
    }

    /// rustls's configuration, with the protocols offered for what is inside, the best first.
    ///
    /// # Errors
    /// When a file cannot be read or what is in it cannot be used.
    pub fn config(&self, alpn: &[&str]) -> Result<Arc<ClientConfig>, TlsError> {
        let roots = match &self.roots {
            Some(authorities) => authorities.roots()?,
            None => system_roots()?,
        };
        let unsupported = |error: rustls::Error| TlsError::NoRoots { problem: error.to_string() };
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(unsupported)?.with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let with = builder.with_client_auth_cert(certificates.certificates()?, key.key()?);
                with.map_err(|error| TlsError::Identity {
                    certificate: certificates.to_string(),
                    key: key.to_string(),
                    problem: error.to_string(),
                })?
            }
        };
        config.alpn_protocols = names(alpn);
        Ok(Arc::new(config))
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system's store may hold certificates that nobody can read any more; the others count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let problem = found.errors.first().map_or_else(|| "none were found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots { problem });
    }
    Ok(roots)
}
