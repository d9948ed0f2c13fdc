//! The calling end of a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;
use tracing::debug;

use super::alarm::Alarm;
use super::failed::{Failed, refused};
use super::now;
use super::wire::{CROWD, LINGER, ROUNDS, Wire};
use crate::observe::LateReplies;
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
struct Shared {
    state: Mutex<State>,
    /// Whether calls fail, for those who only want to know that.
    closed: AtomicBool,
}

#[derive(Debug)]
struct State {
    session: ClientSession<Waker>,
    /// Where the task is to be woken when there is something to write. Whoever wakes it takes it.
    driver: Option<Waker>,
    /// No handle is left.
    closing: bool,
    /// Where late replies are counted besides.
    late: Option<LateReplies>,
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
        let session = ClientSession::new(now()).with_max_in_flight(max_in_flight);
        let state = State { session, driver: None, closing: false, late: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), closed: AtomicBool::new(false) });
        let driver = Driver {
            wire: Wire::new(stream, max_frame),
            shared: Arc::clone(&shared),
            woken: Vec::new(),
            waited: false,
            alarm: Alarm::default(),
            ended: false,
            linger: None,
        };
        tokio::spawn(driver);
        Self(Arc::new(Handle(shared)))
    }

    /// Whether calls on it fail: the connection has ended, or its peer takes no further ones. Those under way may still have their
    /// replies.
    pub fn is_closed(&self) -> bool {
        self.0.0.closed.load(Ordering::Acquire)
    }

    /// This connection, with its late replies counted there too.
    #[must_use]
    pub fn counting(self, late: LateReplies) -> Self {
        self.0.0.lock().late = Some(late);
        self
    }

    /// How many replies came that nobody waited for any more.
    pub fn late_replies(&self) -> u64 {
        self.0.0.lock().session.late_replies()
    }

    /// Sends a call and waits for its reply. When the future is dropped, the call is forgotten and its reply, should it
    /// still come, dropped; a peer of our own kind is told, and stops the handler.
    ///
    /// # Errors
    /// [`RpcErrorKind::Overloaded`] when too many calls are in flight or wait to be sent, [`RpcErrorKind::Unavailable`] when the
    /// connection ended before the call was sent, [`RpcErrorKind::Disconnected`] when it ended before the reply came,
    /// [`RpcErrorKind::InvalidRequest`] when a call with the same operation id is under way.
    pub async fn call(&self, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        self.call_until(outbound, None).await.map_err(|failed| failed.error)
    }

    /// The same, no longer than until `deadline`. All calls of the connection have one timer between them, so that a deadline costs
    /// a call next to nothing; it passes within a millisecond.
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`RpcErrorKind::Timeout`]; with the call where nothing of it was sent.
    pub fn call_until(&self, outbound: Outbound, deadline: Option<Instant>) -> Calling<'_> {
        Calling { shared: &self.0.0, stage: Stage::Made(outbound, deadline) }
    }
}

/// A call on a connection; see [`Connection::call_until`]. A future by hand, since there may be a hundred thousand of them, and one
/// that is written with `async` holds what it was made from for as long as it lives.
#[derive(Debug)]
#[must_use = "a call is made when it is awaited"]
pub struct Calling<'a> {
    shared: &'a Shared,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Made(Outbound, Option<Instant>),
    /// The session knows it, by this operation id, and is to be told when the caller goes.
    UnderWay {
        operation_id: u64,
        oneway: bool,
    },
    Over,
}

impl Future for Calling<'_> {
    type Output = Result<Option<Bytes>, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        let (operation_id, oneway, end) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Made(outbound, deadline) => {
                let (operation_id, oneway) = (outbound.operation_id, outbound.oneway);
                (operation_id, oneway, shared.start(outbound, deadline, cx.waker())?)
            }
            Stage::UnderWay { operation_id, oneway } => (operation_id, oneway, shared.poll(operation_id, cx.waker())),
            // It ended, and whoever polls it again waits in vain, as it is with futures.
            Stage::Over => return Poll::Pending,
        };
        let Some(end) = end else {
            self.stage = Stage::UnderWay { operation_id, oneway };
            return Poll::Pending;
        };
        let error = match end {
            CallEnd::Reply(frame) => return Poll::Ready(Ok(Some(frame))),
            CallEnd::Sent => return Poll::Ready(Ok(None)),
            CallEnd::Unsent(frame) => {
                return Poll::Ready(Err(refused(Refused::Ended, Outbound { operation_id, frame, oneway })));
            }
            CallEnd::Disconnected => {
                RpcError::new(RpcErrorKind::Disconnected, "the connection was lost before the reply came")
            }
            CallEnd::TimedOut => RpcError::new(RpcErrorKind::Timeout, "no reply came in time"),
        };
        Poll::Ready(Err(Failed { error, unsent: None }))
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        if let Stage::UnderWay { operation_id, .. } = self.stage {
            let mut state = self.shared.lock();
            state.session.handle_cancel(operation_id);
            // The peer may be to be told.
            state.wake();
        }
    }
}

impl Shared {
    /// The lock is held for a few lines, which do not panic: what a panic elsewhere left is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call. How it ended, where it has already: a oneway call for which there is room is done.
    fn start(&self, outbound: Outbound, deadline: Option<Instant>, caller: &Waker) -> Result<Option<CallEnd>, Failed> {
        let Outbound { operation_id, ref frame, oneway } = outbound;
        let caller_too = caller.clone();
        let mut state = self.lock();
        if let Err(reason) = state.session.handle_call(operation_id, frame, oneway, deadline, caller_too) {
            drop(state);
            return Err(refused(reason, outbound));
        }
        let end = if oneway { state.session.poll_call(operation_id, caller) } else { None };
        let driver = state.driver.take();
        drop(state);
        // Woken without the lock, which it wants first thing.
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(end)
    }

    fn poll(&self, operation_id: u64, caller: &Waker) -> Option<CallEnd> {
        self.lock().session.poll_call(operation_id, caller)
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
    /// The callers that are ready have had their turn.
    waited: bool,
    /// Goes off when the first call is to be given up.
    alarm: Alarm,
    /// The stream has ended or is broken.
    ended: bool,
    /// Runs while nobody is left to call and the peer does not take what was sent.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let driver = &mut *self;
        if driver.waits_for_more() {
            // To the end of the thread's queue, where the first caller's wake-up did not put it.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        for _ in 0..ROUNDS {
            let read = driver.poll_read(cx);
            let (closing, due) = driver.take_calls(cx);
            // The lock is free again, which they want first thing.
            driver.woken.drain(..).for_each(Waker::wake);
            if driver.ended {
                return Poll::Ready(());
            }
            let late = driver.alarm.is_over(due, cx) && driver.end_late_calls();
            if driver.poll_write(cx) || read || late {
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
    /// Whether callers that are ready to call have a turn first. A task that is woken by another runs right behind it, so the first
    /// of many callers would have its call written before the second makes one: a system call for each.
    fn waits_for_more(&mut self) -> bool {
        let crowd = !self.waited && self.wire.is_flushed() && self.shared.lock().session.in_flight() >= CROWD;
        self.waited = crowd;
        crowd
    }

    /// Reads once and pairs the replies it brought. True when there may be more.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> bool {
        match self.wire.poll_read(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(true)) => {}
            Poll::Ready(Ok(false)) => self.ended = true,
            Poll::Ready(Err(error)) => self.lost(&error),
        }
        let mut state = self.shared.lock();
        let late = state.session.late_replies();
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
        if !state.session.takes_calls() {
            self.shared.closed.store(true, Ordering::Release);
        }
        self.woken.extend(std::iter::from_fn(|| state.session.poll_ended()));
        let late = state.session.late_replies() - late;
        if late > 0
            && let Some(replies) = state.late.clone()
        {
            drop(state);
            replies.add(late);
        }
        true
    }

    /// Takes what callers have to send. True when there are no callers any more; and when the next call is to be given up.
    fn take_calls(&mut self, cx: &mut TaskContext<'_>) -> (bool, Option<Instant>) {
        let mut state = self.shared.lock();
        if self.ended {
            state.session.handle_end();
            self.shared.closed.store(true, Ordering::Release);
        } else if self.wire.unwritten.is_empty() {
            state.session.poll_transmit(&mut self.wire.unwritten);
        }
        self.woken.extend(std::iter::from_fn(|| state.session.poll_ended()));
        match &mut state.driver {
            Some(known) => known.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        (state.closing, state.session.poll_timeout())
    }

    /// Gives up the calls whose time is up. Always true.
    fn end_late_calls(&mut self) -> bool {
        let mut state = self.shared.lock();
        state.session.handle_timeout(now());
        self.woken.extend(std::iter::from_fn(|| state.session.poll_ended()));
        true
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

/// A driver goes without coming to its end when its runtime does. Nobody else would tell those who wait, or give up their calls.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.session.handle_end();
        self.shared.closed.store(true, Ordering::Release);
        let woken: Vec<Waker> = std::iter::from_fn(|| state.session.poll_ended()).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}
