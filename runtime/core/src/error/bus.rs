//! Why a bus could not do what it was asked.

use std::fmt;

use super::BoxError;
use crate::codec::DecodeError;
use crate::frame::FrameError;
use crate::middleware::Refusal;

/// A failed connect, serve, publish, subscribe or acknowledgement.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

/// The ways in which a bus can fail, by what the reader can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not one that this build can connect: a mistake in the program or its configuration.
    InvalidUrl,
    /// An address, topic, group or variable has a form that cannot be carried: a mistake in the program.
    InvalidName,
    /// Nothing answers where the URL points, or nothing can listen there.
    Unreachable,
    /// Another process, or another bus of this one, has the log directory or the port.
    Locked,
    /// The disk failed, is full, or refuses.
    Storage,
    /// Stored bytes are damaged; what is damaged is not served.
    Corrupt,
    /// What was to be published is larger than the transport carries. Nothing was sent.
    TooLarge,
    /// A message came that cannot be read.
    InvalidData,
    /// The time was up.
    Timeout,
    /// The bus, the subscription or the connection is closed.
    Closed,
    /// This transport cannot do that; the text says which can.
    Unsupported,
    /// A middleware or a handler refused.
    Refused,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// This error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text, without the kind.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether it was closed, here or at the other end.
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Its own error of a middleware stays as it is; any other is a refusal.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.0.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Self::new(ErrorKind::Refused, other.to_string()).with_source(other),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(ErrorKind::InvalidData, error.to_string()).with_source(error)
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        let kind = match error {
            FrameError::TooLarge { .. } => ErrorKind::TooLarge,
            _ => ErrorKind::InvalidData,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}
