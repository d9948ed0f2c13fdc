//! Measures ours beside a reference, in rounds that take turns, and says what came out.
//!
//! `cargo run --release -p thriftwood-benches -- SUITE [--rounds N]` prints a table and writes `target/bench/SUITE.json`.
//! What is measured, against what, and how to read it is in `tests/benches/README.md`.

mod allocations;
mod checking;
mod codec;
mod compiler;
mod echo;
mod idl;
mod log;
mod log_bulk;
mod log_open;
mod log_peers;
mod log_served;
mod nats;
mod orders;
mod peers;
mod process;
mod report;
mod rounds;
mod rpc;
mod tcp;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use rounds::Rounds;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Measures Thriftwood beside a reference, in interleaved rounds.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    suite: Suite,
    /// How often each side is measured; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How large the log is that the `log-open` suite writes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    gibibytes: u16,
    /// Appends to a log until it is killed; how the `log-open` suite starts its other process.
    #[arg(long, hide = true)]
    append_to: Option<PathBuf>,
    /// Only figures whose names contain this, for suites of the codec, calls, events and the log.
    #[arg(long)]
    only: Option<String>,
    /// A nats-server from 2.10 on, which can sync each message, for the `log` suite where that on the PATH is older.
    #[arg(long)]
    nats_server: Option<PathBuf>,
    /// Serves one of the echoes instead; how the `tcp` suite starts its other process.
    #[arg(long, hide = true)]
    serve: Option<process::Served>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Encoding and decoding an order, against pilota, prost and Apache's `thrift` crate.
    Codec,
    /// Calls over memory, against a bare multiplexed echo.
    Rpc,
    /// Calls over TCP between two processes, against a bare multiplexed echo, tonic and tarpc.
    Tcp,
    /// Calls and events over a nats-server, against bare async-nats.
    Nats,
    /// Appends, reads and openings of the log, against bare files, JetStream and Redis streams.
    Log,
    /// Openings of a log of 10 GiB, which it writes first; or of as many as --gibibytes says.
    LogOpen,
    /// A large IDL file to Rust.
    Compiler,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, whose figures mean nothing; add --release");
        return ExitCode::FAILURE;
    }
    if let Some(served) = arguments.serve {
        served.serve();
        return ExitCode::SUCCESS;
    }
    if let Some(dir) = arguments.append_to {
        log_open::append(&dir);
        return ExitCode::SUCCESS;
    }
    let rounds = Rounds::new(arguments.rounds).only(arguments.only);
    let (name, rows) = match arguments.suite {
        Suite::Codec => ("codec", codec::run(&rounds)),
        Suite::Rpc => ("rpc", rpc::run(&rounds)),
        Suite::Tcp => ("tcp", tcp::run(&rounds)),
        Suite::Nats => match nats::run(&rounds) {
            Some(rows) => ("nats", rows),
            None => return ExitCode::FAILURE,
        },
        Suite::Log => ("log", log::run(&rounds, arguments.nats_server.as_deref())),
        Suite::LogOpen => ("log-open", log_open::run(&rounds, arguments.gibibytes.into())),
        Suite::Compiler => ("compiler", compiler::run(&rounds)),
    };
    report::print(name, arguments.rounds, &rows);
    match report::write(name, &rows) {
        Ok(path) => {
            println!("\nwritten to {}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the figures could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}
