//! Which calls are made again, how often, and when not.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::future::pending;
use std::time::Duration;

use support::{AskRequest, AskResponse, Count, ask, context, error};
use thriftwood_core::call::Call;
use thriftwood_core::{RpcError, RpcErrorKind};
use thriftwood_resilience::Retry;
use tokio::time::Instant;
use tower::{Layer, service_fn};

/// Fails the first calls with these, then answers with how many calls there were.
fn failing(
    count: &Count,
    first: &'static [RpcErrorKind],
) -> impl tower::Service<
    Call<AskRequest>,
    Response = AskResponse,
    Error = RpcError,
    Future = impl Future<Output = Result<AskResponse, RpcError>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let count = count.clone();
    service_fn(move |_: Call<AskRequest>| {
        let calls = count.add();
        let result = match first.get(calls as usize - 1) {
            Some(kind) => Err(error(*kind)),
            None => Ok(AskResponse(calls as i32)),
        };
        async move { result }
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_that_did_not_reach_its_handler_is_made_again() {
    for kind in [RpcErrorKind::Unavailable, RpcErrorKind::Overloaded] {
        let count = Count::default();
        let kinds: &'static [_] = Box::leak(Box::new([kind; 2]));
        let service = Retry::new().layer(failing(&count, kinds));
        assert_eq!(ask(&service, &context(), AskRequest::Write).await.unwrap(), 3, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_pause_is_longer_than_the_longest() {
    const LONGEST: Duration = Duration::from_millis(10);
    let count = Count::default();
    let service = Retry::new()
        .attempts(12)
        .budget(1000, 1.0)
        .pause(Duration::from_millis(1), LONGEST)
        .layer(failing(&count, &[RpcErrorKind::Unavailable; 12]));
    let began = Instant::now();
    ask(&service, &context(), AskRequest::Write).await.unwrap_err();
    assert_eq!(count.get(), 12);
    // Doubled without end, the last alone would be up to a second.
    let slack = Duration::from_millis(12);
    assert!(began.elapsed() <= 11 * LONGEST + slack, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_pause_is_no_longer_than_it_is_told_to_be() {
    const FIRST: Duration = Duration::from_millis(100);
    for (retry, longest) in [
        (Retry::new().pause(FIRST, Duration::from_secs(10)), FIRST),
        // The default.
        (Retry::new(), Duration::from_millis(25)),
    ] {
        let began = Instant::now();
        // Enough that a pause that may be twice as long is seen to be.
        for _ in 0..50 {
            let before = Instant::now();
            let service = retry.clone().layer(failing(&Count::default(), &[RpcErrorKind::Unavailable]));
            assert_eq!(ask(&service, &context(), AskRequest::Write).await.unwrap(), 2);
            // The clock of a test stands at whole milliseconds.
            assert!(before.elapsed() <= longest + Duration::from_millis(1), "{:?}", before.elapsed());
        }
        assert!(began.elapsed() > longest, "50 random pauses are not all next to nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_run_is_made_again_only_when_it_is_idempotent() {
    let count = Count::default();
    let service = Retry::new().layer(failing(&count, &[RpcErrorKind::Disconnected; 2]));
    let failed = ask(&service, &context(), AskRequest::Write).await.unwrap_err();
    assert_eq!((failed.kind(), count.get()), (RpcErrorKind::Disconnected, 1));
    assert_eq!(ask(&service, &context(), AskRequest::Read).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_handler_answered_is_final() {
    for kind in [RpcErrorKind::Internal, RpcErrorKind::Application(402), RpcErrorKind::UnknownMethod] {
        let count = Count::default();
        let kinds: &'static [_] = Box::leak(Box::new([kind]));
        let service = Retry::new().layer(failing(&count, kinds));
        let failed = ask(&service, &context(), AskRequest::Read).await.unwrap_err();
        assert_eq!((failed.kind(), failed.message()), (kind, "as the test wants it"));
        assert_eq!(count.get(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_error_says_how_often_it_was_tried() {
    let count = Count::default();
    let service = Retry::new().layer(failing(&count, &[RpcErrorKind::Unavailable; 9]));
    let failed = ask(&service, &context(), AskRequest::Write).await.unwrap_err();
    assert_eq!(failed.to_string(), "service unavailable: as the test wants it (after 3 attempts)");
    assert_eq!(count.get(), 3);
    let service = Retry::new().attempts(2).layer(failing(&count, &[RpcErrorKind::Unavailable; 9]));
    let failed = ask(&service, &context(), AskRequest::Write).await.unwrap_err();
    assert_eq!(failed.message(), "as the test wants it (after 2 attempts)");
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_all_attempts_stay_within_the_time_of_the_call() {
    let count = Count::default();
    let pause = Duration::from_millis(100);
    let service = Retry::new()
        .attempts(1000)
        .pause(pause, Duration::from_secs(2))
        .layer(failing(&count, &[RpcErrorKind::Unavailable; 1000]));
    let began = Instant::now();
    ask(&service, &context().with_timeout(Duration::from_secs(5)), AskRequest::Write).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // Half of 0.1, 0.2, .. 1.6, 2, 2 s on average; 17 is out of reach unless pauses do not grow.
    assert!((3..17).contains(&count.get()), "{} attempts", count.get());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_every_call_gets_little_more_than_the_calls_there_are() {
    let count = Count::default();
    let failing = {
        let count = count.clone();
        service_fn(move |_: Call<AskRequest>| {
            count.add();
            async { Err::<AskResponse, _>(error(RpcErrorKind::Unavailable)) }
        })
    };
    let service = Retry::new().pause(Duration::ZERO, Duration::ZERO).budget(0, 0.2).layer(failing);
    for _ in 0..1000 {
        ask(&service, &context(), AskRequest::Write).await.unwrap_err();
    }
    assert!((1100..=1200).contains(&count.get()), "{} attempts for 1,000 calls", count.get());
}

/// How many attempts there are when so many calls begin at once and each attempt fails.
async fn attempts_of(calls: usize, retry: Retry) -> u32 {
    let count = Count::default();
    let service = {
        let count = count.clone();
        retry.layer(service_fn(move |_: Call<AskRequest>| {
            count.add();
            async { Err::<AskResponse, _>(error(RpcErrorKind::Unavailable)) }
        }))
    };
    let calls = (0..calls).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, &context(), AskRequest::Write).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap_err();
    }
    count.get()
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_failures_has_a_fifth_of_its_calls_and_ten_seconds_worth_of_ten_made_again() {
    assert_eq!(attempts_of(1000, Retry::new()).await, 1000 + 200 + 100);
}

#[tokio::test(start_paused = true)]
async fn a_budget_out_of_bounds_is_brought_within_them() {
    for part in [f32::NAN, f32::INFINITY, -1.0] {
        assert_eq!(attempts_of(10, Retry::new().budget(0, part)).await, 10, "{part} is nothing");
    }
    let most = Retry::new().budget(u32::MAX, f32::MAX).pause(Duration::ZERO, Duration::ZERO);
    assert_eq!(attempts_of(10, most).await, 30);
}

/// Answers only when it was asked whether it is ready, as services that limit something want to be.
#[derive(Clone, Default)]
struct Particular {
    ready: bool,
    count: Count,
}

impl tower::Service<Call<AskRequest>> for Particular {
    type Response = AskResponse;
    type Error = RpcError;
    type Future = std::future::Ready<Result<AskResponse, RpcError>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), RpcError>> {
        self.ready = true;
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Call<AskRequest>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without asking whether it is ready");
        std::future::ready(match self.count.add() {
            1 => Err(error(RpcErrorKind::Unavailable)),
            calls => Ok(AskResponse(calls as i32)),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_waits_until_the_service_is_ready() {
    let service = Retry::new().layer(Particular::default());
    assert_eq!(ask(&service, &context(), AskRequest::Write).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_attempt_that_takes_too_long_is_followed_by_another() {
    let count = Count::default();
    let hanging_once = {
        let count = count.clone();
        service_fn(move |call: Call<AskRequest>| {
            let calls = count.add();
            async move {
                if calls == 1 {
                    let limit = call.context.remaining();
                    return match tokio::time::timeout(limit, pending::<()>()).await {
                        Ok(()) => unreachable!("it is pending"),
                        Err(_) => Err(error(RpcErrorKind::Timeout)),
                    };
                }
                Ok(AskResponse(calls as i32))
            }
        })
    };
    let service = Retry::new().attempt_timeout(Duration::from_millis(200)).layer(hanging_once);
    let began = Instant::now();
    assert_eq!(ask(&service, &context(), AskRequest::Read).await.unwrap(), 2);
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
}
