//! What the tests of telemetry share: two services and a scope in a row, and a collector of finished spans.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test whose parts do not start has failed")]

pub mod collected;
pub mod hops;
#[cfg(feature = "otlp")]
pub mod receiver;

/// The generated types of `idl/hops.frugal`.
#[allow(missing_docs)]
pub mod idl {
    thriftwood::include_idl!("v1.hops");
}

use std::time::Duration;

/// Waits for what must come, and fails when it hangs.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within 30 s"),
    }
}
