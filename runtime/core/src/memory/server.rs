//! Calls in: each client's pipe is served as a connection of its own.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::hub::Hub;
use crate::Error;
use crate::call::Handler;
use crate::connection::{ConnectionOptions, serve_connection};
use crate::transport::{ServeOptions, Serving};

pub(super) fn serve(
    hub: &Hub,
    address: String,
    handler: Arc<dyn Handler>,
    options: &ServeOptions,
) -> Result<Serving, Error> {
    hub.lifecycle.check()?;
    let connection = ConnectionOptions { concurrency: options.concurrency, ..ConnectionOptions::default() };
    let mut accepted = hub.add_server(address);
    Ok(hub.lifecycle.serve(|stop| async move {
        let (mut connections, leave) = (JoinSet::new(), CancellationToken::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                pipe = accepted.recv() => {
                    // With the last handle of its bus gone, nobody can call any more.
                    let Some(pipe) = pipe else { break };
                    connections.spawn(serve_connection(pipe, Arc::clone(&handler), connection, leave.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        // Whoever connected before this was closed has its calls done; clients are told to go only when they cannot come back.
        accepted.close();
        while let Some(pipe) = accepted.recv().await {
            connections.spawn(serve_connection(pipe, Arc::clone(&handler), connection, leave.clone()));
        }
        leave.cancel();
        while connections.join_next().await.is_some() {}
    }))
}
