//! A program whose spans and metrics go to a collector: `hops once URL`, `hops own URL`, `hops serve URL`, `hops call URL`, `hops fail URL`,
//! `hops late URL`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's program that cannot go on has failed")]

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use thriftwood::bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::codec::{Message, MessageType};
use thriftwood::frame::FrameBuilder;
use thriftwood::observe::{CallStart, EventStart, Observation, Observer};
use thriftwood::telemetry::{Exporting, InitError, export, init};
use thriftwood::transport::Outbound;
use thriftwood::{BoxFuture, Bus, Context};
use thriftwood_telemetry_tests::idl::{FrontClient, Greetings};
use thriftwood_telemetry_tests::{hops, soon};
use tokio::sync::{Notify, mpsc};
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
        "late" => late(&bus, &url).await,
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

/// A call whose caller gives up, and a server that knows nothing of that and answers.
async fn late(bus: &Bus, url: &str) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let bus = bus.clone().with_observer(Arc::new(Telling(thriftwood::telemetry::observer(url), told)));
    let (begun, mut begins) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    bus.serve("slow", Slow(begun, Arc::clone(&release))).await.unwrap();
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "1");
    let frame = frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap();
    let rpc = bus.rpc("slow");
    tokio::select! {
        reply = rpc.call_frame(Outbound { operation_id: 1, frame, oneway: false }) => panic!("an early {reply:?}"),
        begun = soon("the call", begins.recv()) => begun.unwrap(),
    }
    release.notify_one();
    assert_eq!(soon("the late reply", heard.recv()).await, Some(1));
}

/// Answers with what it was asked, once it is let.
struct Slow(mpsc::UnboundedSender<()>, Arc<Notify>);

impl Handler for Slow {
    fn service(&self) -> &'static str {
        "Slow"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (begun, release) = (self.0.clone(), Arc::clone(&self.1));
        Box::pin(async move {
            begun.send(()).ok();
            release.notified().await;
            Some(inbound.frame)
        })
    }
}

/// The usual observer, which also tells of late replies.
struct Telling(Arc<dyn Observer>, mpsc::UnboundedSender<u64>);

impl Observer for Telling {
    fn call(&self, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        self.0.call(start, context)
    }

    fn event(&self, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        self.0.event(start, context)
    }

    fn late_replies(&self, transport: &'static str, replies: u64) {
        self.0.late_replies(transport, replies);
        self.1.send(replies).ok();
    }
}
