//! A rolling restart, over every transport whose servers can be several.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test whose parts do not start has failed")]

use std::net::TcpListener;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use thriftwood::Bus;
use thriftwood::http::tls::{ClientTls, Pem, ServerTls};
use thriftwood::resilience::{Retry, balance};
use thriftwood_conformance::idl::ProbeClient;
use thriftwood_conformance::rolling::a_rolling_restart_loses_no_call;
use thriftwood_test_support::NatsServer;

/// Two URLs of this scheme, at ports that were free a moment ago.
fn two(scheme: &str) -> [String; 2] {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    ports.map(|port| format!("{scheme}://localhost:{}", port.local_addr().unwrap().port()))
}

/// Over servers at these URLs, and one client that balances over all of them.
async fn over<const N: usize>(urls: [String; N], connect: impl Fn(&str) -> Bus) {
    let client = balance(urls.iter().map(|url| connect(url)).collect()).unwrap();
    let probe = ProbeClient::new(client.rpc("probe"));
    a_rolling_restart_loses_no_call(N, async |number| connect(&urls[number]), probe).await;
    client.close().await.unwrap();
}

fn tcp(url: &str) -> Bus {
    thriftwood::tcp::connect(url, thriftwood::tcp::Config::default()).unwrap()
}

fn http(url: &str) -> Bus {
    thriftwood::http::connect(url, thriftwood::http::Config::default()).unwrap()
}

/// A certificate that signed itself.
fn secrets() -> (ClientTls, ServerTls) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let server = ServerTls::new(Pem::text(cert.pem()), Pem::text(signing_key.serialize_pem()));
    (ClientTls::new().trusting(Pem::text(cert.pem())), server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_tcp() {
    over(two("tcp"), tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_tls() {
    let (client, server) = secrets();
    let mut config = thriftwood::tcp::Config::default();
    (config.client_tls, config.server_tls) = (client, Some(server));
    over(two("tcps"), |url| thriftwood::tcp::connect(url, config.clone()).unwrap()).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    over(["one", "other"].map(|name| format!("unix:{}", folder.path().join(name).display())), tcp).await;
}

/// One server, which is away for a moment: what finds nobody is made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_only_server_loses_no_call_that_is_made_again() {
    let [url, _] = two("tcp");
    let client = tcp(&url);
    let probe = ProbeClient::new(client.rpc("probe")).layer(Retry::new().attempts(10).budget(1000, 1.0));
    a_rolling_restart_loses_no_call(1, async |_| tcp(&url), probe).await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_http() {
    over(two("http"), http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_https() {
    let (client, server) = secrets();
    let mut config = thriftwood::http::Config::default();
    (config.client_tls, config.server_tls) = (client, Some(server));
    over(two("https"), |url| thriftwood::http::connect(url, config.clone()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call_over_nats() {
    let Some(nats) = NatsServer::start("a_rolling_restart_loses_no_call_over_nats") else { return };
    let connect = async |_| thriftwood::connect(&nats.url()).await.expect("it connects");
    let client = connect(0).await;
    a_rolling_restart_loses_no_call(2, connect, ProbeClient::new(client.rpc("probe"))).await;
    client.close().await.unwrap();
}
