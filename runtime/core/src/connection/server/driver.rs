//! The task that has a connection's stream: reads calls, runs handlers, writes replies.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::calls::{Calls, State};
use super::parting::Parting;
use super::patience::Patience;
use crate::BoxFuture;
use crate::call::Inbound;
use crate::connection::now;
use crate::connection::wire::{CROWD, LINGER, MAX_UNWRITTEN, ROUNDS, Wire};

/// How long handlers are run before what they answered is written. The first reply of a read waits no longer for the last.
const RUN: Duration = Duration::from_micros(200);

/// A stream, and how far its end has come.
pub(super) struct Io<S> {
    wire: Wire<S>,
    parting: Parting,
    reading: bool,
    /// Nothing more can be written.
    broken: bool,
    patience: Patience,
    /// Runs while nothing more is read and the peer takes no replies.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite> Io<S> {
    pub(super) fn new(wire: Wire<S>, stall: Option<Duration>, stop: CancellationToken) -> Self {
        let (parting, patience) = (Parting::new(stop), Patience::new(stall));
        Self { wire, parting, reading: true, broken: false, patience, linger: None }
    }

    /// How much more may be taken on, in bytes of replies.
    pub(super) fn has_room(&self, unsent: usize) -> bool {
        self.wire.unwritten.len() + unsent < MAX_UNWRITTEN
    }

    fn lost(&mut self, error: &std::io::Error) {
        debug!(%error, "a connection was lost");
        (self.reading, self.broken) = (false, true);
    }

    /// Reads once and hands on the frames it brought. True when there may be more.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>, calls: &Calls<S>) -> bool {
        if self.reading && self.parting.begins(cx) {
            calls.lock().session.handle_stop();
        }
        if self.reading && self.parting.is_overdue(cx) && !calls.lock().session.peer_left() {
            debug!("reading no more of a connection: its peer was told of the stop and does not answer");
            self.reading = false;
        }
        if !self.reading || !calls.may_read(self) {
            self.patience.without_frame();
            return false;
        }
        match self.wire.poll_read(cx) {
            Poll::Pending => {
                if self.wire.is_inside_frame() && self.patience.with_frame(cx) {
                    debug!("reading no more of a connection: the rest of a frame did not come");
                    self.reading = false;
                }
                if self.parting.has_begun() && !self.expects_more(calls) {
                    self.reading = false;
                }
                return false;
            }
            Poll::Ready(Ok(true)) => self.parting.hear(),
            Poll::Ready(Ok(false)) => self.reading = false,
            Poll::Ready(Err(error)) => self.lost(&error),
        }
        let (mut state, now) = (calls.lock(), Instant::now());
        loop {
            match self.wire.next_frame() {
                Ok(Some(frame)) => {
                    self.patience.without_frame();
                    state.session.handle_frame(frame, now);
                }
                Ok(None) => break,
                Err(error) => {
                    debug!(%error, "reading no more of a connection: the peer sent no frame");
                    self.reading = false;
                    break;
                }
            }
        }
        let unwanted = if self.reading { state.cancelled() } else { state.peer_gone() };
        drop(state);
        unwanted.iter().for_each(AbortHandle::abort);
        true
    }

    /// Whether something may still come after a stop: a call, or word that one was given up.
    fn expects_more(&self, calls: &Calls<S>) -> bool {
        let state = calls.lock();
        let of_ours = state.session.awaits_more() || state.session.peer_left();
        of_ours || self.wire.is_inside_frame() || !self.parting.has_heard()
    }

    /// Whether no further call comes.
    fn is_over(&self, calls: &Calls<S>) -> bool {
        !self.reading || (self.parting.has_begun() && calls.lock().session.peer_left())
    }

    /// Writes what there is. Broken when the peer takes nothing for too long after the last was read. True when there is room
    /// for replies where there was none.
    fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.broken {
            self.wire.give_up();
            return false;
        }
        let before = self.wire.unwritten.len();
        match self.wire.poll_write(cx) {
            Poll::Ready(Err(error)) => self.lost(&error),
            Poll::Ready(Ok(())) => {
                self.linger = None;
                self.patience.without_replies();
            }
            Poll::Pending if self.reading && !self.parting.has_begun() => {
                if self.patience.with_replies(self.wire.unwritten.len() < before, cx) {
                    debug!("gave up on a peer that does not read its replies");
                    (self.reading, self.broken) = (false, true);
                    self.wire.give_up();
                }
            }
            Poll::Pending => self.linger(cx, self.wire.unwritten.len() < before),
        }
        before >= MAX_UNWRITTEN && self.has_room(0)
    }

    fn linger(&mut self, cx: &mut TaskContext<'_>, progress: bool) {
        if progress {
            self.linger = None;
        }
        let linger = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            debug!("gave up on a peer that does not read its replies");
            (self.reading, self.broken) = (false, true);
            self.wire.give_up();
        }
    }

    /// Closes this end, unless the peer takes too long over it.
    fn poll_close(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.broken {
            return Poll::Ready(());
        }
        if !self.wire.is_flushed() {
            return Poll::Pending;
        }
        // Either way the connection is at its end, and nobody is left to be told.
        if self.wire.poll_shutdown(cx).is_pending() {
            self.linger(cx, false);
            return if self.broken { Poll::Ready(()) } else { Poll::Pending };
        }
        Poll::Ready(())
    }
}

/// Has the stream, until it is taken away because a handler blocks the thread.
pub(super) struct Driver<S> {
    /// `None` while handlers run, when [`Calls`] holds it.
    io: Option<Box<Io<S>>>,
    calls: Arc<Calls<S>>,
    /// Which of the connection's drivers this is.
    number: u64,
    /// The calls that are ready have had their turn.
    waited: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let driver = &mut *self;
        if driver.waits_for_more() {
            // To the end of the thread's queue, where the first call's wake-up did not put it.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        for _ in 0..ROUNDS {
            let Some(io) = &mut driver.io else { return Poll::Ready(()) };
            let read = io.poll_read(cx, &driver.calls);
            let ran = driver.run(cx);
            let Some(io) = &mut driver.io else { return Poll::Ready(()) };
            let room = io.poll_write(cx);
            if io.broken {
                let unwanted = driver.calls.lock().peer_gone();
                unwanted.iter().for_each(AbortHandle::abort);
            }
            if io.is_over(&driver.calls) && driver.calls.are_done() && io.poll_close(cx).is_ready() {
                return Poll::Ready(());
            }
            if !read && !ran && !room {
                return Poll::Pending;
            }
        }
        // Others on this thread have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Driver<S> {
    pub(super) fn new(io: Box<Io<S>>, calls: Arc<Calls<S>>, number: u64) -> Self {
        Self { io: Some(io), calls, number, waited: false }
    }

    /// Whether calls that go on by themselves and are ready have a turn first. A task that is woken by another runs right behind it,
    /// so the first of many replies would be written before there is a second: a system call for each.
    fn waits_for_more(&mut self) -> bool {
        let flushed = self.io.as_ref().is_some_and(|io| io.wire.is_flushed());
        let crowd = !self.waited && flushed && self.calls.lock().session.under_way() >= CROWD;
        self.waited = crowd;
        crowd
    }

    /// Runs the calls that may run, for a while, and takes the replies there are. True when there were any: then more may be
    /// read, or run.
    fn run(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let calls = Arc::clone(&self.calls);
        let mut state = calls.lock();
        state.drive(cx.waker());
        let mut clock: Option<(Instant, Instant)> = None;
        let (mut ran, mut enough) = (false, false);
        while !enough && let Some((inbound, call)) = self.next(&mut state, &calls) {
            ran = true;
            if state.pace.is_wary() {
                let request = state.session.peer_cancels().then(|| inbound.frame.clone());
                drop(state);
                calls.spawn(call, request.as_ref(), calls.handle_later(inbound));
                state = calls.lock();
                continue;
            }
            let (began, last) = *clock.get_or_insert_with(|| {
                let now = now();
                (now, now)
            });
            // By it a call that has to wait can be found again.
            let request = state.session.peer_cancels().then(|| inbound.frame.clone());
            state.lend(&mut self.io, call, request);
            drop(state);
            let polled = poll_here(&calls, inbound, cx);
            state = calls.lock();
            let request = state.left_handler(call);
            match polled {
                Ok(reply) => state.ended(call, reply.as_ref()),
                Err(waiting) => {
                    drop(state);
                    calls.spawn(call, request.as_ref(), waiting);
                    state = calls.lock();
                }
            }
            if state.driver_number() != self.number {
                // The stream has another driver by now. It sends the reply.
                state.wake_driver();
                return false;
            }
            if state.pace.looks_at_the_clock(call) {
                let now = now();
                state.pace.took(now - last);
                enough = now - began > RUN;
                clock = Some((began, now));
            }
        }
        state.give_back(&mut self.io);
        if let Some(io) = &mut self.io {
            state.session.poll_transmit(&mut io.wire.unwritten);
        }
        ran
    }

    /// The next call that may be started. A peer that does not read its replies is not read from, nor is anything done for it.
    fn next(&self, state: &mut State<S>, calls: &Calls<S>) -> Option<(Inbound, u64)> {
        let io = self.io.as_deref().or(state.lent())?;
        if !io.has_room(state.session.unsent()) {
            return None;
        }
        state.next(calls)
    }
}

/// Polls a handler once. One that has to wait is given back.
fn poll_here<S>(
    calls: &Calls<S>,
    inbound: Inbound,
    cx: &mut TaskContext<'_>,
) -> Result<Option<Bytes>, BoxFuture<'static, Option<Bytes>>> {
    // A handler catches its panics. One that does not must not end the connection.
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut future = calls.handle(inbound);
        match future.as_mut().poll(cx) {
            Poll::Ready(reply) => Ok(reply),
            Poll::Pending => Err(future),
        }
    }));
    polled.unwrap_or(Ok(None))
}
