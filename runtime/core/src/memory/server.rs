//! Calls in: each client's pipe is served as a connection of its own.

use std::sync::Arc;

use tokio::task::JoinSet;

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
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                pipe = accepted.recv() => {
                    // With the last handle of its bus gone, nobody can call any more.
                    let Some(pipe) = pipe else { break };
                    connections.spawn(serve_connection(pipe, Arc::clone(&handler), connection, stop.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(accepted);
        while connections.join_next().await.is_some() {}
    }))
}
