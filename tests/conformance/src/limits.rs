//! How many calls a server takes at once, and what it says of those beyond, on every transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use thriftwood::call::{Handler, Inbound};
use thriftwood::error::ApplicationCode;
use thriftwood::{BoxFuture, RpcErrorKind};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{ProbeClient, ProbeServer};
use crate::probe::Probe;

/// The limit of a whole server: the call beyond it is refused, may be made again, and then is answered.
pub async fn a_call_beyond_the_servers_limit_is_refused_as_overloaded(fixture: &Fixture) {
    let handler = Probe::default();
    fixture.server.serve("narrow", ProbeServer::new(handler.clone())).max_calls(1).await.expect("it is served");
    let probe = ProbeClient::new(fixture.client.rpc("narrow"));
    let first = tokio::spawn({
        let probe = probe.clone();
        async move { probe.after_millis(&patient(), 400, -1).await }
    });
    assert_eq!(soon("the first call", handler.next_note()).await.as_deref(), Some("began -1"));
    let error = soon("the refusal", probe.after_millis(&patient(), 0, 2)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (RpcErrorKind::Overloaded, true), "{error}");
    assert_eq!(soon("the first reply", first).await.unwrap().unwrap(), -1);
    assert_eq!(soon("the next reply", probe.after_millis(&patient(), 0, 3)).await.unwrap(), 3);
}

/// A handler that has done nothing yet may say so too.
pub async fn a_handler_may_refuse_as_overloaded(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let error = soon("the refusal", probe.fails(&patient(), ApplicationCode::OVERLOADED.0)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (RpcErrorKind::Overloaded, true), "{error}");
    assert_eq!(error.message(), "the application says no");
}

/// Calls beyond those that are handled at once wait their turn.
pub async fn calls_wait_their_turn_and_no_more_are_handled_at_once_than_may_be(fixture: &Fixture) {
    const AT_ONCE: usize = 8;
    let gauge = Gauge { server: Arc::new(ProbeServer::new(Probe::default())), counts: Arc::default() };
    let counts = Arc::clone(&gauge.counts);
    fixture.server.serve("gauge", gauge).concurrency(AT_ONCE).await.expect("it is served");
    let probe = ProbeClient::new(fixture.client.rpc("gauge"));
    let ctx = patient();
    let calls = (0..2 * AT_ONCE as i64).map(|number| probe.after_millis(&ctx, 20, number));
    for (number, reply) in (0..).zip(soon("all replies", join_all(calls)).await) {
        assert_eq!(reply.unwrap(), number);
    }
    let most = counts.most.load(Ordering::SeqCst);
    assert!((2..=AT_ONCE).contains(&most), "{most} calls at once");
}

/// Counts the calls under way.
struct Gauge<H> {
    server: Arc<H>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl<H: Handler> Handler for Gauge<H> {
    fn service(&self) -> &'static str {
        self.server.service()
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (reply, counts) = (self.server.handle(inbound), Arc::clone(&self.counts));
        Box::pin(async move {
            counts.most.fetch_max(counts.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // So that those which may run at once do.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let reply = reply.await;
            counts.now.fetch_sub(1, Ordering::SeqCst);
            reply
        })
    }
}
