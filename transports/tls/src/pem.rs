//! PEM files and texts: certificates and private keys.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// Certificates or a private key in PEM, in a file or as a text. A file is read anew whenever a configuration is made.
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Text(Arc<[u8]>),
}

impl Pem {
    /// What is in this file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// This very text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self(Source::Text(text.as_ref().into()))
    }

    /// Its certificates, of which there is at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let bytes = self.read("certificate")?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let certificates = certificates.map_err(|error| self.unreadable("certificate", &error))?;
        if certificates.is_empty() {
            return Err(TlsError::Missing { what: "certificate", from: self.to_string() });
        }
        Ok(certificates)
    }

    /// Its first private key, of whatever kind.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let bytes = self.read("private key")?;
        PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::Missing { what: "private key", from: self.to_string() },
            error => self.unreadable("private key", &error),
        })
    }

    /// Its certificates as those of authorities.
    pub(crate) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| TlsError::Unreadable {
                what: "certificate",
                from: self.to_string(),
                problem: error.to_string(),
            })?;
        }
        Ok(roots)
    }

    fn read(&self, what: &'static str) -> Result<Arc<[u8]>, TlsError> {
        match &self.0 {
            Source::Text(text) => Ok(Arc::clone(text)),
            Source::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(source) => Err(TlsError::Read { what, from: self.to_string(), source }),
            },
        }
    }

    fn unreadable(&self, what: &'static str, error: &pem::Error) -> TlsError {
        TlsError::Unreadable { what, from: self.to_string(), problem: error.to_string() }
    }
}

/// Where it is. Never what it is: it may be a key.
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Text(_) => f.write_str("the text given"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({self})")
    }
}
