//! The calls of one connection: those that wait to be started, and those that have a task of their own.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, unconstrained};
use tokio::time::Sleep;
use tracing::debug;

use super::ConnectionOptions;
use super::driver::Io;
use super::pace::Pace;
use crate::BoxFuture;
use crate::call::{Handler, Inbound};
use crate::codec::MessageType;
use crate::frame::{Frame, Peek};
use crate::session::{Ids, ServerSession};

/// After so long in one handler the stream is taken away from the task that is in it.
const STALL: Duration = Duration::from_millis(5);

/// In the place of a call's number: none is being run. The first call is 1.
const NO_CALL: u64 = 0;

/// How many calls may wait before no more are read, where fewer may run.
const LEAST_WAITING: usize = 64;

/// Bytes of calls that may wait before no more are read. One frame may go beyond it.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// What the driver, the supervisor and the calls share.
pub(super) struct Calls<S> {
    handler: Arc<dyn Handler>,
    options: ConnectionOptions,
    state: Mutex<State<S>>,
}

pub(super) struct State<S> {
    pub(super) session: ServerSession,
    /// Those with a task of their own, by number.
    tasks: HashMap<u64, Task, Ids>,
    /// The numbers of those that their callers can cancel, by operation id.
    cancellable: HashMap<u64, u64, Ids>,
    /// The peer wants no replies any more.
    gone: bool,
    /// Nothing is to be done any more.
    aborted: bool,
    driver: Option<AbortHandle>,
    waker: Option<Waker>,
    /// The stream, while its driver is inside of handlers.
    lent: Option<Lent<S>>,
    /// How many drivers there have been before this one.
    drivers: u64,
    /// How many calls were started; the number of the last.
    started: u64,
    pub(super) pace: Pace,
    watch: Watch,
}

/// A stream whose driver may be stuck.
struct Lent<S> {
    io: Box<Io<S>>,
    /// The number of the call whose handler is being polled.
    call: u64,
    /// Its request, where the peer is one that cancels.
    request: Option<Bytes>,
}

/// A call that goes on by itself.
#[derive(Default)]
struct Task {
    /// `None` while it is being started.
    abort: Option<AbortHandle>,
    /// The operation id of a call that can be cancelled.
    operation_id: Option<u64>,
    /// It was cancelled while it was being started.
    cancelled: bool,
}

/// Wakes the supervisor some time after a handler was started. Set no more than once per [`STALL`], however many calls there
/// are.
struct Watch {
    timer: Pin<Box<Sleep>>,
    armed: bool,
    /// The last call when it was set.
    call: u64,
    supervisor: Option<Waker>,
}

impl<S> Calls<S> {
    pub(super) fn new(handler: Arc<dyn Handler>, options: ConnectionOptions) -> Self {
        let options = ConnectionOptions { concurrency: options.concurrency.max(1), ..options };
        let state = State {
            session: ServerSession::new(),
            tasks: HashMap::default(),
            cancellable: HashMap::default(),
            gone: false,
            aborted: false,
            driver: None,
            waker: None,
            lent: None,
            drivers: 0,
            started: 0,
            pace: Pace::default(),
            watch: Watch { timer: Box::pin(tokio::time::sleep(STALL)), armed: false, call: 0, supervisor: None },
        };
        Self { handler, options, state: Mutex::new(state) }
    }

    /// The lock is held for a few lines, which do not panic: what a panic elsewhere left is whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        self.handler.handle(inbound)
    }

    /// The same, with everything in the future, a panic of the handler's first line too.
    pub(super) fn handle_later(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let handler = Arc::clone(&self.handler);
        Box::pin(async move { handler.handle(inbound).await })
    }

    /// Whether everything that was read is done, and its replies are with the driver.
    pub(super) fn are_done(&self) -> bool {
        let state = self.lock();
        state.session.under_way() == 0 && !state.session.has_waiting() && state.session.unsent() == 0
    }

    pub(super) fn set_driver(&self, driver: AbortHandle) {
        self.lock().driver = Some(driver);
    }

    /// Ends the driver and every call.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.aborted = true;
        let tasks = std::mem::take(&mut state.tasks);
        let (driver, lent) = (state.driver.take(), state.lent.take());
        // What is dropped by this may want the lock.
        drop(state);
        tasks.into_values().filter_map(|task| task.abort).chain(driver).for_each(|task| task.abort());
        drop(lent);
    }
}

impl<S: AsyncRead + AsyncWrite> Calls<S> {
    pub(super) fn may_read(&self, io: &Io<S>) -> bool {
        let state = self.lock();
        let (calls, bytes) = state.session.waiting();
        // Though as many as may run do, some more are read: what follows may be the word that some are given up.
        calls < self.options.concurrency.max(LEAST_WAITING)
            && bytes < MAX_WAITING
            && io.has_room(state.session.unsent())
    }

    /// Takes the stream, once its driver is stuck in a handler; and how many drivers it has had.
    pub(super) async fn stalled(&self) -> (Box<Io<S>>, u64) {
        poll_fn(|cx| {
            let mut state = self.lock();
            let state = &mut *state;
            if !state.watch.poll(cx) {
                return Poll::Pending;
            }
            let Some(lent) = state.lent.take() else { return Poll::Pending };
            let call = lent.call;
            if call != state.watch.call || call == NO_CALL {
                state.lent = Some(lent);
                state.watch.arm(call);
                return Poll::Pending;
            }
            debug!(service = self.handler.service(), "a handler blocks its thread; the connection goes on without it");
            // From now on it is a task of that one call, which may be given up before it first waits.
            let operation_id = lent.request.as_ref().and_then(cancellable);
            state.tasks.insert(call, Task { abort: state.driver.take(), operation_id, ..Task::default() });
            state.cancellable.extend(operation_id.map(|id| (id, call)));
            state.drivers += 1;
            state.pace.blocked();
            Poll::Ready((lent.io, state.drivers))
        })
        .await
    }
}

impl<S> State<S> {
    /// Who is to be woken when a call with a task of its own has ended.
    pub(super) fn drive(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    pub(super) fn wake_driver(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(super) fn driver_number(&self) -> u64 {
        self.drivers
    }

    /// The next call to start, and its number.
    pub(super) fn next(&mut self, calls: &Calls<S>) -> Option<(Inbound, u64)> {
        if self.session.under_way() >= calls.options.concurrency {
            return None;
        }
        loop {
            let (frame, received) = self.session.poll_request()?;
            if self.gone && !is_oneway(&frame) {
                self.session.handle_reply(None);
                continue;
            }
            self.started += 1;
            let max_response = calls.options.max_frame.saturating_add(4);
            return Some((Inbound { frame, received, max_response, failure: None }, self.started));
        }
    }

    /// The tasks of calls that their callers have given up.
    pub(super) fn cancelled(&mut self) -> Vec<AbortHandle> {
        let mut tasks = Vec::new();
        while let Some(id) = self.session.poll_cancelled() {
            let Some(task) = self.cancellable.remove(&id).and_then(|call| self.tasks.get_mut(&call)) else { continue };
            task.cancelled = true;
            tasks.extend(task.abort.clone());
        }
        tasks
    }

    /// The tasks of calls whose replies nobody will read. A peer that does not cancel may still read them.
    pub(super) fn peer_gone(&mut self) -> Vec<AbortHandle> {
        if self.gone || !self.session.peer_cancels() {
            return Vec::new();
        }
        self.gone = true;
        let unwanted = self.cancellable.drain().filter_map(|(_, call)| {
            let task = self.tasks.get_mut(&call)?;
            task.cancelled = true;
            task.abort.clone()
        });
        unwanted.collect()
    }

    /// Leaves the stream here while the handler of a call runs.
    pub(super) fn lend(&mut self, io: &mut Option<Box<Io<S>>>, call: u64, request: Option<Bytes>) {
        if let Some(io) = io.take() {
            self.lent = Some(Lent { io, call, request });
        } else if let Some(lent) = &mut self.lent {
            (lent.call, lent.request) = (call, request);
        }
        if !self.watch.armed {
            self.watch.arm(call);
        }
    }

    /// The handler of this call is left. Gives back its request, unless the stream was taken away; another may have left it here since.
    pub(super) fn left_handler(&mut self, call: u64) -> Option<Bytes> {
        let lent = self.lent.as_mut().filter(|lent| lent.call == call)?;
        lent.call = NO_CALL;
        lent.request.take()
    }

    pub(super) fn lent(&self) -> Option<&Io<S>> {
        self.lent.as_ref().map(|lent| &*lent.io)
    }

    /// Takes the stream back after the last handler.
    pub(super) fn give_back(&mut self, io: &mut Option<Box<Io<S>>>) {
        if let Some(lent) = self.lent.take() {
            *io = Some(lent.io);
        }
    }

    /// A call has its reply, or will have none.
    pub(super) fn ended(&mut self, call: u64, reply: Option<&Bytes>) {
        if !self.tasks.is_empty()
            && let Some(id) = self.tasks.remove(&call).and_then(|task| task.operation_id)
            && self.cancellable.get(&id) == Some(&call)
        {
            self.cancellable.remove(&id);
        }
        self.session.handle_reply(reply);
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Calls<S> {
    /// Gives a call a task of its own. Not done under the lock: a runtime that shuts down drops the task at once. With its
    /// request it can be cancelled.
    pub(super) fn spawn(
        self: &Arc<Self>,
        call: u64,
        request: Option<&Bytes>,
        future: BoxFuture<'static, Option<Bytes>>,
    ) {
        let operation_id = request.and_then(cancellable);
        let mut state = self.lock();
        let aborted = state.aborted;
        // One that blocked its driver is there already, and may have been given up by now.
        let place = state.tasks.entry(call).or_insert_with(|| Task { operation_id, ..Task::default() });
        (place.abort, place.cancelled) = (None, place.cancelled || aborted);
        state.cancellable.extend(operation_id.map(|id| (id, call)));
        drop(state);
        let end = End { calls: Arc::clone(self), call, reply: None };
        let task = tokio::spawn(async move { end.with(future.await) }).abort_handle();
        let mut state = self.lock();
        let unwanted = match state.tasks.get_mut(&call) {
            Some(Task { cancelled: true, .. }) => true,
            Some(place) => {
                place.abort = Some(task.clone());
                false
            }
            // It has ended already, or is to.
            None => state.aborted,
        };
        drop(state);
        if unwanted {
            task.abort();
        }
    }
}

/// The operation id by which its caller can cancel it: nobody waits for a oneway call.
fn cancellable(request: &Bytes) -> Option<u64> {
    if is_oneway(request) { None } else { Peek::at(request).ok()?.operation_id().ok()? }
}

/// Whether the caller waits for no reply, going by the type of its message, which is all that a connection can see.
fn is_oneway(request: &Bytes) -> bool {
    let frame = Frame::decode(request.clone());
    frame.is_ok_and(|frame| frame.envelope().is_ok_and(|message| message.kind == MessageType::Oneway))
}

/// Hands over a call's reply, or that it has none because it panicked or was aborted.
struct End<S> {
    calls: Arc<Calls<S>>,
    call: u64,
    reply: Option<Bytes>,
}

impl<S> End<S> {
    fn with(mut self, reply: Option<Bytes>) {
        self.reply = reply;
    }
}

impl<S> Drop for End<S> {
    fn drop(&mut self) {
        let mut state = self.calls.lock();
        state.ended(self.call, self.reply.as_ref());
        state.wake_driver();
    }
}

impl Watch {
    /// Sets the timer for the supervisor, whoever does it.
    fn arm(&mut self, call: u64) {
        let Some(supervisor) = &self.supervisor else { return };
        (self.armed, self.call) = (true, call);
        self.timer.as_mut().reset(tokio::time::Instant::now() + STALL);
        // Never ready yet: this is how a timer learns whom to wake. The task may have used up its turn, and a timer that heeded that
        // would not know.
        let _ = pin!(unconstrained(self.timer.as_mut())).poll(&mut TaskContext::from_waker(supervisor));
    }

    /// Whether it is time to look. Called by the supervisor only.
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> bool {
        match &mut self.supervisor {
            Some(known) => known.clone_from(cx.waker()),
            None => self.supervisor = Some(cx.waker().clone()),
        }
        if self.armed && self.timer.as_mut().poll(cx).is_ready() {
            self.armed = false;
            return true;
        }
        false
    }
}
