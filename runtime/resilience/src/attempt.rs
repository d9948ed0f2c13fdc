//! One attempt of a call, of which there may be several.

use std::future::poll_fn;

use thriftwood_core::call::{Call, Request};
use thriftwood_core::middleware::Refusal;
use thriftwood_core::{RpcError, RpcErrorKind};
use tower::Service;

/// What the layers of this crate go around: a client, or another layer around one.
pub trait Caller<Req: Request>:
    Service<Call<Req>, Response = Req::Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<Req: Request, S> Caller<Req> for S where
    S: Service<Call<Req>, Response = Req::Response, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes the call, on a clone of the service that is ready for it. An error of another layer becomes an [`RpcError`], as it
/// would at the client.
pub(crate) async fn attempt<Req: Request, S: Caller<Req>>(
    mut service: S,
    call: Call<Req>,
) -> Result<Req::Response, RpcError> {
    let refused = |error: S::Error| RpcError::from(Refusal(error.into()));
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(refused)?;
    service.call(call).await.map_err(refused)
}

/// Whether the method says that it may run twice: annotated `(idempotent)`, with any value but `false`.
pub(crate) fn is_idempotent<Req: Request>(call: &Call<Req>) -> bool {
    call.method().annotation("idempotent").is_some_and(|value| value != "false")
}

/// Whether the error says that the service is in trouble, rather than something about the one call.
pub(crate) fn is_trouble(error: &RpcError) -> bool {
    matches!(
        error.kind(),
        RpcErrorKind::Timeout | RpcErrorKind::Unavailable | RpcErrorKind::Disconnected | RpcErrorKind::Overloaded
    )
}
