//! PyPI's Frugal, run for real: calls both ways over NATS and HTTP, events both ways over NATS, each in three protocols.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use thriftwood::codec::Protocol;
use thriftwood::{Bus, Context, Event, RpcErrorKind};
use thriftwood_interop::idl::wire::{Events, FailsError, Point, WireClient, WireServer};
use thriftwood_interop::peer::{Peer, everything};
use thriftwood_interop::python::{Program, frugal, generate};
use thriftwood_test_support::NatsServer;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
/// Everything that the tests need: a NATS server, a Python with Frugal, and generated code for it.
struct Stage {
    nats: NatsServer,
    python: PathBuf,
    folder: TempDir,
}

impl Stage {
    /// `None`, and a word about it, when a part is not to be had.
    fn set(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // Apache's compiler reads it as well, but for the scopes and the file's ending.
        let idl = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text.replace("base.frugal", "base.thrift")).unwrap();
            path
        };
        let read = |name: &str| fs::read_to_string(format!("{DATA}/idl/{name}.frugal")).unwrap();
        idl("base.thrift", &read("base"));
        let wire = idl("wire.thrift", read("wire").split("\nscope ").next().unwrap());
        let python =
            generate(&folder.path().join("gen"), &[wire]).and_then(|()| frugal(Path::new(env!("CARGO_TARGET_TMPDIR"))));
        match python {
            Ok(python) => Some(Self { nats: NatsServer::start(test)?, python, folder }),
            Err(why) => {
                thriftwood_test_support::skipped(test, &why);
                None
            }
        }
    }

    /// Starts the peer.
    fn peer(&self, does: &str, with: &[&str]) -> Program {
        let mut command = Command::new(&self.python);
        command.arg(format!("{DATA}/frugal/peer.py")).arg(self.folder.path().join("gen"));
        Program::start(command.arg(does).arg(self.nats.url()).args(with))
    }

    async fn bus(&self) -> Bus {
        thriftwood::connect(&self.nats.url()).await.unwrap()
    }
}

fn patient() -> Context {
    Context::new().with_correlation_id("cid-hdr").with_timeout(Duration::from_secs(20))
}

/// Every call of the service; `limited` says whether a result of more than a mebibyte is refused.
async fn call_everything(client: &WireClient, shot: &str, limited: bool) {
    let ctx = &patient();
    assert_eq!(client.ping(ctx, "t1".into()).await.unwrap(), "pong:t1");
    for text in ["", "h\u{e9}llo \u{1f980}\n\0\u{2028}"] {
        assert_eq!(client.echo(ctx, text.into()).await.unwrap(), text);
    }
    assert_eq!(client.roundtrip(ctx, everything()).await.unwrap(), everything());
    assert_eq!(client.fails(ctx, 9).await.unwrap(), 9);
    client.nothing(ctx).await.unwrap();
    assert!(!client.flag(ctx, true).await.unwrap());
    assert_eq!(client.blob(ctx, 16).await.unwrap(), vec![0xab; 16]);
    let headers = patient().with_header("na\u{ef}ve", "\u{fc}n\u{ef}").with_header("who", "alice");
    client.echo(&headers, "with headers".into()).await.unwrap();
    let expected = [("_cid", "cid-hdr"), ("na\u{ef}ve-back", "\u{fc}n\u{ef}"), ("served-for", "alice")];
    assert_eq!(headers.response_headers(), expected.into_iter().collect());

    let Err(FailsError::Oops(oops)) = client.fails(ctx, 1).await else { panic!("no Oops") };
    assert_eq!((oops.code, &*oops.reason), (42, "declared"));
    let Err(FailsError::BaseError(error)) = client.fails(ctx, 2).await else { panic!("no BaseError") };
    assert_eq!((error.code, &*error.reason), (7, "from base"));
    for (how, kind, text) in
        [(3, RpcErrorKind::Internal, "handler blew up"), (4, RpcErrorKind::Application(400), "application says no")]
    {
        let Err(FailsError::Rpc(error)) = client.fails(ctx, how).await else { panic!("no error") };
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains(text), "{error}");
    }
    let large = client.blob(ctx, 1_100_000).await;
    if limited {
        assert_eq!(large.unwrap_err().kind(), RpcErrorKind::ResponseTooLarge);
    } else {
        assert_eq!(large.unwrap().len(), 1_100_000);
    }

    client.fire(ctx, shot.into()).await.unwrap();
    // Nobody says when a oneway call has been handled, so this asks until it has.
    tokio::time::timeout(Duration::from_secs(20), async {
        while client.echo(ctx, "what was fired?".into()).await.unwrap() != shot {}
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_calls_their_server() {
    let Some(stage) = Stage::set("our_client_calls_their_server") else { return };
    let peer = stage.peer("serve", &[]);
    let ready = peer.line();
    let port = ready.strip_prefix("ready ").unwrap_or_else(|| panic!("{ready}"));
    let nats = stage.bus().await;
    let http = thriftwood::connect(&format!("http://127.0.0.1:{port}")).await.unwrap();
    for protocol in Protocol::ALL {
        let bus = nats.clone().with_protocol(protocol);
        call_everything(&WireClient::new(bus.rpc(&format!("wire.{protocol}"))), "over NATS", true).await;
        let bus = http.clone().with_protocol(protocol);
        call_everything(&WireClient::new(bus.rpc(protocol.name())), "over HTTP", false).await;
    }
    // A server that was made with another protocol cannot read the call, and does not say so over NATS.
    let client = WireClient::new(nats.clone().with_protocol(Protocol::Json).rpc("wire.compact"));
    let error = client.nothing(&Context::new().with_timeout(Duration::from_secs(1))).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    peer.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn their_client_calls_our_server() {
    let Some(stage) = Stage::set("their_client_calls_our_server") else { return };
    let nats = stage.bus().await;
    let _over_nats = nats.serve("wire", WireServer::new(Peer::default())).await.unwrap();
    let http = thriftwood::connect("http://127.0.0.1:0").await.unwrap();
    let over_http = http.serve("wire", WireServer::new(Peer::default())).await.unwrap();
    let url = format!("http://{}/wire", over_http.local_addr().unwrap());
    let compared = stage.peer("call", &["wire", &url]).finish();
    assert_eq!(
        compared,
        ["nats binary 15", "http binary 15", "nats compact 15", "http compact 15", "nats json 15", "http json 15"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_events_reach_their_subscriber() {
    let Some(stage) = Stage::set("our_events_reach_their_subscriber") else { return };
    let peer = stage.peer("subscribe", &[]);
    assert_eq!(peer.line(), "ready");
    let nats = stage.bus().await;
    let ctx = Context::new().with_correlation_id("cid-pub").with_header("trace", "t-1");
    for protocol in Protocol::ALL {
        let publisher = Events::publisher(&nats.clone().with_protocol(protocol), protocol.name(), "eu");
        let point = Point::default().with_x(1).with_y(2).with_label("L");
        publisher.created(&ctx, &point).await.unwrap();
        publisher.count(&ctx, -77).await.unwrap();
        publisher.name(&ctx, "n\u{e4}me").await.unwrap();
        publisher.names(&ctx, &vec!["a".to_owned(), "b".to_owned()]).await.unwrap();
        publisher.blob(&ctx, vec![1, 2, 0xff]).await.unwrap();
        publisher.all(&ctx, &everything()).await.unwrap();
        let operations: &[&str] = match protocol {
            // thrift's Python reads no value in compact that is not in a struct.
            Protocol::Compact => &["Created", "All"],
            _ => &["Created", "Count", "Name", "Names", "Blob", "All"],
        };
        // Each is a subscription of its own, so their order is not said.
        let mut heard: Vec<_> = operations.iter().map(|_| peer.line()).collect();
        let mut expected: Vec<_> =
            operations.iter().map(|operation| format!("{protocol} {operation} cid-pub {protocol} t-1")).collect();
        heard.sort_unstable();
        expected.sort_unstable();
        assert_eq!(heard, expected);
    }
    assert!(peer.finish().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn their_events_reach_our_subscriber() {
    let Some(stage) = Stage::set("their_events_reach_our_subscriber") else { return };
    let bus = stage.bus().await;
    let subscriber = Events::subscriber(&bus, "*", "eu");
    let mut created = subscriber.created().await.unwrap();
    let mut count = subscriber.count().await.unwrap();
    let mut name = subscriber.name().await.unwrap();
    let mut names = subscriber.names().await.unwrap();
    let mut blob = subscriber.blob().await.unwrap();
    let mut all = subscriber.all().await.unwrap();
    assert_eq!(stage.peer("publish", &[]).finish(), ["published 18"]);
    // One subscription takes every protocol, in the order of publishing.
    macro_rules! next {
        ($events:ident, $protocol:expr) => {{
            let event = tokio::time::timeout(Duration::from_secs(20), $events.next()).await;
            let event =
                event.expect("no event").expect("the subscription ended").expect("an event that cannot be read");
            check(&event, $protocol);
            event
        }};
    }
    for protocol in Protocol::ALL {
        assert_eq!(*next!(created, protocol), Point::default().with_x(1).with_y(2).with_label("L"));
        assert_eq!(*next!(count, protocol), -77);
        assert_eq!(*next!(name, protocol), "n\u{e4}me");
        assert_eq!(*next!(names, protocol), ["a", "b"]);
        assert_eq!(next!(blob, protocol)[..], [1, 2, 0xff]);
        assert_eq!(*next!(all, protocol), everything());
    }
}

fn check<T>(event: &Event<T>, protocol: Protocol) {
    assert_eq!(event.context().correlation_id(), "cid-pub");
    assert_eq!((event.variable("user"), event.variable("region")), (Some(protocol.name()), Some("eu")));
    assert_eq!(event.context().header("trace"), Some("t-1"));
}
