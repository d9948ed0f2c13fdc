//! What the store's errors mean to a caller.

use thriftwood_core::{Error, ErrorKind, RpcError, RpcErrorKind};

use crate::store::{StoreError, StoreErrorKind};

/// For a publish, a subscription or a connect.
pub(crate) fn bus(source: StoreError) -> Error {
    let kind = match source.kind() {
        StoreErrorKind::Locked => ErrorKind::Locked,
        StoreErrorKind::Closed => ErrorKind::Closed,
        StoreErrorKind::Corrupt => ErrorKind::Corrupt,
        StoreErrorKind::Version => ErrorKind::Unsupported,
        StoreErrorKind::TooLarge => ErrorKind::TooLarge,
        StoreErrorKind::Io | StoreErrorKind::Full | StoreErrorKind::Failed | StoreErrorKind::Conflict => {
            ErrorKind::Storage
        }
    };
    let text = match kind {
        ErrorKind::Closed => "the bus is closed".to_owned(),
        ErrorKind::Locked => format!("{source}: {}", instead(&source)),
        _ => source.to_string(),
    };
    Error::new(kind, text).with_source(source)
}

/// What to do about a directory that somebody has.
fn instead(locked: &StoreError) -> &'static str {
    match locked {
        StoreError::Locked { pid: Some(pid), .. } if *pid == std::process::id() => {
            "this process has it open already; clone the bus that it has, or close it first"
        }
        _ => "other processes use it through a log server (`thriftwood log serve`), by log://HOST:PORT",
    }
}

/// For a call that could not be stored. It does not reach a handler.
pub(crate) fn call(source: Error) -> RpcError {
    let kind = match source.kind() {
        ErrorKind::TooLarge => RpcErrorKind::RequestTooLarge,
        ErrorKind::InvalidName => RpcErrorKind::InvalidRequest,
        _ => RpcErrorKind::Unavailable,
    };
    RpcError::new(kind, source.message()).with_source(source)
}

/// A task of ours that did not come to its end.
pub(crate) fn interrupted(source: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Closed, "the runtime ended before the log was open").with_source(source)
}
