//! The calling end of a connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;
use tracing::debug;

use super::wire::{LINGER, ROUNDS, Wire};
use crate::session::{CallEnd, ClientSession, DEFAULT_MAX_IN_FLIGHT, Refused};
use crate::transport::Outbound;
use crate::{RpcError, RpcErrorKind};

/// A handle to a connection. Clones share it; when the last is dropped, what was sent is still written and then it closes.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closing = true;
        state.wake();
    }
}

/// What callers and the task that drives the connection share.
#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    session: ClientSession<Waker>,
    /// Where the task is to be woken when there is something to write. Whoever wakes it takes it.
    driver: Option<Waker>,
    /// No handle is left.
    closing: bool,
}

impl Connection {
    /// Takes over `stream` and starts the task that drives it. Frames of up to `max_frame` bytes are read.
    pub fn spawn<S>(stream: S, max_frame: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self::spawn_limited(stream, max_frame, DEFAULT_MAX_IN_FLIGHT)
    }

    /// The same, with no more than this many calls in flight at once; further ones are refused as
    /// [`RpcErrorKind::Overloaded`].
    pub fn spawn_limited<S>(stream: S, max_frame: usize, max_in_flight: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let session = ClientSession::new().with_max_in_flight(max_in_flight);
        let state = State { session, driver: None, closing: false };
        let shared = Arc::new(Shared(Mutex::new(state)));
        let driver = Driver {
            wire: Wire::new(stream, max_frame),
            shared: Arc::clone(&shared),
            woken: Vec::new(),
            ended: false,
            linger: None,
        };
        tokio::spawn(driver);
        Self(Arc::new(Handle(shared)))
    }

    /// Whether calls on it fail: the connection has ended, or its peer takes no further ones. Those under way may still have their
    /// replies.
    pub fn is_closed(&self) -> bool {
        !self.0.0.lock().session.takes_calls()
    }

    /// How many replies came that nobody waited for any more.
    pub fn late_replies(&self) -> u64 {
        self.0.0.lock().session.late_replies()
    }

    /// Sends a call and waits for its reply. When the future is dropped, the call is forgotten and its reply, should it
    /// still come, dropped; a peer of our own kind is told, and stops the handler.
    ///
    /// # Errors
    /// [`RpcErrorKind::Overloaded`] when too many calls are in flight or wait to be sent, [`RpcErrorKind::Unavailable`] when the connection ended before the call was sent, [`RpcErrorKind::Disconnected`]
    /// when it ended before the reply came, [`RpcErrorKind::InvalidRequest`] when a call with the same operation id is
    /// under way.
    pub async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let shared = &*self.0.0;
        let mut pending = Pending { shared, operation_id: outbound.operation_id, live: false };
        let mut outbound = Some(outbound);
        let end = poll_fn(|cx| match outbound.take() {
            Some(outbound) => shared.start(outbound, &mut pending, cx.waker()),
            None => shared.poll(&mut pending, cx.waker()).map(Ok),
        });
        match end.await.map_err(refused)? {
            CallEnd::Reply(frame) => Ok(Some(frame)),
            CallEnd::Sent => Ok(None),
            CallEnd::Unsent => Err(refused(Refused::Ended)),
            CallEnd::Disconnected => {
                Err(RpcError::new(RpcErrorKind::Disconnected, "the connection was lost before the reply came"))
            }
        }
    }
}

fn refused(refused: Refused) -> RpcError {
    let kind = match refused {
        Refused::Duplicate => RpcErrorKind::InvalidRequest,
        Refused::Ended => RpcErrorKind::Unavailable,
        Refused::Overloaded(_) => RpcErrorKind::Overloaded,
    };
    RpcError::new(kind, refused.to_string())
}

/// A call that the session knows, for as long as it does. Tells it when the caller goes.
struct Pending<'a> {
    shared: &'a Shared,
    operation_id: u64,
    live: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.live {
            let mut state = self.shared.lock();
            state.session.handle_cancel(self.operation_id);
            // The peer may be to be told.
            state.wake();
        }
    }
}

impl Shared {
    /// The lock is held for a few lines, which do not panic: what a panic elsewhere left is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, outbound: Outbound, pending: &mut Pending<'_>, caller: &Waker) -> Poll<Result<CallEnd, Refused>> {
        let Outbound { operation_id, frame, oneway } = outbound;
        let mut state = self.lock();
        state.session.handle_call(operation_id, frame, oneway, caller.clone())?;
        pending.live = true;
        // A oneway call for which there is room is done.
        let end = if oneway { state.session.poll_call(operation_id, caller) } else { None };
        let driver = state.driver.take();
        drop(state);
        // Woken without the lock, which it wants first thing.
        if let Some(driver) = driver {
            driver.wake();
        }
        end.map_or(Poll::Pending, |end| {
            pending.live = false;
            Poll::Ready(Ok(end))
        })
    }

    fn poll(&self, pending: &mut Pending<'_>, caller: &Waker) -> Poll<CallEnd> {
        match self.lock().session.poll_call(pending.operation_id, caller) {
            Some(end) => {
                pending.live = false;
                Poll::Ready(end)
            }
            None => Poll::Pending,
        }
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }
}

/// The task that has the stream.
struct Driver<S> {
    wire: Wire<S>,
    shared: Arc<Shared>,
    /// Callers whose calls have ended.
    woken: Vec<Waker>,
    /// The stream has ended or is broken.
    ended: bool,
    /// Runs while nobody is left to call and the peer does not take what was sent.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let driver = &mut *self;
        for _ in 0..ROUNDS {
            let read = driver.poll_read(cx);
            let closing = driver.take_calls(cx);
            // The lock is free again, which they want first thing.
            driver.woken.drain(..).for_each(Waker::wake);
            if driver.ended {
                return Poll::Ready(());
            }
            if driver.poll_write(cx) || read {
                continue;
            }
            return if closing { driver.poll_close(cx) } else { Poll::Pending };
        }
        // Others on this thread have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite> Driver<S> {
    /// Reads once and pairs the replies it brought. True when there may be more.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> bool {
        match self.wire.poll_read(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(true)) => {}
            Poll::Ready(Ok(false)) => self.ended = true,
            Poll::Ready(Err(error)) => self.lost(&error),
        }
        let mut state = self.shared.lock();
        loop {
            let paired = match self.wire.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => state.session.handle_frame(frame),
                Err(error) => Err(error),
            };
            if let Err(error) = paired {
                debug!(%error, "closing a connection: the peer sent no frame");
                self.ended = true;
                break;
            }
        }
        self.woken.extend(std::iter::from_fn(|| state.session.poll_ended()));
        true
    }

    /// Takes what callers have to send. True when there are no callers any more.
    fn take_calls(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut state = self.shared.lock();
        if self.ended {
            state.session.handle_end();
        } else if self.wire.unwritten.is_empty() {
            state.session.poll_transmit(&mut self.wire.unwritten);
        }
        self.woken.extend(std::iter::from_fn(|| state.session.poll_ended()));
        state.driver = Some(cx.waker().clone());
        state.closing
    }

    /// True when something was written and all of it, so that more can be taken; or when the connection is lost.
    fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.wire.is_flushed() {
            return false;
        }
        match self.wire.poll_write(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.lost(&error);
                true
            }
        }
    }

    /// No handle is left and nobody waits; but a oneway call is done only when it is written.
    fn poll_close(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.wire.is_flushed() && self.wire.poll_shutdown(cx).is_ready() {
            return Poll::Ready(());
        }
        self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER))).as_mut().poll(cx)
    }

    fn lost(&mut self, error: &std::io::Error) {
        debug!(%error, "a connection was lost");
        self.ended = true;
    }
}
