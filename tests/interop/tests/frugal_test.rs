//! The programs of Frugal's cross-language tests, ours with ours, over each transport and in each protocol.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::net::TcpListener;
use std::process::Command;

use thriftwood::codec::Protocol;
use thriftwood_interop::python::Program;
use thriftwood_test_support::NatsServer;

fn program(role: &str, transport: &str, protocol: Protocol, port: u16, nats: &str) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frugal_test"));
    command.arg(role).arg(format!("--protocol={protocol}")).arg(format!("--transport={transport}"));
    Program::start(command.arg(format!("--port={port}")).arg(format!("--nats={nats}")))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn pairs(transport: &str, nats: &str, passed: &str) {
    for protocol in Protocol::ALL {
        let port = free_port();
        let server = program("server", transport, protocol, port, nats);
        assert_eq!(server.line(), "ready", "{protocol}");
        assert_eq!(program("client", transport, protocol, port, nats).finish(), [passed], "{protocol}");
    }
}

#[test]
fn our_client_passes_with_our_server_over_nats() {
    let Some(nats) = NatsServer::start("our_client_passes_with_our_server_over_nats") else { return };
    pairs("nats", &nats.url(), "passed 34");
}

#[test]
fn our_client_passes_with_our_server_over_http() {
    pairs("http", "", "passed 33");
}

#[test]
fn a_client_without_a_server_fails_with_the_code_the_runner_knows() {
    let mut client = Command::new(env!("CARGO_BIN_EXE_frugal_test"));
    client.args(["client", "--protocol=binary", "--transport=http"]).arg(format!("--port={}", free_port()));
    let output = client.output().unwrap();
    assert_eq!(output.status.code(), Some(101));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("testVoid: expected ()"), "{output:?}");
}
