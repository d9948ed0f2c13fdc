//! What a transport must be able to do. The runtime above speaks only to these traits, with whole frames.

mod bus;
mod guarded;
mod serve;

pub use bus::{Bus, Frames};
pub use serve::{DEFAULT_QUEUE_GROUP, Lifecycle, Serve, ServeOptions, Serving};

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::Handler;
use crate::event::{Delivery, Guarantee, PublishOptions, SubscribeOptions, Topic, TopicFilter};
use crate::observe::Observing;
use crate::{BoxFuture, Error, RpcError};

/// Carries calls and events. One value is one bus: a directory, a NATS connection, a hub in memory.
pub trait Transport: Send + Sync + 'static {
    /// The URL scheme: `memory`, `log`, `nats`.
    fn scheme(&self) -> &'static str;

    /// The way to the service at `address`. Nothing is sent yet; an address that cannot be carried is reported by the
    /// first call.
    fn rpc(&self, address: &str) -> Arc<dyn RpcChannel>;

    /// Serves `handler` at `address`. When this resolves, a call from anywhere reaches the handler.
    fn serve(
        &self,
        address: String,
        handler: Arc<dyn Handler>,
        options: ServeOptions,
    ) -> BoxFuture<'_, Result<Serving, Error>>;

    /// Publishes a frame of up to 16 KiB, where that takes no waiting: without a future, and without memory of the frame's own. `None`
    /// where it does; [`publish`](Self::publish) then gets the frame.
    fn publish_at_once(&self, topic: &Topic, frame: &[u8], options: PublishOptions) -> Option<Result<(), Error>> {
        let _ = (topic, frame, options);
        None
    }

    /// Publishes a frame. When this resolves, the transport has done what it promises: a log has it on disk.
    fn publish<'a>(
        &'a self,
        topic: &'a Topic,
        frame: Bytes,
        options: PublishOptions,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Subscribes. When this resolves, whatever is published from now on is delivered.
    fn subscribe(
        &self,
        filter: TopicFilter,
        options: SubscribeOptions,
    ) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>>;

    /// Has what happens on the transport and belongs to no call told to this observer: for now, late replies.
    fn watch(&self, observing: &Observing) {
        let _ = observing;
    }

    /// Stops what is served and subscribed here, lets calls under way finish, and lets go of sockets and files. Everything
    /// done with the bus afterwards fails with [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// One call on its way out.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The id in the frame's headers, by which the reply is known.
    pub operation_id: u64,
    /// The whole frame.
    pub frame: Bytes,
    /// Whether no reply is wanted.
    pub oneway: bool,
}

/// Carries calls to one address.
pub trait RpcChannel: Send + Sync + 'static {
    /// Sends a call and gives the reply's frame; for a oneway call, `None` once it is sent.
    ///
    /// The caller's time limit is kept above: it drops the future, and a channel then forgets the call.
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>>;

    /// Whether the channel keeps the time of its calls itself, in [`call_until`](Self::call_until): one timer for all of a
    /// connection's calls costs a fraction of one for each.
    fn keeps_time(&self) -> bool {
        false
    }

    /// [`call`](Self::call), which fails as [`Timeout`](crate::RpcErrorKind::Timeout) at the deadline where the channel
    /// [keeps time](Self::keeps_time).
    fn call_until(&self, outbound: Outbound, deadline: Instant) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        let _ = deadline;
        self.call(outbound)
    }

    /// The address to be written into each frame's headers, for a transport on which nothing else says where a frame goes.
    fn address(&self) -> Option<&str> {
        None
    }

    /// Whether calls say in their headers that they may be cancelled, as a [`Connection`](crate::connection::Connection)
    /// does when a caller gives up.
    fn cancels(&self) -> bool {
        false
    }
}

/// The events of one subscription.
pub trait EventSource: Send + 'static {
    /// The next event; `None` when the subscription has ended. An error concerns one event or one moment: asking again
    /// goes on.
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Delivery, Error>>>;

    /// What may happen to an event on its way.
    fn guarantee(&self) -> Guarantee;

    /// How long a subscriber may have an event of which it says nothing, before the transport delivers it to another; `None` where nobody
    /// loses one like that. A subscription that holds events back asks for more time for them,
    /// with [`in_progress`](crate::event::Acknowledge::in_progress).
    fn time_limit(&self) -> Option<Duration> {
        None
    }

    /// Asks that from now on, of the events of one [key](crate::frame::KEY), the next one comes when the one before it was
    /// acknowledged or given up, whichever member of the group had it. `false` where the transport does not see to that; the
    /// subscription then does, for the events it gets.
    fn keep_key_order(&mut self) -> bool {
        false
    }

    /// Says that from now on no more than so many events are to be with the subscriber. A transport that takes events ahead counts
    /// those too: what is beyond the limit is left to the others of the group.
    fn max_in_flight(&mut self, events: usize) {
        let _ = events;
    }

    /// Says that from now on the subscriber begins with an event as soon as it has it, while it has fewer than so many. A transport that
    /// counts an event as delivered when it sends it may so ask for several, and none lies ahead of a subscriber that dies of another.
    fn begins_at_once(&mut self, events: usize) {
        let _ = events;
    }
}
