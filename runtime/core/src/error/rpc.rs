//! Why a call has no result.

use std::fmt;

use super::{ApplicationCode, ApplicationError, BoxError};
use crate::codec::DecodeError;
use crate::frame::FrameError;
use crate::middleware::Refusal;

/// A call without a result, other than a declared exception.
///
/// On the caller's side it tells whose fault it was and whether the handler may have run. A handler returns one to refuse a
/// call: [`RpcError::internal`] for a failure of its own, [`RpcError::application`] for a number that its callers know.
///
/// ```
/// use thriftwood_core::{RpcError, RpcErrorKind};
///
/// let error = RpcError::application(402, "account is empty");
/// assert_eq!(error.kind(), RpcErrorKind::Application(402));
/// assert!(!error.is_retryable());
/// ```
pub struct RpcError(Box<Inner>);

struct Inner {
    kind: RpcErrorKind,
    message: String,
    source: Option<BoxError>,
    /// A handler chose the code, rather than that it came to it with an onward call's failure.
    chosen: bool,
}

/// The ways in which a call can end without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RpcErrorKind {
    /// The time was up before the reply came. The handler may have run.
    Timeout,
    /// Nobody serves this address, or it cannot be reached. The handler did not run.
    Unavailable,
    /// The connection was lost while the call was under way. The handler may have run.
    Disconnected,
    /// Too many calls are waiting already, on this side or on the server. The handler did not run.
    Overloaded,
    /// The address, a header or an argument cannot be sent at all. Nothing was sent.
    InvalidRequest,
    /// The arguments are larger than the transport carries. Nothing was sent.
    RequestTooLarge,
    /// The result is larger than the transport carries. The handler ran.
    ResponseTooLarge,
    /// The server has no such method.
    UnknownMethod,
    /// The handler failed with something it does not declare, or panicked.
    Internal,
    /// The peer sent what this side cannot read, or could not read what this side sent.
    Protocol,
    /// The handler answered with a number of its own.
    Application(i32),
}

impl RpcError {
    /// An error of this kind.
    pub fn new(kind: RpcErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None, chosen: false }))
    }

    /// The handler failed in a way that is its own business; the caller sees `INTERNAL_ERROR` and the text.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(RpcErrorKind::Internal, message.to_string())
    }

    /// The handler refuses with a code that its callers know; both travel unchanged. With
    /// [`ApplicationCode::OVERLOADED`](crate::error::ApplicationCode::OVERLOADED) it says that it has done nothing and that the call may be
    /// made again.
    pub fn application(code: i32, message: impl Into<String>) -> Self {
        let mut error = Self::new(kind_of(code), message);
        error.0.chosen = true;
        error
    }

    /// For generated code: a reply to `method` with neither a result nor a declared exception.
    pub fn missing_result(method: &str) -> Self {
        Self::new(RpcErrorKind::Protocol, format!("the reply to `{method}` has no result"))
    }

    /// For generated code: a middleware answered a call of `method` with the result of another.
    pub fn mismatched(method: &str) -> Self {
        Self::internal(format_args!("a middleware answered `{method}` with the result of another method"))
    }

    /// For generated code: a mock was called for which the test gave no answer.
    pub fn unmocked<E: From<Self>>(method: &str) -> E {
        Self::internal(format_args!("the mock has no answer for `{method}`")).into()
    }

    /// This error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of end it was.
    pub fn kind(&self) -> RpcErrorKind {
        self.0.kind
    }

    /// The text, without the kind.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        self.kind() == RpcErrorKind::Timeout
    }

    /// Whether nobody was there to take the call.
    pub fn is_unavailable(&self) -> bool {
        self.kind() == RpcErrorKind::Unavailable
    }

    /// Whether the same call may be sent again without running the handler twice.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), RpcErrorKind::Unavailable | RpcErrorKind::Overloaded)
    }

    /// What travels to the caller when a handler returns this.
    pub(crate) fn to_application(&self, method: &str) -> ApplicationError {
        let code = match self.kind() {
            RpcErrorKind::UnknownMethod => ApplicationCode::UNKNOWN_METHOD.0,
            RpcErrorKind::Protocol => ApplicationCode::PROTOCOL_ERROR.0,
            RpcErrorKind::ResponseTooLarge => ApplicationCode::RESPONSE_TOO_LARGE.0,
            RpcErrorKind::Application(code) => code,
            // Of an onward call it would say of another service that it is busy, and nothing of what has run here.
            RpcErrorKind::Overloaded if self.0.chosen => ApplicationCode::OVERLOADED.0,
            // A failed onward call says nothing of this server's own state to the caller but that it failed.
            _ => ApplicationCode::INTERNAL_ERROR.0,
        };
        let message = if code == ApplicationCode::INTERNAL_ERROR.0 {
            format!("Internal error processing {method}: {}", self.0.message)
        } else {
            self.0.message.clone()
        };
        ApplicationError { message, code }
    }
}

/// What a caller makes of a code it received.
fn kind_of(code: i32) -> RpcErrorKind {
    match ApplicationCode(code) {
        ApplicationCode::UNKNOWN_METHOD => RpcErrorKind::UnknownMethod,
        ApplicationCode::INTERNAL_ERROR => RpcErrorKind::Internal,
        ApplicationCode::PROTOCOL_ERROR => RpcErrorKind::Protocol,
        ApplicationCode::RESPONSE_TOO_LARGE => RpcErrorKind::ResponseTooLarge,
        ApplicationCode::OVERLOADED => RpcErrorKind::Overloaded,
        _ => RpcErrorKind::Application(code),
    }
}

impl fmt::Display for RpcErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RpcErrorKind::Timeout => "timed out",
            RpcErrorKind::Unavailable => "service unavailable",
            RpcErrorKind::Disconnected => "disconnected",
            RpcErrorKind::Overloaded => "overloaded",
            RpcErrorKind::InvalidRequest => "invalid request",
            RpcErrorKind::RequestTooLarge => "request too large",
            RpcErrorKind::ResponseTooLarge => "response too large",
            RpcErrorKind::UnknownMethod => "unknown method",
            RpcErrorKind::Internal => "internal error",
            RpcErrorKind::Protocol => "protocol error",
            RpcErrorKind::Application(code) => return write!(f, "application error {code}"),
        })
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl fmt::Debug for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RpcError");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for RpcError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<ApplicationError> for RpcError {
    fn from(error: ApplicationError) -> Self {
        Self::new(kind_of(error.code), error.message)
    }
}

impl From<DecodeError> for RpcError {
    fn from(error: DecodeError) -> Self {
        Self::new(RpcErrorKind::Protocol, error.to_string()).with_source(error)
    }
}

impl From<FrameError> for RpcError {
    fn from(error: FrameError) -> Self {
        let kind = match error {
            FrameError::TooLarge { .. } => RpcErrorKind::RequestTooLarge,
            FrameError::Unwritable => RpcErrorKind::InvalidRequest,
            _ => RpcErrorKind::Protocol,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

/// Its own error of a middleware stays as it is; any other is an internal one.
impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        match refusal.0.downcast::<RpcError>() {
            Ok(error) => *error,
            Err(other) => Self::internal(&other).with_source(other),
        }
    }
}
