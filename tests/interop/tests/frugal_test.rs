//! The programs of Frugal's cross-language tests over each transport and in each protocol: ours with ours, ours with PyPI's Frugal, and
//! the reverse.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use thriftwood::codec::Protocol;
use thriftwood_interop::python::{Program, frugal, generate};
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

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

/// The same pair in Python, and a NATS server between.
struct Python {
    nats: NatsServer,
    python: PathBuf,
    folder: TempDir,
}

impl Python {
    /// `None`, and a word about it, when a part is not to be had.
    fn find(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let idl = std::fs::read_to_string(format!("{DATA}/idl/frugal_test.frugal")).unwrap();
        // Apache's compiler reads it as well, but for the scope; and a method's first letter is made small by Frugal's alone.
        let idl = idl.split("\nscope ").next().unwrap().replace("TestUppercaseMethod", "testUppercaseMethod");
        let file = folder.path().join("frugal_test.thrift");
        std::fs::write(&file, idl).unwrap();
        let generated = generate(&folder.path().join("gen"), &[file]);
        match generated.and_then(|()| frugal(Path::new(env!("CARGO_TARGET_TMPDIR")))) {
            Ok(python) => Some(Self { nats: NatsServer::start(test)?, python, folder }),
            Err(why) => {
                thriftwood_test_support::skipped(test, &why);
                None
            }
        }
    }

    fn program(&self, role: &str, with: &[String]) -> Program {
        let mut command = Command::new(&self.python);
        command.arg(format!("{DATA}/frugal/frugal_test.py")).arg(self.folder.path().join("gen"));
        Program::start(command.arg(role).arg(self.nats.url()).args(with))
    }
}

#[test]
fn our_client_passes_with_frugals_python_server() {
    let Some(python) = Python::find("our_client_passes_with_frugals_python_server") else { return };
    let server = python.program("server", &[]);
    let ready = server.line();
    let ports: Vec<_> = ready.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    assert_eq!(ports.len(), Protocol::ALL.len(), "{ready}");
    for (protocol, port) in ports {
        let protocol = Protocol::ALL.into_iter().find(|known| known.name() == protocol).unwrap();
        let port = port.parse().unwrap();
        for (transport, passed) in [("nats", "passed 34"), ("http", "passed 33")] {
            let client = program("client", transport, protocol, port, &python.nats.url());
            assert_eq!(client.finish(), [passed], "{transport} {protocol}");
        }
    }
    server.finish();
}

#[test]
fn frugals_python_client_passes_with_our_server() {
    let Some(python) = Python::find("frugals_python_client_passes_with_our_server") else { return };
    let (mut servers, mut places, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    for protocol in Protocol::ALL {
        for (transport, checks) in [("nats", 33), ("http", 32)] {
            let port = free_port();
            let server = program("server", transport, protocol, port, &python.nats.url());
            assert_eq!(server.line(), "ready", "{transport} {protocol}");
            servers.push(server);
            places.push(format!("{transport}:{protocol}:{port}"));
            passed.push(format!("{transport} {protocol} {checks}"));
        }
    }
    assert_eq!(python.program("client", &places).finish(), passed);
}
