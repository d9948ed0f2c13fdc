//! A service inside somebody else's server: axum's.

use axum::Router;
use axum::routing::get;
use thriftwood_core::RpcErrorKind;
use thriftwood_http::{Config, HttpService, connect, service};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::{Desk, Did, base64, echo, payload, post, raw, soon, unbase64, wait};

#[tokio::test]
async fn a_service_in_axum_is_called_like_any_other_and_beside_others() {
    let (desk, mut did) = Desk::new();
    let mounted = service(desk.clone());
    let app = Router::new()
        .route("/health", get(async || "well"))
        .nest_service("/api/desk", mounted.clone())
        .layer(axum::middleware::map_request(async |request: axum::extract::Request| request));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        axum::serve(listener, app).with_graceful_shutdown(stopped).await
    });

    let bus = connect(&format!("http://{host}/api"), Config::default()).unwrap();
    for text in [&b"first"[..], b"second"] {
        let reply = bus.rpc("desk").call_frame(echo(1, text)).await.unwrap().unwrap();
        assert_eq!(payload(reply), text);
    }
    // The same for a caller of Frugal's.
    let answer = raw(&host, &post("/api/desk", &[], &base64(&echo(2, b"frugal").frame))).await;
    assert_eq!(payload(unbase64(&answer.body)), "frugal");
    // And whoever is beside it is not disturbed.
    let answer = raw(&host, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!((answer.status, &*answer.body), (200, "well"));
    let error = bus.rpc("disk").call_frame(echo(3, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");

    let rpc = bus.rpc("desk");
    let call = tokio::spawn(async move { rpc.call_frame(wait(4)).await });
    assert_eq!(soon("the beginning", did.recv()).await, Some(Did::Begin(4)));
    call.abort();
    assert_eq!(soon("the end", did.recv()).await, Some(Did::Stop(4)));

    bus.close().await.unwrap();
    drop((bus, stop));
    soon("the server's end", serving).await.unwrap().unwrap();
    soon("the service's end", mounted.drain()).await;
}

#[tokio::test]
async fn a_mounted_service_has_the_limits_it_was_given() {
    let mut config = Config::default();
    config.max_frame = 100;
    let (desk, _) = Desk::new();
    let app = Router::new().route_service("/desk", HttpService::configured(desk, &config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = raw(&host, &post("/desk", &[], &base64(&echo(1, &[0; 200]).frame))).await;
    assert_eq!((answer.status, answer.header("x-thriftwood-error")), (413, Some("request-too-large")));
}
