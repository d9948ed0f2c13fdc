//! Why certificates and keys cannot be used.

use std::io;

use thiserror::Error;
use thriftwood_core::{Error, ErrorKind};

/// Certificates or keys that cannot be used: a mistake in the configuration, found before anything is sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {what} in {from} cannot be read: {source}")]
    Read {
        /// What was looked for.
        what: &'static str,
        /// The file.
        from: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing of the kind is there.
    #[error("there is no {what} in {from}; PEM is expected, with a `BEGIN` line of its own")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// The file, or that it was a text.
        from: String,
    },
    /// It is there and is no PEM, or no certificate.
    #[error("the {what} in {from} cannot be understood: {problem}")]
    Unreadable {
        /// What was looked for.
        what: &'static str,
        /// The file, or that it was a text.
        from: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate and a key that do not belong together, or of a kind that is not supported.
    #[error("the certificate in {certificate} with the private key in {key} cannot be used: {problem}")]
    Identity {
        /// Where the certificate is.
        certificate: String,
        /// Where the key is.
        key: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The system trusts no authority.
    #[error("this system has no certificates of authorities to trust ({problem}); name those of the peer")]
    NoRoots {
        /// What was found in their place.
        problem: String,
    },
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Error::new(ErrorKind::InvalidUrl, error.to_string()).with_source(error)
    }
}
