//! The connections of browsers: HTTP/1.1, a bounded number at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{Site, answer};

/// Connections at once; further ones wait.
const CONNECTIONS: usize = 64;
/// How long a request's headers may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long listening rests after the system refused a connection, as it does when it is out of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(super) async fn serve(socket: TcpListener, site: Arc<Site>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed, so this only waits.
        let place = Arc::clone(&places).acquire_owned().await;
        let connection = match socket.accept().await {
            Ok((connection, _)) => connection,
            Err(error) => {
                eprintln!("error: a connection was not accepted: {error}");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(answer::to(request, site).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(16 * 1024);
            // A browser that goes away in the middle is nothing to tell.
            let _ = http.serve_connection(TokioIo::new(connection), service).await;
        });
    }
}
