//! `frugal_test server|client --protocol=binary --transport=nats --port=9090`: a member of Frugal's cross-language tests.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use thriftwood::codec::Protocol;
use thriftwood_interop::frugal_test::{Pair, call, serve};

/// What Frugal's runner takes for a test that failed.
const FAILED: u8 = 101;

/// A server or client of Frugal's cross-language tests.
#[derive(Parser)]
struct Arguments {
    /// Which of the two.
    role: Role,
    /// binary, compact or json
    #[arg(long, value_parser = protocol)]
    protocol: Protocol,
    /// nats or http
    #[arg(long)]
    transport: String,
    /// The pair's number, and the port at which the server can be asked whether it is up.
    #[arg(long)]
    port: u16,
    /// The nats-server.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    Server,
    Client,
}

fn protocol(name: &str) -> Result<Protocol, String> {
    let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
    found.ok_or_else(|| "there are binary, compact and json".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { role, protocol, transport, port, nats } = Arguments::parse();
    let pair = Pair { protocol, transport, port, nats };
    let outcome = match role {
        Role::Server => serve(&pair).await.map_err(|error| error.to_string()),
        Role::Client => call(&pair).await.map(|passed| println!("passed {passed}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(FAILED)
        }
    }
}
