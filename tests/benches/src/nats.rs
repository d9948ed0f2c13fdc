//! Calls and events over a real nats-server: typed, against what async-nats does with the same bytes.

use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use thriftwood::{Bus, Context};
use thriftwood_test_support::NatsServer;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use crate::echo::{
    ADDRESS, EchoClient, EchoServer, Mirror, NoOp, Notes, calls_per_second, context, note, recorded_request,
};
use crate::process::{cpu_of, own_cpu};
use crate::report::{Better, Row};
use crate::rounds::{Rounds, per_second};

const PEER: &str = "async-nats 0.51";
const RAW_ADDRESS: &str = "bench-raw";
/// Events published before their subscriber takes them in.
const EVENTS: usize = 20_000;
/// So often for one sample. One by itself takes some 25 ms, in which it is chance what the two processes do on two cores; and Linux
/// counts processor time in steps of 10 ms.
const MANY: usize = 10;
/// How long to wait for the last of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// `None`, with a word about it, when there is no nats-server.
pub fn run(rounds: &Rounds) -> Option<Vec<Row>> {
    let server = NatsServer::start("the nats suite")?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let mut rows = calls(rounds, &runtime, &server);
    rows.extend(publishes(rounds, &runtime, &server));
    rows.extend(kept_publishes(rounds, &runtime, &server));
    Some(rows)
}

/// Microseconds of processor time that each of `count` took, of this process and the NATS server together.
fn cpu(server: &NatsServer, count: usize, done: impl FnOnce()) -> f64 {
    let used = || own_cpu() + cpu_of(&server.id().to_string());
    let before = used();
    done();
    (used() - before) * 1e6 / count as f64
}

/// The rate of both sides, and where that has a name, the processor time.
fn compared(
    rounds: &Rounds,
    server: &NatsServer,
    (name, cpu_name, unit, count): (&'static str, Option<&'static str>, &'static str, usize),
    ours: impl Fn() -> f64,
    reference: impl Fn() -> f64,
) -> [Option<Row>; 2] {
    let rate =
        rounds.wants(name).then(|| Row::compared(name, unit, Better::Higher, PEER, rounds.compare(&ours, &reference)));
    let cpu_of = |side: &dyn Fn() -> f64| cpu(server, count, || _ = side());
    let time = cpu_name.filter(|name| rounds.wants(name)).map(|name| {
        let compared = rounds.compare(|| cpu_of(&ours), || cpu_of(&reference));
        Row::compared(name, "us each", Better::Lower, PEER, compared)
    });
    [rate, time]
}

fn calls(rounds: &Rounds, runtime: &Runtime, server: &NatsServer) -> Vec<Row> {
    let url = &server.url();
    let (serving, calling) = runtime.block_on(async { (bus(url).await, bus(url).await) });
    let (raw_serving, raw_calling) = runtime.block_on(async { (raw(url).await, raw(url).await) });
    runtime.block_on(async {
        serving.serve(ADDRESS, EchoServer::new(Mirror)).await.expect("the echo is served");
        let requests = raw_serving.queue_subscribe(RAW_ADDRESS, "q".into()).await.expect("the subscription is taken");
        round_trip(&raw_serving).await;
        tokio::spawn(answer(raw_serving.clone(), requests));
    });
    let client = EchoClient::new(calling.rpc(ADDRESS)).layer(NoOp);
    // Both sides carry the same bytes to the server.
    let payload = runtime.block_on(recorded_request(&context()));
    let crowd = Some("calls, 64 in flight, CPU with the server");
    let rows = [(1, 5_000, "calls, 1 in flight", None), (64, 40_000, "calls, 64 in flight", crowd)]
        .into_iter()
        .flat_map(|(in_flight, total, name, cpu_name)| {
            let ours = || runtime.block_on(ours_per_second(&client, in_flight, total));
            let reference = || runtime.block_on(raw_per_second(&raw_calling, &payload, in_flight, total));
            let [rate, time] = compared(rounds, server, (name, cpu_name, "calls/s", total), ours, reference);
            [rate.map(|row| row.limits(0.90, 0.95)), time]
        })
        .flatten()
        .collect();
    runtime.block_on(async {
        calling.close().await.expect("the bus closes");
        serving.close().await.expect("the bus closes");
    });
    rows
}

async fn ours_per_second(client: &EchoClient, in_flight: usize, total: usize) -> f64 {
    let (client, context, note) = (client.clone(), context(), note());
    calls_per_second(in_flight, total, move || {
        let (client, context, note) = (client.clone(), context.clone(), note.clone());
        async move {
            client.echo(&context, note).await.expect("the echo answers");
        }
    })
    .await
}

async fn raw_per_second(client: &Client, payload: &Bytes, in_flight: usize, total: usize) -> f64 {
    let (client, payload) = (client.clone(), payload.clone());
    calls_per_second(in_flight, total, move || {
        let (client, payload) = (client.clone(), payload.clone());
        async move {
            client.request(RAW_ADDRESS, payload).await.expect("the echo answers");
        }
    })
    .await
}

async fn answer(client: Client, mut requests: Subscriber) {
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            client.publish(reply, request.payload).await.expect("the connection is open");
        }
    }
}

/// Events per second until a bare subscriber has the last of them; it is the same one for both sides.
fn publishes(rounds: &Rounds, runtime: &Runtime, server: &NatsServer) -> Vec<Row> {
    const NAME: &str = "publishes of a note";
    const FRESH: &str = "publishes of a note, bare with a copy each";
    const CPU: &str = "publishes of a note, CPU with the server";
    if ![NAME, FRESH, CPU].into_iter().any(|name| rounds.wants(name)) {
        return Vec::new();
    }
    let url = &server.url();
    let (bus, raw, listening) = runtime.block_on(async { (bus(url).await, raw(url).await, raw(url).await) });
    let mut events = runtime.block_on(async {
        let events = listening.subscribe("frugal.bench.>").await.expect("the subscription is taken");
        round_trip(&listening).await;
        events
    });
    let (subject, payload) = runtime.block_on(async {
        publish_ours(&bus, &context(), 1).await;
        let event = events.next().await.expect("the event arrives");
        (event.subject, event.payload)
    });
    let events = Mutex::new(events);
    let once = |publish: &dyn Fn()| {
        publish();
        let all = async {
            let mut events = events.lock().await;
            for _ in 0..EVENTS {
                events.next().await.expect("the connection is open");
            }
        };
        // Core NATS may lose an event; a figure made without it would be wrong.
        runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await }).expect("every event arrives");
    };
    let sample = |publish: &dyn Fn()| {
        let start = Instant::now();
        (0..MANY).for_each(|_| once(publish));
        per_second(MANY * EVENTS, start.elapsed())
    };
    let context = context();
    let ours = || sample(&|| runtime.block_on(publish_ours(&bus, &context, EVENTS)));
    // Either the same bytes each time, which stay where they are; or a copy, since a publisher has something new to say each time,
    // and those bytes have to come from its thread to the connection's.
    let bare = |bytes: fn(&Bytes) -> Bytes| {
        sample(&|| {
            runtime.block_on(async {
                for _ in 0..EVENTS {
                    raw.publish(subject.clone(), bytes(&payload)).await.expect("the connection is open");
                }
            });
        })
    };
    let reference = || bare(Bytes::clone);
    let [rate, time] = compared(rounds, server, (NAME, Some(CPU), "events/s", MANY * EVENTS), ours, reference);
    let copied = || bare(|payload| Bytes::copy_from_slice(payload));
    let [fresh, _] = compared(rounds, server, (FRESH, None, "events/s", EVENTS), ours, copied);
    runtime.block_on(bus.close()).expect("the bus closes");
    rate.map(|row| row.limits(0.90, 0.95)).into_iter().chain(fresh).chain(time).collect()
}

/// Events that JetStream has confirmed per second, to one stream by either side.
fn kept_publishes(rounds: &Rounds, runtime: &Runtime, server: &NatsServer) -> Vec<Row> {
    let url = server.url();
    let (kept, raw) = runtime.block_on(async { (bus(&url.replace("nats:", "jetstream:")).await, raw(&url).await) });
    let payload = runtime.block_on(async {
        let mut events = raw.subscribe("frugal.bench.>").await.expect("the subscription is taken");
        round_trip(&raw).await;
        publish_ours(&kept, &context(), 1).await;
        events.next().await.expect("the event arrives").payload
    });
    // It starts a task.
    let bare = runtime.block_on(async { async_nats::jetstream::new(raw) });
    let (few, many) = ("JetStream publishes, 1 in flight", "JetStream publishes, 64 in flight");
    let crowd = Some("JetStream publishes, 64 in flight, CPU with the server");
    let rows = [(1, 2_000, few, None), (64, 20_000, many, crowd)]
        .into_iter()
        .flat_map(|(in_flight, total, name, cpu_name)| {
            let ours = || {
                let (publisher, context, note) = (Notes::publisher(&kept, "hall"), context(), note());
                runtime.block_on(calls_per_second(in_flight, total, move || {
                    let (publisher, context, note) = (publisher.clone(), context.clone(), note.clone());
                    async move { publisher.written(&context, &note).await.expect("the event is kept") }
                }))
            };
            let reference = || {
                let (bare, payload) = (bare.clone(), payload.clone());
                runtime.block_on(calls_per_second(in_flight, total, move || {
                    let (bare, payload) = (bare.clone(), payload.clone());
                    async move {
                        let sent = bare.publish("frugal.bench.raw", payload).await.expect("the connection is open");
                        sent.await.expect("the event is kept");
                    }
                }))
            };
            let [rate, time] = compared(rounds, server, (name, cpu_name, "events/s", total), ours, reference);
            [rate.map(|row| row.limits(0.85, 0.90)), time]
        })
        .flatten()
        .collect();
    runtime.block_on(kept.close()).expect("the bus closes");
    rows
}

async fn publish_ours(bus: &Bus, context: &Context, count: usize) {
    let publisher = Notes::publisher(bus, "hall");
    let note = note();
    for _ in 0..count {
        publisher.written(context, &note).await.expect("the event is published");
    }
}

async fn bus(url: &str) -> Bus {
    thriftwood::connect(url).await.expect("the server is there")
}

/// A bare connection, with room for every event of a sample.
async fn raw(url: &str) -> Client {
    let options = ConnectOptions::new().subscription_capacity(4 * EVENTS);
    options.connect(url).await.expect("the server is there")
}

/// Waits until the server has taken in what was sent, subscriptions before all; a flush only empties this side's buffer.
async fn round_trip(client: &Client) {
    let inbox = client.new_inbox();
    let mut echo = client.subscribe(inbox.clone()).await.expect("the subscription is taken");
    client.publish(inbox, Bytes::new()).await.expect("the connection is open");
    echo.next().await.expect("the message comes back");
}
