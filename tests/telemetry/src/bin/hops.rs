//! A program whose spans and metrics go to a collector: `hops once URL`, `hops own URL`, `hops serve URL`, `hops call URL`, `hops fail URL`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's program that cannot go on has failed")]

use std::io::Read;
use std::time::Duration;

use thriftwood::telemetry::{Exporting, InitError, export, init};
use thriftwood::{Bus, Context};
use thriftwood_telemetry_tests::idl::{FrontClient, Greetings};
use thriftwood_telemetry_tests::{hops, soon};
use tracing_subscriber::layer::SubscriberExt;

#[tokio::main]
async fn main() {
    let [role, url] = [1, 2].map(|n| std::env::args().nth(n).expect("a role and a URL"));
    let started = if role == "own" { with_a_subscriber_of_its_own() } else { init() };
    let exporting = match started {
        Ok(exporting) => exporting,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    let bus = thriftwood::connect(&url).await.unwrap();
    match &*role {
        "once" | "own" => {
            let _seen = hops::serve(&bus, &bus).await;
            call(&bus).await;
        }
        "serve" => {
            let _seen = hops::serve(&bus, &bus).await;
            println!("ready");
            tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        }
        "call" => call(&bus).await,
        "fail" => {
            let _seen = hops::serve(&bus, &bus).await;
            fail(&bus).await;
        }
        other => panic!("no role {other}"),
    }
    bus.close().await.unwrap();
    drop(exporting);
}

/// As a program does that has had a subscriber before it had telemetry.
fn with_a_subscriber_of_its_own() -> Result<Exporting, InitError> {
    let exporting = export()?;
    let subscriber = tracing_subscriber::registry().with(exporting.layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let refused = init().unwrap_err();
    assert!(refused.to_string().contains("call `export` in place of `init`"), "{refused}");
    Ok(exporting)
}

async fn call(bus: &Bus) {
    let mut greetings = Greetings::subscriber(bus, "emea").group("readers").greeted().await.unwrap();
    let context = Context::new().with_timeout(Duration::from_secs(60));
    FrontClient::new(bus.rpc("front")).greet(&context, "No".into()).await.unwrap();
    soon("the event", greetings.next()).await.unwrap().unwrap().ack().await.unwrap();
}

/// What a night has: a handler that fails, one that is too slow, a service that is not there.
async fn fail(bus: &Bus) {
    let context = Context::new().with_correlation_id("night").with_timeout(Duration::from_millis(30));
    let front = FrontClient::new(bus.rpc("front"));
    front.fail(&context.clone().with_timeout(Duration::from_secs(60)), 0).await.unwrap_err();
    front.fail(&context, 2).await.unwrap_err();
    FrontClient::new(bus.rpc("nobody")).fail(&context, 2).await.unwrap_err();
}
