//! What `connect` says when there is nothing to connect to.

use std::time::Duration;

use thriftwood::{ErrorKind, connect};

#[tokio::test]
async fn a_url_that_is_none_names_those_that_are() {
    for url in ["", "music", "kafka://localhost:9092", "log:", "nats", "tcp"] {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url:?}");
        for part in [&format!("{url:?}"), "memory:", "log:DIR", "nats://HOST:PORT", "tcp://HOST:PORT", "unix:PATH"] {
            assert!(error.message().contains(part), "{part:?} is not in: {error}");
        }
    }
}

#[tokio::test]
async fn a_log_server_that_is_not_there_and_a_url_that_names_none_are_told_at_once() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&format!("log://127.0.0.1:{port}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().starts_with(&format!("nobody listens at log://127.0.0.1:{port}")), "{error}");
    for url in ["log://localhost", "logs://", "log+unix:"] {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
        assert!(error.message().contains("log://HOST:PORT"), "{error}");
    }
}

#[tokio::test]
async fn a_nats_url_with_nothing_behind_it_is_unreachable_at_once() {
    // A port that was free a moment ago has nobody on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    let connecting = tokio::time::timeout(Duration::from_secs(20), connect(&url));
    let error = connecting.await.expect("a refused connection needs no patience").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains(&url), "{error}");
}

#[tokio::test]
async fn a_log_that_is_open_already_is_locked_and_says_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("log:{}", folder.path().display());
    let first = connect(&url).await.unwrap();
    let error = connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.message().contains(&std::process::id().to_string()), "{error}");
    assert!(error.message().ends_with("clone the bus that it has, or close it first"), "{error}");
    first.close().await.unwrap();
    connect(&url).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn options_of_a_url_that_are_none_name_those_that_are() {
    for url in ["tcps://localhost:1?cafile=x", "tcps://a:1,b:2?cafile=x", "https://localhost?cafile=x"] {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
        assert!(error.message().contains("its options, which are ca, cert, key, client_ca"), "{error}");
    }
    connect("tcps://a:1,b:2?ca=ca.pem").await.unwrap();
    let bus = connect("tcps://localhost:0?cert=no.pem&key=no.key").await.unwrap();
    let error = bus.serve("music", Nobody).await.unwrap_err();
    assert!(error.message().contains("no.pem"), "{error}");
}

#[tokio::test]
async fn a_log_where_a_file_is_in_the_way_is_a_storage_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = connect(&format!("log:{}", file.display())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.message().contains("file"), "{error}");
}

#[tokio::test]
async fn memory_of_one_name_is_one_bus() {
    let (here, there) = (connect("memory:shared").await.unwrap(), connect("memory:shared").await.unwrap());
    here.close().await.unwrap();
    let closed = there.serve("x", Nobody).await.unwrap_err();
    assert!(closed.is_closed());
}

struct Nobody;

impl thriftwood::call::Handler for Nobody {
    fn service(&self) -> &'static str {
        "Nobody"
    }

    fn handle(&self, _: thriftwood::call::Inbound) -> thriftwood::BoxFuture<'static, Option<thriftwood::bytes::Bytes>> {
        Box::pin(async { None })
    }
}
