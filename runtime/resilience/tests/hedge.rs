//! Which calls are made twice, and whose answer is taken.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{AskRequest, AskResponse, Count, ask, context, error};
use thriftwood_core::call::{Call, Server};
use thriftwood_core::middleware::Step;
use thriftwood_core::{Client, RpcError, RpcErrorKind, memory};
use thriftwood_resilience::Hedge;
use tokio::time::{Instant, sleep};
use tower::{Layer, service_fn};

const AFTER: Duration = Duration::from_millis(50);

/// Answers its calls by turns after these times, an error where there is one; the number of the call is the answer.
macro_rules! answering {
    ($count:expr, $($after_ms:expr => $error:expr),*) => {{
        let count: Count = $count.clone();
        service_fn(move |_: Call<AskRequest>| {
            let answers: &[(u64, Option<RpcErrorKind>)] = &[$(($after_ms, $error)),*];
            let number = count.add();
            let (after, kind) = answers[(number as usize - 1) % answers.len()];
            async move {
                sleep(Duration::from_millis(after)).await;
                match kind {
                    Some(kind) => Err(error(kind)),
                    None => Ok::<_, RpcError>(AskResponse(number as i32)),
                }
            }
        })
    }};
}

#[tokio::test(start_paused = true)]
async fn a_late_idempotent_call_is_made_twice_and_the_first_answer_is_taken() {
    let count = Count::default();
    let service = Hedge::after(AFTER).layer(answering!(count, 9000 => None, 10 => None));
    let began = Instant::now();
    assert_eq!(ask(&service, &context(), AskRequest::Read).await.unwrap(), 2);
    assert_eq!((began.elapsed(), count.get()), (Duration::from_millis(60), 2));
}

/// Answers with the number of the call, also in a header; the first call takes long.
struct SlowOnce(Count);

impl Step<Call<AskRequest>> for SlowOnce {
    async fn call(&self, call: Call<AskRequest>) -> Result<AskResponse, RpcError> {
        let number = self.0.add();
        if number == 1 {
            sleep(Duration::from_secs(9)).await;
        }
        call.context.set_response_header("number", &number.to_string());
        Ok(AskResponse(number as i32))
    }
}

#[tokio::test(start_paused = true)]
async fn the_headers_that_came_with_the_answer_taken_reach_the_caller() {
    let bus = memory::bus();
    bus.serve("ask", Server::new("Ask", SlowOnce(Count::default()))).await.unwrap();
    let client = Client::<AskRequest>::new(bus.rpc("ask")).layer(Hedge::after(AFTER));
    let context = context();
    assert_eq!(client.call(&context, AskRequest::Read).await.unwrap(), AskResponse(2));
    assert_eq!(context.response_header("number").as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn the_first_call_may_still_win() {
    let count = Count::default();
    let service = Hedge::after(AFTER).layer(answering!(count, 60 => None, 9000 => None));
    assert_eq!(ask(&service, &context(), AskRequest::Read).await.unwrap(), 1);
    assert_eq!(count.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_time_or_that_must_not_run_twice_is_made_once() {
    let count = Count::default();
    let service = Hedge::after(AFTER).layer(answering!(count, 49 => None, 9000 => None));
    ask(&service, &context(), AskRequest::Read).await.unwrap();
    ask(&service, &context(), AskRequest::Write).await.unwrap();
    assert_eq!(count.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_transport_is_no_answer_while_the_other_call_may_bring_one() {
    let disconnected = Some(RpcErrorKind::Disconnected);
    // The first fails at 100 ms and the second answers at 150; or the second fails at 60 ms and the first answers at 200.
    for ((first, fails), (second, too), answer) in
        [((100, disconnected), (100, None), 2), ((200, None), (10, disconnected), 1)]
    {
        let count = Count::default();
        let service = Hedge::after(AFTER).layer(answering!(count, first => fails, second => too));
        assert_eq!(ask(&service, &context(), AskRequest::Read).await.unwrap(), answer);
        assert_eq!(count.get(), 2);
    }
    let count = Count::default();
    let service =
        Hedge::after(AFTER).layer(answering!(count, 100 => Some(RpcErrorKind::Application(402)), 9000 => None));
    let refused = ask(&service, &context(), AskRequest::Read).await.unwrap_err();
    assert_eq!(refused.kind(), RpcErrorKind::Application(402), "what a handler answers is an answer");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_slow_as_a_whole_gets_few_calls_twice() {
    let count = Count::default();
    let service = Hedge::after(AFTER).layer(answering!(count, 100 => None));
    for _ in 0..1000 {
        ask(&service, &context(), AskRequest::Read).await.unwrap();
    }
    // A tenth, and one a second of the 100 s that this takes; the budget forgets in steps.
    assert!((1050..1320).contains(&count.get()), "{} for 1,000 calls", count.get());
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_of_late_calls_a_tenth_and_ten_more_are_made_twice() {
    let count = Count::default();
    let service = Hedge::after(AFTER).layer(answering!(count, 100 => None));
    let calls = (0..100).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, &context(), AskRequest::Read).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(count.get(), 100 + 10 + 10);
}
