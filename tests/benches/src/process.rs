//! The other process of the `tcp` suite: this very program, told to serve one of the echoes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use clap::ValueEnum;
use tokio::runtime::{Builder, Runtime};

use crate::echo::{ADDRESS, EchoServer, Mirror, NoOp};
use crate::peers::{raw, tarpc, tonic, volo};

/// An echo that a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Served {
    /// Ours, on a runtime of two threads.
    Ours,
    /// Ours, on a thread of its own.
    OursApart,
    /// The bare echo, on a runtime of two threads.
    Raw,
    /// The bare echo, on a runtime of one.
    RawApart,
    /// tarpc, on a runtime of two threads.
    Tarpc,
    /// tonic, on a runtime of two threads.
    Tonic,
    /// volo-thrift, on a runtime of two threads.
    Volo,
}

/// A runtime of two threads, or of the one that blocks on it.
pub fn runtime(threads: usize) -> Runtime {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().expect("a runtime starts")
}

impl Served {
    /// Serves until the process is ended; tells the port on the standard output.
    pub fn serve(self) {
        let threads = if matches!(self, Self::RawApart) { 1 } else { 2 };
        runtime(threads).block_on(async {
            match self {
                Self::Ours => ours(0).await,
                Self::OursApart => ours(1).await,
                Self::Raw | Self::RawApart => bare().await,
                Self::Tarpc => tarpc::serve(tell).await,
                Self::Tonic => tonic::serve(tell).await,
                Self::Volo => volo::serve(tell).await,
            }
        });
    }
}

async fn ours(threads: usize) {
    let mut config = thriftwood_tcp::Config::default();
    config.threads = threads;
    let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", config).expect("a URL");
    let serving = bus.serve(ADDRESS, EchoServer::new(Mirror).layer(NoOp)).await.expect("the echo is served");
    let port = serving.local_addr().and_then(|address| address.rsplit_once(':')).map(|(_, port)| port.parse());
    tell(port.expect("it listens").expect("a port"));
    serving.wait().await;
}

async fn bare() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    tell(listener.local_addr().expect("it is bound").port());
    loop {
        let (stream, _) = listener.accept().await.expect("it accepts");
        stream.set_nodelay(true).expect("it is connected");
        tokio::spawn(raw::serve(stream));
    }
}

fn tell(port: u16) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{port}").and_then(|()| out.flush()).expect("somebody listens");
}

/// A process that serves. It is ended, by its own id, when it is dropped.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    pub fn start(served: Served) -> Self {
        let kind = served.to_possible_value().expect("none is skipped");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["tcp", "--serve", kind.get_name()]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it tells its port");
        let port = line.trim().parse().expect("a port");
        Self { child, port }
    }

    /// The processor time it has used, in seconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(&self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that this process has used, in seconds.
pub fn own_cpu() -> f64 {
    cpu_of("self")
}

/// The processor time that the processes have used which this one has started, and which have ended, in seconds.
pub fn children_cpu() -> f64 {
    cpu("self", 16)
}

/// The processor time that a process has used, in seconds.
pub fn cpu_of(process: &str) -> f64 {
    cpu(process, 14)
}

/// From Linux's `/proc/PID/stat`, two fields of ticks of 10 ms: 14 and 15 for the process itself, 16 and 17 for its children
/// (`proc_pid_stat(5)`).
fn cpu(process: &str, field: usize) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    // The name, which may hold anything, ends with the last bracket; the state behind it is field 3.
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks = fields.split_whitespace().skip(field - 3).take(2).map(|field| field.parse::<f64>().expect("ticks"));
    ticks.sum::<f64>() / 100.0
}
