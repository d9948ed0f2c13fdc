//! What a socket's errors mean to whoever wants to listen.

use std::fmt::Display;
use std::io;

use thriftwood_core::{Error, ErrorKind};

/// The error of a server that could not listen at this end, with what can be done about it.
pub fn cannot_listen(endpoint: &impl Display, source: io::Error) -> Error {
    let (kind, hint) = match source.kind() {
        io::ErrorKind::AddrInUse => (ErrorKind::Locked, "; another process, or another bus of this one, listens there"),
        // Its text says what is there.
        io::ErrorKind::AlreadyExists => (ErrorKind::Locked, ""),
        io::ErrorKind::AddrNotAvailable => (ErrorKind::Unreachable, "; this machine does not have that address"),
        io::ErrorKind::PermissionDenied => (ErrorKind::Unreachable, "; this user may not listen there"),
        _ => (ErrorKind::Unreachable, ""),
    };
    Error::new(kind, format!("cannot listen at {endpoint}{hint} ({source})")).with_source(source)
}
