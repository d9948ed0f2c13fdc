//! The log beside the logs that people would take otherwise: JetStream and Redis streams, over loopback, with the same records.
//!
//! They are other processes behind a socket and ours is not, which is the point: what an embedded log saves is part of what it is.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use thriftwood_log::store::{Durability, Log};
use thriftwood_test_support::NatsServer;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use crate::echo::{self, Notes};
use crate::log::{RECORD, appends_per_second, large_note, producers_per_second, rate};
use crate::peers::redis::Redis;
use crate::report::{Better, Row};
use crate::rounds::Rounds;

/// Records under way at once.
const IN_FLIGHT: usize = 256;
/// Events that are timed one by one for one sample.
const TIMED: usize = 500;
const SUBJECT: &str = "log.bench";
const DURABLE: &str = "durable append, 256 in flight";
const BUFFERED: &str = "buffered append, 256 in flight";
const LATE: &str = "publish to subscriber, p99";

/// Rows for those of the peers that this machine has; a word about each it has not.
pub fn run(rounds: &Rounds, runtime: &Runtime, folder: &Path, log: &Log, newer_nats: Option<&Path>) -> Vec<Row> {
    let mut rows = Vec::new();
    let ours = |durability| move || runtime.block_on(appends_per_second(log, IN_FLIGHT, durability));
    if rounds.wants(DURABLE)
        && let Some(server) = syncing(newer_nats)
    {
        let js = runtime.block_on(JetStream::connect(&server.url()));
        let compared = rounds.compare(ours(Durability::Durable), || js.appends_per_second(runtime));
        rows.push(rate(DURABLE, "JetStream, always", compared).limits(20.0, 80.0));
    }
    if (rounds.wants(BUFFERED) || rounds.wants(LATE))
        && let Some(server) = NatsServer::start("the log suite")
    {
        let js = runtime.block_on(JetStream::connect(&server.url()));
        if rounds.wants(BUFFERED) {
            let compared = rounds.compare(ours(Durability::Buffered), || js.appends_per_second(runtime));
            rows.push(rate(BUFFERED, "JetStream", compared).limits(10.0, 25.0));
        }
        if rounds.wants(LATE) {
            let bus = Buffered::open(runtime, folder);
            let compared = rounds.compare(|| bus.latency(runtime), || js.latency(runtime));
            rows.push(Row::compared(LATE, "us", Better::Lower, "JetStream", compared).limits(0.2, 0.1));
            runtime.block_on(bus.bus.close()).expect("the log closes");
        }
    }
    for (fsync, durability, name, reference) in [
        ("always", Durability::Durable, DURABLE, "Redis stream, always"),
        ("everysec", Durability::Buffered, BUFFERED, "Redis stream, everysec"),
    ] {
        if rounds.wants(name)
            && let Some(mut redis) = Redis::start(fsync)
        {
            let record = vec![b'r'; RECORD];
            let compared = rounds.compare(ours(durability), || redis.appends_per_second(&record, IN_FLIGHT));
            rows.push(rate(name, reference, compared));
        }
    }
    rows
}

/// A nats-server that syncs each message, which those from 2.10 on can; a word where there is none.
fn syncing(newer: Option<&Path>) -> Option<NatsServer> {
    let program = newer.map(Path::to_owned).or_else(NatsServer::program).filter(|program| syncs_always(program));
    let Some(program) = program else {
        println!("SKIPPED {DURABLE} against JetStream that syncs each: that takes a nats-server from 2.10 on");
        println!("(the one on the PATH, or that which --nats-server names)");
        return None;
    };
    Some(NatsServer::start_program(&program, "jetstream { sync_interval: always }\n"))
}

fn syncs_always(program: &Path) -> bool {
    let Ok(said) = Command::new(program).arg("-v").output() else { return false };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.trim().rsplit('v').next().unwrap_or_default().to_owned();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(10))
}

struct JetStream {
    context: jetstream::Context,
    /// What arrived, as it arrived.
    arrived: Arc<Mutex<mpsc::UnboundedReceiver<Instant>>>,
}

impl JetStream {
    /// A stream in files, and a consumer at its end.
    async fn connect(url: &str) -> Self {
        let client = async_nats::connect(url).await.expect("the server is there");
        let context = jetstream::new(client);
        let kept = stream::Config {
            name: "bench".to_owned(),
            subjects: vec![SUBJECT.to_owned(), "log.timed".to_owned()],
            // It is not to fill the disk.
            max_bytes: 1 << 30,
            ..stream::Config::default()
        };
        let stream = context.create_stream(kept).await.expect("a stream is made");
        let timed = consumer::pull::Config {
            filter_subject: "log.timed".to_owned(),
            ack_policy: consumer::AckPolicy::None,
            ..consumer::pull::Config::default()
        };
        let consumer = stream.create_consumer(timed).await.expect("a consumer is made");
        let mut messages = consumer.messages().await.expect("it can be read");
        let (tell, arrived) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(_)) = messages.next().await {
                if tell.send(Instant::now()).is_err() {
                    break;
                }
            }
        });
        Self { context, arrived: Arc::new(Mutex::new(arrived)) }
    }

    fn appends_per_second(&self, runtime: &Runtime) -> f64 {
        let (context, record) = (self.context.clone(), Bytes::from(vec![b'r'; RECORD]));
        runtime.block_on(producers_per_second(IN_FLIGHT, move || {
            let (context, record) = (context.clone(), record.clone());
            async move {
                let sent = context.publish(SUBJECT, record).await.expect("the connection is open");
                sent.await.expect("the message is kept");
            }
        }))
    }

    fn latency(&self, runtime: &Runtime) -> f64 {
        let (context, arrived) = (self.context.clone(), Arc::clone(&self.arrived));
        let record = Bytes::from(vec![b'r'; RECORD]);
        let publish = || {
            let (context, record) = (context.clone(), record.clone());
            async move {
                let sent = context.publish("log.timed", record).await.expect("the connection is open");
                sent.await.expect("the message is kept");
            }
        };
        runtime.block_on(async { percentile(publish, &mut *arrived.lock().await).await })
    }
}

/// Ours: a typed publish to a subscriber in the same process, each as safe as JetStream has it by default.
struct Buffered {
    bus: thriftwood::Bus,
    arrived: Mutex<mpsc::UnboundedReceiver<Instant>>,
}

impl Buffered {
    fn open(runtime: &Runtime, folder: &Path) -> Self {
        let url = format!("log:{}?durability=buffered", folder.join("timed").display());
        runtime.block_on(async {
            let bus = thriftwood::connect(&url).await.expect("the log opens");
            let mut events = Notes::subscriber(&bus, "hall").written().await.expect("it is subscribed");
            let (tell, arrived) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(Ok(_)) = events.next().await {
                    if tell.send(Instant::now()).is_err() {
                        break;
                    }
                }
            });
            Self { bus, arrived: Mutex::new(arrived) }
        })
    }

    fn latency(&self, runtime: &Runtime) -> f64 {
        let publisher = Notes::publisher(&self.bus, "hall");
        let (context, note) = (echo::context(), large_note());
        let publish = || {
            let (publisher, context, note) = (publisher.clone(), context.clone(), note.clone());
            async move { publisher.written(&context, &note).await.expect("the disk has room") }
        };
        runtime.block_on(async { percentile(publish, &mut *self.arrived.lock().await).await })
    }
}

/// Microseconds from before a publish until the subscriber has the event, in the slowest but one of a hundred.
async fn percentile<F: Future<Output = ()>>(
    publish: impl Fn() -> F,
    arrived: &mut mpsc::UnboundedReceiver<Instant>,
) -> f64 {
    let mut took = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let begun = Instant::now();
        publish().await;
        let at = tokio::time::timeout(Duration::from_secs(20), arrived.recv()).await;
        took.push(at.expect("it arrives").expect("somebody listens").duration_since(begun));
    }
    took.sort_unstable();
    took[TIMED * 99 / 100].as_secs_f64() * 1e6
}
