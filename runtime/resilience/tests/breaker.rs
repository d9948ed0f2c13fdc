//! When calls fail at once, and when they are let through again.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::{AskRequest, AskResponse, Count, ask, context, error};
use thriftwood_core::call::Call;
use thriftwood_core::{RpcError, RpcErrorKind};
use thriftwood_resilience::{Breaker, Guarded};
use tokio::sync::Notify;
use tokio::time::advance;
use tower::{Layer, Service, service_fn};

/// A service that is up or down, and hangs when it is told to.
#[derive(Clone, Default)]
struct Switch {
    up: Arc<AtomicBool>,
    kind: Option<RpcErrorKind>,
    count: Count,
    hang: Arc<AtomicBool>,
    go_on: Arc<Notify>,
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<AskResponse, RpcError>> + Send>>;

impl Switch {
    fn behind(
        &self,
        breaker: &Breaker,
    ) -> Guarded<
        impl Service<Call<AskRequest>, Response = AskResponse, Error = RpcError, Future = Answer>
        + Clone
        + Send
        + Sync
        + 'static,
        Breaker,
    > {
        let this = self.clone();
        breaker.layer(service_fn(move |_: Call<AskRequest>| -> Answer {
            let this = this.clone();
            this.count.add();
            Box::pin(async move {
                if this.hang.load(Ordering::SeqCst) {
                    this.go_on.notified().await;
                }
                match this.up.load(Ordering::SeqCst) {
                    true => Ok(AskResponse(1)),
                    false => Err(error(this.kind.unwrap_or(RpcErrorKind::Unavailable))),
                }
            })
        }))
    }
}

async fn fail(
    service: &(impl Service<Call<AskRequest>, Response = AskResponse, Error = RpcError> + Clone),
    times: u32,
) {
    for _ in 0..times {
        ask(service, &context(), AskRequest::Read).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_half_of_its_calls_is_asked_no_more_for_a_while() {
    let (breaker, down) = (Breaker::new(), Switch::default());
    let service = down.behind(&breaker);
    down.up.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        ask(&service, &context(), AskRequest::Read).await.unwrap();
    }
    down.up.store(false, Ordering::SeqCst);
    fail(&service, 9).await;
    assert!(!breaker.is_open(), "9 of 19 is not half, nor 20 calls");
    fail(&service, 1).await;
    assert!(breaker.is_open());
    let refused = ask(&service, &context(), AskRequest::Read).await.unwrap_err();
    assert!(refused.is_unavailable() && refused.is_retryable());
    let text =
        "the circuit breaker fails calls of Ask at once, since 10 of 20 calls failed; it lets one through in 5000 ms";
    assert_eq!(refused.message(), text);
    assert_eq!(down.count.get(), 20, "the service was spared the last");
}

#[tokio::test(start_paused = true)]
async fn one_call_decides_whether_the_circuit_closes() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 3).open_for(Duration::from_secs(5)), Switch::default());
    let service = down.behind(&breaker);
    fail(&service, 3).await;
    advance(Duration::from_secs(5)).await;
    // Still down: one call finds that out, and the rest are spared.
    fail(&service, 4).await;
    assert_eq!(down.count.get(), 4);
    advance(Duration::from_secs(5)).await;
    down.up.store(true, Ordering::SeqCst);
    ask(&service, &context(), AskRequest::Read).await.unwrap();
    assert!(!breaker.is_open());
    // It starts from nothing: what failed before counts no more.
    down.up.store(false, Ordering::SeqCst);
    fail(&service, 2).await;
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn while_one_call_tries_the_others_fail_and_a_dropped_try_makes_way_for_the_next() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 3), Switch::default());
    let service = down.behind(&breaker);
    fail(&service, 3).await;
    advance(Duration::from_secs(5)).await;
    down.hang.store(true, Ordering::SeqCst);
    let trying = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, &context(), AskRequest::Read).await }
    });
    while down.count.get() < 4 {
        tokio::task::yield_now().await;
    }
    fail(&service, 5).await;
    assert_eq!(down.count.get(), 4, "one at a time");
    assert!(breaker.is_open());
    trying.abort();
    trying.await.unwrap_err();
    down.hang.store(false, Ordering::SeqCst);
    down.up.store(true, Ordering::SeqCst);
    ask(&service, &context(), AskRequest::Read).await.unwrap();
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_fewer_calls_than_that_is_asked_on() {
    let (breaker, down) = (Breaker::new(), Switch::default());
    let service = down.behind(&breaker);
    down.up.store(true, Ordering::SeqCst);
    for _ in 0..30 {
        ask(&service, &context(), AskRequest::Read).await.unwrap();
    }
    down.up.store(false, Ordering::SeqCst);
    fail(&service, 29).await;
    assert!(!breaker.is_open(), "29 of 59 is not half");
    fail(&service, 1).await;
    assert!(breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_the_circuit_opened_neither_closes_it_nor_makes_way_for_another_try() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 3), Switch::default());
    let service = down.behind(&breaker);
    let start = || {
        let (service, before) = (service.clone(), down.count.get());
        let call = tokio::spawn(async move { ask(&service, &context(), AskRequest::Read).await });
        (call, before)
    };
    let reaches = async |before: u32| {
        while down.count.get() == before {
            tokio::task::yield_now().await;
        }
    };
    down.hang.store(true, Ordering::SeqCst);
    let (answered, before) = start();
    reaches(before).await;
    let (dropped, before) = start();
    reaches(before).await;
    down.hang.store(false, Ordering::SeqCst);
    fail(&service, 3).await;
    advance(Duration::from_secs(5)).await;
    down.hang.store(true, Ordering::SeqCst);
    let (trying, before) = start();
    reaches(before).await;
    // The old ones end while the one that decides is under way: one is dropped, and one has an answer.
    dropped.abort();
    dropped.await.unwrap_err();
    fail(&service, 1).await;
    down.up.store(true, Ordering::SeqCst);
    down.go_on.notify_one();
    answered.await.unwrap().unwrap();
    assert!(breaker.is_open());
    fail(&service, 1).await;
    down.go_on.notify_one();
    trying.await.unwrap().unwrap();
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn failures_of_long_ago_count_no_more() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 3), Switch::default());
    let service = down.behind(&breaker);
    for _ in 0..5 {
        fail(&service, 2).await;
        assert!(!breaker.is_open());
        advance(Duration::from_secs(11)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_count_for_ten_seconds_and_are_forgotten_one_by_one() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 4), Switch::default());
    let service = down.behind(&breaker);
    fail(&service, 1).await;
    // At 4, 8 and 11 s: the first counts no more then, and the others still do.
    for seconds in [4, 4, 3] {
        advance(Duration::from_secs(seconds)).await;
        fail(&service, 1).await;
        assert!(!breaker.is_open());
    }
    advance(Duration::from_secs(2)).await;
    fail(&service, 1).await;
    assert!(breaker.is_open(), "those of 4, 8, 11 and 13 s are four within ten seconds");
}

#[tokio::test(start_paused = true)]
async fn answers_of_a_handler_never_open_the_circuit() {
    for kind in [RpcErrorKind::Internal, RpcErrorKind::Application(402), RpcErrorKind::UnknownMethod] {
        let (breaker, broken) = (Breaker::new().opens_at(0.1, 1), Switch { kind: Some(kind), ..Switch::default() });
        fail(&broken.behind(&breaker), 50).await;
        assert!(!breaker.is_open(), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_failed_call_is_enough_where_no_more_are_asked_for() {
    for calls in [0, 1] {
        let (breaker, down) = (Breaker::new().opens_at(1.0, calls), Switch::default());
        fail(&down.behind(&breaker), 1).await;
        assert!(breaker.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn clients_behind_one_breaker_share_its_circuit() {
    let (breaker, down) = (Breaker::new().opens_at(1.0, 3), Switch::default());
    let (one, other) = (down.behind(&breaker), down.behind(&breaker));
    fail(&one, 3).await;
    fail(&other, 1).await;
    assert_eq!(down.count.get(), 3);
}
