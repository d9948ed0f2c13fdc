//! Calls over TCP between two processes: ours with its features on, against a bare multiplexed echo, tonic, tarpc and
//! volo-thrift.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::echo::{ADDRESS, EchoClient, NoOp, calls_per_second, context, note, raw_note};
use crate::peers::{raw, tarpc, tonic, volo};
use crate::process::{Process, Served, own_cpu, runtime};
use crate::report::{Better, Row};
use crate::rounds::Rounds;

/// Calls in one turn; at one in flight a fifth of that.
const CALLS: usize = 60_000;

/// One side: a client of an echo that another process serves, on a runtime of its own.
struct Side {
    process: Process,
    runtime: Runtime,
    client: Client,
}

#[derive(Clone)]
enum Client {
    Ours(EchoClient),
    Raw(raw::Client),
    Tarpc(tarpc::EchoClient),
    Tonic(tonic::Client),
    Volo(volo::EchoClient),
}

impl Side {
    fn start(served: Served) -> Self {
        let process = Process::start(served);
        let threads = if matches!(served, Served::OursApart | Served::RawApart) { 1 } else { 2 };
        let runtime = runtime(threads);
        let client = runtime.block_on(Client::connect(served, process.port));
        Self { process, runtime, client }
    }

    fn per_second(&self, in_flight: usize, total: usize) -> f64 {
        self.runtime.block_on(self.client.per_second(in_flight, total, None))
    }

    /// Microseconds within which 99 of 100 calls have their reply.
    fn p99(&self, in_flight: usize, total: usize) -> f64 {
        let times = Arc::new(Mutex::new(Vec::with_capacity(total)));
        self.runtime.block_on(self.client.per_second(in_flight, total, Some(Arc::clone(&times))));
        let mut times = times.lock().expect("unharmed");
        times.sort_unstable();
        times[times.len() * 99 / 100].as_secs_f64() * 1e6
    }

    /// Microseconds of processor time that a call takes, of both processes together.
    fn cpu(&self, in_flight: usize, total: usize) -> f64 {
        let before = self.process.cpu() + own_cpu();
        self.per_second(in_flight, total);
        (self.process.cpu() + own_cpu() - before) * 1e6 / total as f64
    }
}

impl Client {
    async fn connect(served: Served, port: u16) -> Self {
        match served {
            Served::Ours | Served::OursApart => {
                let bus = thriftwood::connect(&format!("tcp://127.0.0.1:{port}")).await.expect("a URL");
                Self::Ours(EchoClient::new(bus.rpc(ADDRESS)).layer(NoOp))
            }
            Served::Raw | Served::RawApart => {
                let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
                stream.set_nodelay(true).expect("it is connected");
                Self::Raw(raw::Client::connect(stream))
            }
            Served::Tarpc => Self::Tarpc(tarpc::connect(port).await),
            Served::Tonic => Self::Tonic(tonic::Client::connect(port).await),
            Served::Volo => Self::Volo(volo::connect(port)),
        }
    }

    async fn per_second(&self, in_flight: usize, total: usize, times: Option<Arc<Mutex<Vec<Duration>>>>) -> f64 {
        match self.clone() {
            Self::Ours(client) => {
                let (context, note) = (context(), note());
                calls_per_second(in_flight, total, move || {
                    let (client, context, note) = (client.clone(), context.clone(), note.clone());
                    timed(times.clone(), async move { client.echo(&context, note).await.expect("it answers") })
                })
                .await
            }
            Self::Raw(client) => {
                let note = raw_note();
                calls_per_second(in_flight, total, move || {
                    let (client, note) = (client.clone(), note.clone());
                    timed(times.clone(), async move { client.echo(&note).await })
                })
                .await
            }
            Self::Tarpc(client) => {
                let raw::Note { id, kind, author, text } = raw_note();
                let note = tarpc::Note { id, kind, author, text };
                calls_per_second(in_flight, total, move || {
                    let (client, note) = (client.clone(), note.clone());
                    let call = async move { client.echo(::tarpc::context::current(), note).await.expect("it answers") };
                    timed(times.clone(), call)
                })
                .await
            }
            Self::Tonic(client) => {
                let raw::Note { id, kind, author, text } = raw_note();
                let note = tonic::Note { id, kind, author, text };
                calls_per_second(in_flight, total, move || {
                    let (client, note) = (client.clone(), note.clone());
                    timed(times.clone(), async move { client.echo(note).await })
                })
                .await
            }
            Self::Volo(client) => {
                let raw::Note { id, kind, author, text } = raw_note();
                let note = volo::Note { id, kind, author: author.into(), text: text.into() };
                calls_per_second(in_flight, total, move || {
                    let (client, note) = (client.clone(), note.clone());
                    timed(times.clone(), async move { client.echo(note).await.expect("it answers") })
                })
                .await
            }
        }
    }
}

/// Makes a call, and remembers how long it took where somebody wants to know.
async fn timed<T>(times: Option<Arc<Mutex<Vec<Duration>>>>, call: impl Future<Output = T>) {
    let Some(times) = times else {
        black_box(call.await);
        return;
    };
    let began = Instant::now();
    black_box(call.await);
    times.lock().expect("unharmed").push(began.elapsed());
}

pub fn run(rounds: &Rounds) -> Vec<Row> {
    let (ours, raw) = (Side::start(Served::Ours), Side::start(Served::Raw));
    let (tonic, tarpc, volo) = (Side::start(Served::Tonic), Side::start(Served::Tarpc), Side::start(Served::Volo));
    let rate = |name, in_flight, peer, ours: &Side, reference: &Side| {
        let total = if in_flight == 1 { CALLS / 5 } else { CALLS };
        let compare =
            || rounds.compare(|| ours.per_second(in_flight, total), || reference.per_second(in_flight, total));
        rounds.wants(name).then(|| Row::compared(name, "calls/s", Better::Higher, peer, compare()))
    };
    let cpu = |name, in_flight, total| {
        let compare = || rounds.compare(|| ours.cpu(in_flight, total), || raw.cpu(in_flight, total));
        rounds.wants(name).then(|| Row::compared(name, "us/call", Better::Lower, "raw echo", compare()))
    };
    let p99 = |name| {
        let compare = || rounds.compare(|| ours.p99(64, 2 * CALLS), || tarpc.p99(64, 2 * CALLS));
        rounds.wants(name).then(|| Row::compared(name, "us", Better::Lower, "tarpc", compare()))
    };
    let mut rows = vec![
        rate("1 in flight", 1, "raw echo", &ours, &raw),
        cpu("1 in flight, CPU of both sides", 1, CALLS / 5).map(|row| row.limits(1.6, 1.25)),
        rate("64 in flight", 64, "raw echo", &ours, &raw).map(|row| row.limits(0.45, 0.60)),
        cpu("64 in flight, CPU of both sides", 64, 2 * CALLS),
        rate("256 in flight", 256, "raw echo", &ours, &raw).map(|row| row.limits(0.35, 0.50)),
        cpu("256 in flight, CPU of both sides", 256, 2 * CALLS),
        rate("64 in flight, and tonic", 64, "tonic", &ours, &tonic).map(|row| row.limits(5.0, 6.5)),
        rate("64 in flight, and tarpc", 64, "tarpc", &ours, &tarpc),
        rate("64 in flight, and volo", 64, "volo-thrift", &ours, &volo),
        p99("64 in flight, 99 of 100 within").map(|row| row.limits(0.7, 0.4)),
    ];
    drop((tonic, tarpc, volo));
    let (apart, raw_apart) = (Side::start(Served::OursApart), Side::start(Served::RawApart));
    rows.push(rate("256 in flight, a thread each side", 256, "raw echo", &apart, &raw_apart));
    rows.push(rate("256 in flight, a thread against two", 256, "ours", &apart, &ours));
    rows.into_iter().flatten().collect()
}
