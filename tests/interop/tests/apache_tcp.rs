//! Apache's generated Python calls a service of ours over TCP and HTTP, with nothing of Frugal on its side, in every protocol.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "apache/python.rs"]
mod python;

use std::process::Command;
use std::sync::{Arc, Mutex};

use thriftwood::{Context, RpcError};
use thriftwood_interop::idl::oracle::{EchoError, Everything, Oracle, OracleServer, Parent, Refused};

/// What it was told, by oneway calls.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

/// A service like it, that answers a flag with itself.
struct Contrary;

impl Parent for Contrary {
    async fn ping(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }
}

impl Oracle for Contrary {
    async fn echo(&self, _: &Context, value: Everything) -> Result<Everything, EchoError> {
        Ok(value)
    }

    async fn tell(&self, _: &Context, _: String) -> Result<(), RpcError> {
        Ok(())
    }

    async fn flag(&self, _: &Context, on: bool) -> Result<bool, RpcError> {
        Ok(on)
    }
}

impl Parent for Listener {
    async fn ping(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }
}

impl Oracle for Listener {
    async fn echo(&self, _: &Context, value: Everything) -> Result<Everything, EchoError> {
        if value.refused.reason == "refuse" {
            return Err(Refused { reason: "as asked".to_owned(), code: 7, why: None }.into());
        }
        Ok(value)
    }

    async fn tell(&self, _: &Context, text: String) -> Result<(), RpcError> {
        self.0.lock().unwrap().push(text);
        Ok(())
    }

    async fn flag(&self, _: &Context, on: bool) -> Result<bool, RpcError> {
        // The first of two calls that were sent together would be overtaken by the second, if that were possible. The client's
        // system keeps the second back until the first is acknowledged, for some 40 ms.
        if on {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        Ok(!on)
    }
}

/// Serves the oracle and has Apache's Python call it in these protocols, where `place` says it is by its host and port.
async fn called(test: &str, url: &str, place: impl Fn(&str) -> String, protocols: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let python = match python::generate(&dir.path().join("gen"), &["oracle"]).and_then(|()| python::python()) {
        Ok(python) => python,
        Err(why) => return thriftwood_test_support::skipped(test, &why),
    };
    let bus = thriftwood::connect(url).await.unwrap();
    let listener = Listener::default();
    let serving = bus.serve("oracle", OracleServer::new(listener.clone())).await.unwrap();
    bus.serve("contrary", OracleServer::new(Contrary)).await.unwrap();
    let place = place(serving.local_addr().unwrap());
    for protocol in protocols {
        let mut client = Command::new(&python);
        client.arg(format!("{}/calls.py", python::DATA)).arg(dir.path()).args([&place, *protocol]);
        let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{protocol}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "done 8", "{protocol}");
        assert_eq!(std::mem::take(&mut *listener.0.lock().unwrap()), ["first", "second"], "{protocol}");
    }
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_thrift_client_without_a_frugal_library_calls_a_service_in_every_protocol() {
    const TEST: &str = "a_thrift_client_without_a_frugal_library_calls_a_service_in_every_protocol";
    let port = |host: &str| host.rsplit_once(':').unwrap().1.to_owned();
    let protocols = ["binary", "compact", "json", "binary-native", "compact-native"];
    called(TEST, "tcp://127.0.0.1:0", port, &protocols).await;
}

#[tokio::test]
async fn a_thrift_client_over_http_calls_a_service_in_every_protocol() {
    const TEST: &str = "a_thrift_client_over_http_calls_a_service_in_every_protocol";
    let url = |host: &str| format!("http://{host}/oracle");
    called(TEST, "http://127.0.0.1:0", url, &["binary", "compact", "json"]).await;
}
