//! What a caller is told of a call without a reply.

use crate::session::Refused;
use crate::transport::Outbound;
use crate::{RpcError, RpcErrorKind};

/// A call that has no reply.
#[derive(Debug)]
pub struct Failed {
    /// Why it has none.
    pub error: RpcError,
    /// The call, where nothing of it was sent, so that it may be made elsewhere.
    pub unsent: Option<Outbound>,
}

/// A call that was not taken on.
pub(super) fn refused(refused: Refused, outbound: Outbound) -> Failed {
    let kind = match refused {
        Refused::Duplicate => RpcErrorKind::InvalidRequest,
        Refused::Ended => RpcErrorKind::Unavailable,
        Refused::Overloaded(_) => RpcErrorKind::Overloaded,
    };
    Failed { error: RpcError::new(kind, refused.to_string()), unsent: Some(outbound) }
}
