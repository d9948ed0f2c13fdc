//! Which server of several gets a call, and what becomes of calls to one that is gone.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{AskRequest, AskResponse, Count, context, error};
use thriftwood_core::call::{Call, Server};
use thriftwood_core::middleware::Step;
use thriftwood_core::{Bus, Client, ErrorKind, RpcError, RpcErrorKind, Serving, memory};
use thriftwood_resilience::{Retry, balance};
use tokio::sync::watch;

/// Answers with its number; `write` waits until it is told to go on.
struct Numbered {
    number: i32,
    count: Count,
    go_on: watch::Receiver<bool>,
}

impl Step<Call<AskRequest>> for Numbered {
    async fn call(&self, call: Call<AskRequest>) -> Result<AskResponse, RpcError> {
        self.count.add();
        if call.request == AskRequest::Write {
            self.go_on.clone().wait_for(|go| *go).await.map_err(RpcError::internal)?;
        }
        call.context.set_response_header("server", &self.number.to_string());
        Ok(AskResponse(self.number))
    }
}

/// Servers on a bus each, and a bus over all.
struct Farm {
    buses: Vec<Bus>,
    servings: Vec<Option<Serving>>,
    counts: Vec<Count>,
    go_on: watch::Sender<bool>,
    client: Client<AskRequest>,
}

impl Farm {
    async fn of(servers: usize) -> Self {
        let buses: Vec<_> = (0..servers).map(|_| memory::bus()).collect();
        let client = Client::new(balance(buses.clone()).unwrap().rpc("ask"));
        let counts = (0..servers).map(|_| Count::default()).collect();
        let servings = (0..servers).map(|_| None).collect();
        let mut farm = Self { buses, servings, counts, go_on: watch::channel(false).0, client };
        for number in 0..servers {
            farm.start(number).await;
        }
        farm
    }

    async fn start(&mut self, number: usize) {
        let (count, go_on) = (self.counts[number].clone(), self.go_on.subscribe());
        let handler = Numbered { number: number as i32, count, go_on };
        self.servings[number] = Some(self.buses[number].serve("ask", Server::new("Ask", handler)).await.unwrap());
    }

    async fn stop(&mut self, number: usize) {
        self.servings[number].take().unwrap().stop().await;
    }

    async fn read(&self) -> Result<i32, RpcError> {
        self.client.call(&context(), AskRequest::Read).await.map(|response| response.0)
    }

    /// How many calls each server got since it was asked last.
    async fn calls(&self, calls: usize) -> Vec<u32> {
        let before: Vec<_> = self.counts.iter().map(Count::get).collect();
        for _ in 0..calls {
            self.read().await.unwrap();
        }
        self.counts.iter().zip(before).map(|(count, before)| count.get() - before).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn every_server_gets_its_share() {
    let farm = Farm::of(3).await;
    let calls = farm.calls(600).await;
    assert!(calls.iter().all(|calls| (120..280).contains(calls)), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_gets_no_call_while_another_is_idle() {
    let farm = Farm::of(2).await;
    let waiting = tokio::spawn({
        let client = farm.client.clone();
        async move { client.call(&context(), AskRequest::Write).await.map(|response| response.0) }
    });
    while farm.counts.iter().map(Count::get).sum::<u32>() == 0 {
        tokio::task::yield_now().await;
    }
    let busy = farm.counts.iter().position(|count| count.get() == 1).unwrap();
    assert_eq!(farm.calls(50).await[busy], 0);
    farm.go_on.send(true).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), busy as i32);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_costs_no_caller_a_call_and_is_asked_again_when_it_is_due() {
    let mut farm = Farm::of(2).await;
    farm.stop(0).await;
    assert_eq!(farm.calls(50).await, [0, 50]);
    farm.start(0).await;
    assert_eq!(farm.calls(50).await, [0, 50], "it was put out, and is not due yet");
    tokio::time::advance(Duration::from_secs(1)).await;
    let calls = farm.calls(100).await;
    assert!(calls.iter().all(|calls| *calls > 20), "{calls:?}");
}

/// Fails every call like this.
struct Failing(Count, RpcErrorKind);

impl Step<Call<AskRequest>> for Failing {
    async fn call(&self, _: Call<AskRequest>) -> Result<AskResponse, RpcError> {
        self.0.add();
        Err(error(self.1))
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_reached_a_server_is_made_to_no_other() {
    for kind in [RpcErrorKind::Internal, RpcErrorKind::Application(402)] {
        let (count, buses) = (Count::default(), [memory::bus(), memory::bus()]);
        for bus in &buses {
            bus.serve("ask", Server::new("Ask", Failing(count.clone(), kind))).await.unwrap();
        }
        let client = Client::<AskRequest>::new(balance(buses.to_vec()).unwrap().rpc("ask"));
        assert_eq!(client.call(&context(), AskRequest::Write).await.unwrap_err().kind(), kind);
        assert_eq!(count.get(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_are_gone_the_error_says_so_and_the_first_that_is_back_is_found() {
    let mut farm = Farm::of(2).await;
    farm.stop(0).await;
    farm.stop(1).await;
    for _ in 0..3 {
        let gone = farm.read().await.unwrap_err();
        assert_eq!(gone.kind(), RpcErrorKind::Unavailable);
        assert!(gone.message().starts_with("none of 2 servers was to be found, the last for: "), "{gone}");
    }
    farm.start(1).await;
    assert_eq!(farm.read().await.unwrap(), 1, "nobody waits for the time that it is out");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_put_out_after_a_few_calls() {
    let farm = Farm::of(2).await;
    // Only the first server's handlers hang: the other's are told to go on.
    let hangs = memory::bus();
    let (_never, go_on) = watch::channel(false);
    let handler = Numbered { number: 0, count: farm.counts[0].clone(), go_on };
    hangs.serve("ask", Server::new("Ask", handler)).await.unwrap();
    farm.go_on.send(true).unwrap();
    let client = Client::<AskRequest>::new(balance(vec![hangs, farm.buses[1].clone()]).unwrap().rpc("ask"));
    let mut failed = 0;
    for _ in 0..200 {
        // One after the other, so that the number of calls under way tells nothing. Servers go by real time, so not too short.
        let impatient = context().with_timeout(Duration::from_millis(100));
        failed += u32::from(client.call(&impatient, AskRequest::Write).await.is_err());
    }
    assert_eq!(failed, 5, "of 200 calls");
}

#[tokio::test(start_paused = true)]
async fn the_reply_s_headers_reach_the_caller_through_retry_and_balance() {
    let farm = Farm::of(2).await;
    let client = farm.client.clone().layer(Retry::new().attempt_timeout(Duration::from_secs(1)));
    let context = context();
    let number = client.call(&context, AskRequest::Read).await.unwrap().0;
    assert_eq!(context.response_header("server"), Some(number.to_string()));
}

#[tokio::test]
async fn a_bus_over_several_servers_makes_calls_only() {
    let farm = Farm::of(2).await;
    let bus = balance(farm.buses.clone()).unwrap();
    let handler = Numbered { number: 0, count: Count::default(), go_on: farm.go_on.subscribe() };
    let refused = bus.serve("ask", Server::new("Ask", handler)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("does not serve") && refused.message().contains("one server"), "{refused}");
    bus.close().await.unwrap();
    for one in &farm.buses {
        let handler = Numbered { number: 0, count: Count::default(), go_on: farm.go_on.subscribe() };
        let refused = one.serve("other", Server::new("Ask", handler)).await.unwrap_err();
        assert!(refused.is_closed(), "those that it is made of are closed with it: {refused}");
    }
    assert_eq!(balance(Vec::new()).unwrap_err().kind(), ErrorKind::InvalidUrl);
}
