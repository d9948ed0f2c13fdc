//! One bus of several, each of which leads to one server of the same services.

mod end;
mod pick;

use std::sync::Arc;

use bytes::Bytes;
use thriftwood_core::call::{Handler, Rpc};
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::observe::Observing;
use thriftwood_core::transport::{EventSource, Outbound, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind, RpcError, RpcErrorKind};
use tokio::time::Instant;
use tracing::debug;

use self::end::End;

/// One bus over these, each of which leads to one server of the same services. Each call goes to one of them.
///
/// Of two that are picked at random, the one with fewer calls under way gets the call ("The Power of Two Choices", Mitzenmacher
/// 2001): nearly as good as the least loaded of all, and without the rush of all callers to the one that looks best.
///
/// A server that cannot be reached, loses its connection or leaves five calls in a row unanswered gets no call for 1 s, then one to
/// see whether it is back, and after each further failure none for twice as long, up to 30 s. A call that found nobody is made
/// to another server at once, since its handler cannot have run. When no server is left, the one that is due next is tried all
/// the same.
///
/// Such a bus makes calls only: it does not serve, publish or subscribe.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`] when there are no buses.
pub fn balance(buses: Vec<Bus>) -> Result<Bus, Error> {
    let Some(scheme) = buses.first().map(Bus::scheme) else {
        return Err(Error::new(ErrorKind::InvalidUrl, "there is no server to balance calls over; name at least one"));
    };
    Ok(Bus::new(Balanced { scheme, ends: buses.into_iter().map(|bus| (bus, Arc::default())).collect() }))
}

struct Balanced {
    scheme: &'static str,
    ends: Vec<(Bus, Arc<End>)>,
}

impl Balanced {
    fn unsupported(&self, what: &str) -> Error {
        let text = format!(
            "a bus over {} servers makes calls and {what}; connect another bus for that, by the URL of one server, or by \
             nats:// or log: for events",
            self.ends.len()
        );
        Error::new(ErrorKind::Unsupported, text)
    }
}

impl Transport for Balanced {
    fn scheme(&self) -> &'static str {
        self.scheme
    }

    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel> {
        let ends = self.ends.iter().map(|(bus, end)| (bus.rpc(address), Arc::clone(end)));
        Arc::new(Channel { ends: ends.collect() })
    }

    fn serve(&self, _: String, _: Arc<dyn Handler>, _: ServeOptions) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(async { Err(self.unsupported("does not serve")) })
    }

    fn publish<'a>(&'a self, _: &'a Topic, _: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(self.unsupported("does not publish")) })
    }

    fn subscribe(&self, _: TopicFilter, _: SubscribeOptions) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(async { Err(self.unsupported("does not subscribe")) })
    }

    fn watch(&self, observing: &Observing) {
        self.ends.iter().for_each(|(bus, _)| bus.watch(observing));
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let mut closed = Ok(());
            for (bus, _) in &self.ends {
                closed = closed.and(bus.close().await);
            }
            closed
        })
    }
}

/// The calls to one address.
struct Channel {
    ends: Vec<(Rpc, Arc<End>)>,
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            let mut tried = vec![false; self.ends.len()];
            let mut last = None;
            while let Some(at) = pick::pick(&self.ends, &tried, Instant::now()) {
                let (rpc, end) = &self.ends[at];
                tried[at] = true;
                let attempt = end.begin();
                let result = rpc.call_frame(outbound.clone()).await;
                attempt.end(&result);
                match result {
                    Err(error) if error.kind() == RpcErrorKind::Unavailable => {
                        debug!(server = at, %error, "a server was not to be found, and the call is made to another");
                        last = Some(error);
                    }
                    result => return result,
                }
            }
            Err(last.map_or_else(
                || RpcError::new(RpcErrorKind::Unavailable, "no server is left"),
                |error| self.nobody(error),
            ))
        })
    }

    fn address(&self) -> Option<&str> {
        self.ends.first().and_then(|(rpc, _)| rpc.header_address())
    }

    fn cancels(&self) -> bool {
        self.ends.first().is_some_and(|(rpc, _)| rpc.cancels())
    }
}

impl Channel {
    fn nobody(&self, last: RpcError) -> RpcError {
        let text = format!("none of {} servers was to be found, the last for: {}", self.ends.len(), last.message());
        RpcError::new(RpcErrorKind::Unavailable, text).with_source(last)
    }
}
