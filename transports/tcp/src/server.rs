//! Calls in: a listener that all services of the bus share, on this runtime or on threads of its own.

use std::io;
use std::sync::Arc;

use thriftwood_core::call::Handler;
use thriftwood_core::transport::{ServeOptions, Serving};
use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::{Bound, Endpoint, acceptor, bind, cannot_listen, resolve};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::accept::Accept;
use crate::config::Shared;
use crate::routes::Routes;

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    address: String,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
) -> Result<Serving, Error> {
    shared.lifecycle.check()?;
    let failed = |source| cannot_listen(&shared.endpoint, source);
    let addresses = resolve(&shared.endpoint).await.map_err(failed)?;
    let tls = acceptor(&shared.endpoint, shared.config.server_tls.as_ref())?;
    let mut place = shared.listener();
    let listener = match &*place {
        Some(listener) => {
            if !listener.routes.add(&address, handler) {
                let text = format!(
                    "`{address}` is served on this bus already; on {} each address is served once",
                    shared.endpoint
                );
                return Err(Error::new(ErrorKind::InvalidName, text));
            }
            Arc::clone(listener)
        }
        None => {
            let bound = bind(&shared.endpoint, &addresses, shared.config.threads.max(1));
            let (sockets, endpoint, local_addr) = bound.map_err(failed)?;
            let listener = Arc::new(Listener::new(endpoint, local_addr));
            listener.routes.add(&address, handler);
            let accept = Accept::new(&listener.routes, tls, &listener.stop, &shared.config, options.concurrency);
            listener.start(sockets, accept, shared.config.threads > 0).map_err(failed)?;
            Arc::clone(place.insert(listener))
        }
    };
    drop(place);
    let local_addr = listener.local_addr.clone();
    let shared = Arc::clone(shared);
    let serving = Arc::clone(&shared).lifecycle.serve(|stop| async move {
        stop.cancelled().await;
        listener.leave(&shared, &address).await;
    });
    Ok(serving.listening_at(local_addr))
}

/// A socket that listens, the services behind it and the connections in front of it.
pub(crate) struct Listener {
    endpoint: Endpoint,
    local_addr: String,
    routes: Arc<Routes>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Listener {
    fn new(endpoint: Endpoint, local_addr: String) -> Self {
        Self { endpoint, local_addr, routes: Arc::default(), stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// The end to call to reach it.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Accepts from each socket: on this runtime, or each on a thread and runtime of its own.
    fn start(&self, sockets: Vec<Bound>, accept: Accept, apart: bool) -> io::Result<()> {
        let (listening, accept) = (accept.listening(), Arc::new(accept));
        for socket in sockets {
            if apart {
                let ended = apart_from(socket, Arc::clone(&accept), Arc::clone(&listening))?;
                // Either way it has ended: a sender that is dropped says as much.
                self.tasks.spawn(async move { drop(ended.await) });
            } else {
                self.tasks.spawn(Arc::clone(&accept).run(socket.listen()?, Arc::clone(&listening)));
            }
        }
        self.tasks.close();
        Ok(())
    }

    /// Ends a service: the last one, or all of them when the bus closes, with the listener and its connections.
    async fn leave(&self, shared: &Shared, address: &str) {
        let others = {
            let mut place = shared.listener();
            let others = match shared.lifecycle.check() {
                Ok(()) => self.routes.remove_if_others(address),
                Err(_) => None,
            };
            if others.is_none() && place.as_ref().is_some_and(|listener| std::ptr::eq(&**listener, self)) {
                *place = None;
            }
            others
        };
        match others {
            Some(calls_end) => calls_end.await,
            None => {
                self.stop.cancel();
                self.tasks.wait().await;
            }
        }
    }
}

/// Starts a thread with a runtime for nothing but the connections of one socket. Resolves when they have ended.
fn apart_from(socket: Bound, accept: Arc<Accept>, listening: Arc<DropGuard>) -> io::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let socket = {
        let _entered = runtime.enter();
        socket.listen()?
    };
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new().name("thriftwood-tcp".to_owned()).spawn(move || {
        runtime.block_on(accept.run(socket, listening));
        drop(end);
    })?;
    Ok(ended)
}
