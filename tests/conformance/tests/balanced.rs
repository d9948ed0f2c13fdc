//! A URL of several servers: real ones over TCP, of which one goes and comes back.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test whose parts do not start has failed")]

use std::time::{Duration, Instant};

use thriftwood::Bus;
use thriftwood::resilience::Retry;
use thriftwood_conformance::fixture::{patient, soon};
use thriftwood_conformance::idl::{Item, ProbeClient, ProbeServer};
use thriftwood_conformance::probe::Probe;

/// A server at this address, and where it is.
async fn server(address: &str) -> (Bus, String) {
    let bus = thriftwood::connect(&format!("tcp://{address}")).await.unwrap();
    let serving = bus.serve("probe", ProbeServer::new(Probe::default())).await.unwrap();
    let address = serving.local_addr().expect("TCP has an address").to_string();
    (bus, address)
}

async fn echo(probe: &ProbeClient) -> Duration {
    let began = Instant::now();
    soon("the echo", probe.echo(&patient(), Item::new("x"))).await.unwrap();
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_when_one_of_two_servers_goes_and_comes_back() {
    let (one, first) = server("127.0.0.1:0").await;
    let (other, second) = server("127.0.0.1:0").await;
    let bus = thriftwood::connect(&format!("tcp://{first},{second}")).await.unwrap();
    let probe = ProbeClient::new(bus.rpc("probe")).layer(Retry::new());
    for _ in 0..50 {
        echo(&probe).await;
    }
    one.close().await.unwrap();
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        longest = longest.max(echo(&probe).await);
    }
    assert!(longest < Duration::from_secs(2), "a call waited {longest:?} for a server that was gone");
    let (_back, again) = server(&first).await;
    assert_eq!(again, first);
    other.close().await.unwrap();
    for _ in 0..200 {
        echo(&probe).await;
    }
    bus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_no_server_is_left_the_error_says_how_many_there_were() {
    let (one, first) = server("127.0.0.1:0").await;
    let (other, second) = server("127.0.0.1:0").await;
    let bus = thriftwood::connect(&format!("tcp://{first},{second}")).await.unwrap();
    let probe = ProbeClient::new(bus.rpc("probe"));
    one.close().await.unwrap();
    other.close().await.unwrap();
    let error = soon("the error", probe.echo(&patient(), Item::new("x"))).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.message().contains("none of 2 servers was to be found"), "{error}");
}
