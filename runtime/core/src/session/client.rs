//! The calling side of a connection: calls out, replies in, in any order.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::deadlines::{Deadlines, Place};
use super::end::{CallEnd, Refused};
use super::ids::Ids;
use crate::frame::{CANCEL, FrameBuilder, FrameError, GOAWAY, OPERATION_ID, Peek};

/// Bytes that are put together for the next write. What is called beyond that waits in frames of its own, which go with their
/// callers.
const MAX_UNSENT: usize = 2 * 1024 * 1024;

/// Bytes of calls that wait for room, before further ones are refused.
const MAX_QUEUED: usize = 64 * 1024 * 1024;

/// Calls that may be in flight, where nobody chose a number.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 128 * 1024;

/// How many calls that were given up before the peer said that it can cancel are remembered until it does.
const MAX_UNANNOUNCED: usize = 64;

/// A client's connection. `T` is whatever the driver needs to find a caller by, such as a waker.
///
/// ```
/// use thriftwood_core::session::{CallEnd, ClientSession};
///
/// let mut session = ClientSession::new(std::time::Instant::now());
/// session.handle_call(7, &vec![0; 9].into(), false, None, "the caller")?;
/// session.handle_end();
/// assert_eq!(session.poll_ended(), Some("the caller"));
/// assert_eq!(session.poll_call(7, &"the caller"), Some(CallEnd::Disconnected));
/// # Ok::<(), thriftwood_core::session::Refused>(())
/// ```
#[derive(Debug)]
pub struct ClientSession<T> {
    /// Calls whose end nobody has taken yet.
    calls: HashMap<u64, Call<T>, Ids>,
    /// When those that have not ended are given up.
    deadlines: Deadlines,
    /// What is to be written next.
    transmit: BytesMut,
    /// Calls that are not part of it for want of room, the first first. Some may have been given up.
    queue: VecDeque<u64>,
    /// How many of the queue were not given up, and their bytes.
    queued: usize,
    queued_bytes: usize,
    max_in_flight: usize,
    /// The peer has said that it can cancel.
    peer_cancels: bool,
    unannounced: Vec<u64>,
    woken: VecDeque<T>,
    late_replies: u64,
    /// The peer takes no further calls.
    leaving: bool,
    ended: bool,
}

#[derive(Debug)]
struct Call<T> {
    token: Option<T>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Apart: few wait, and those that do not need no room for it.
    Queued(Box<Queued>),
    Sent(Option<Place>),
    Ended(CallEnd),
}

#[derive(Debug)]
struct Queued {
    frame: Bytes,
    oneway: bool,
    deadline: Option<Place>,
}

impl<T> ClientSession<T> {
    /// A session on which nothing was called yet, at this time.
    pub fn new(now: Instant) -> Self {
        Self {
            calls: HashMap::default(),
            deadlines: Deadlines::new(now),
            transmit: BytesMut::new(),
            queue: VecDeque::new(),
            queued: 0,
            queued_bytes: 0,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            peer_cancels: false,
            unannounced: Vec::new(),
            woken: VecDeque::new(),
            late_replies: 0,
            leaving: false,
            ended: false,
        }
    }

    /// This session, with another limit to the calls in flight at once.
    #[must_use]
    pub fn with_max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// A call. How it ends is to be had from [`poll_call`](Self::poll_call): for a oneway call for which there is room, at once;
    /// otherwise when the token comes out of [`poll_ended`](Self::poll_ended), no later than when
    /// [`handle_timeout`](Self::handle_timeout) is told that it is the deadline.
    ///
    /// # Errors
    /// When it cannot be taken on; then nothing is kept of it.
    pub fn handle_call(
        &mut self,
        operation_id: u64,
        frame: &Bytes,
        oneway: bool,
        deadline: Option<Instant>,
        token: T,
    ) -> Result<(), Refused> {
        if self.ended || self.leaving {
            return Err(Refused::Ended);
        }
        let in_flight = self.calls.len();
        let Entry::Vacant(place) = self.calls.entry(operation_id) else { return Err(Refused::Duplicate) };
        if in_flight >= self.max_in_flight || self.queued_bytes >= MAX_QUEUED {
            return Err(Refused::Overloaded(in_flight));
        }
        let waits = self.queued > 0 || self.transmit.len() >= MAX_UNSENT;
        if oneway && !waits {
            self.transmit.extend_from_slice(frame);
            place.insert(Call { token: None, stage: Stage::Ended(CallEnd::Sent) });
            return Ok(());
        }
        let deadline = deadline.map(|deadline| self.deadlines.insert(operation_id, deadline));
        let stage = if waits {
            self.queued += 1;
            self.queued_bytes += frame.len();
            self.queue.push_back(operation_id);
            Stage::Queued(Box::new(Queued { frame: frame.clone(), oneway, deadline }))
        } else {
            self.transmit.extend_from_slice(frame);
            Stage::Sent(deadline)
        };
        place.insert(Call { token: Some(token), stage });
        Ok(())
    }

    /// How a call ended, once; before that, keeps `token` in place of the one it has. A call that is not known, because its
    /// end was taken or it was given up, has ended with the connection as far as anyone can tell.
    pub fn poll_call(&mut self, operation_id: u64, token: &T) -> Option<CallEnd>
    where
        T: Clone,
    {
        let Entry::Occupied(mut call) = self.calls.entry(operation_id) else { return Some(CallEnd::Disconnected) };
        if matches!(call.get().stage, Stage::Ended(_)) {
            let Stage::Ended(end) = call.remove().stage else { return None };
            return Some(end);
        }
        match &mut call.get_mut().token {
            Some(known) => known.clone_from(token),
            none => *none = Some(token.clone()),
        }
        None
    }

    /// The caller has given up. What waits in the queue is not sent; of what was sent the peer is told, if it can do with that;
    /// a reply that still comes is dropped and counted.
    pub fn handle_cancel(&mut self, operation_id: u64) {
        let Some(call) = self.calls.remove(&operation_id) else { return };
        if let Some(deadline) = call.stage.deadline() {
            self.deadlines.remove(deadline);
        }
        self.give_up(operation_id, &call.stage);
    }

    /// It is `now`. Calls whose time is up end, as if their callers had given up.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.deadlines.advance(now, |id| due.push(id));
        for id in due {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let stage = std::mem::replace(&mut call.stage, Stage::Ended(CallEnd::TimedOut));
            self.woken.extend(call.token.take());
            self.give_up(id, &stage);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next. Too soon does no harm, and it may be that nothing ends then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Nobody waits any more for a call in this stage.
    fn give_up(&mut self, operation_id: u64, stage: &Stage) {
        match stage {
            Stage::Queued(waiting) => {
                self.queued -= 1;
                self.queued_bytes -= waiting.frame.len();
                // Its number stays in the queue; the queue is not searched for each, but swept when half of it is such.
                if self.queue.len() > 64 + 2 * self.queued {
                    self.queue.retain(|id| self.calls.get(id).is_some_and(Call::is_queued));
                }
            }
            Stage::Sent(_) if self.peer_cancels => self.cancel(operation_id),
            Stage::Sent(_) if self.unannounced.len() < MAX_UNANNOUNCED => self.unannounced.push(operation_id),
            Stage::Sent(_) | Stage::Ended(_) => {}
        }
    }

    /// Tells the peer. There are no more of these than calls that were sent, whose number is limited.
    fn cancel(&mut self, operation_id: u64) {
        if !self.ended {
            let mut frame = FrameBuilder::new();
            frame.number(OPERATION_ID, operation_id);
            frame.header(CANCEL, "1");
            self.transmit.extend_from_slice(&frame.bare());
        }
    }

    /// A whole frame was read.
    ///
    /// # Errors
    /// When it is none. The connection cannot be used any more; calls in flight end as
    /// [`Disconnected`](CallEnd::Disconnected).
    pub fn handle_frame(&mut self, frame: Bytes) -> Result<(), FrameError> {
        let read = Peek::at(&frame).and_then(|peek| Ok((peek.operation_id()?, peek)));
        let (id, peek) = read.inspect_err(|_| self.handle_end())?;
        match id.and_then(|id| self.calls.get_mut(&id)) {
            Some(call) if matches!(call.stage, Stage::Sent(_)) => {
                self.woken.extend(call.end(CallEnd::Reply(frame), &mut self.deadlines));
            }
            None if peek.is_bare && peek.header(CANCEL) == Some(b"0") => {
                self.peer_cancels = true;
                for id in std::mem::take(&mut self.unannounced) {
                    self.cancel(id);
                }
            }
            None if peek.is_bare && peek.header(GOAWAY) == Some(b"1") => self.leave(),
            _ => self.late_replies += 1,
        }
        Ok(())
    }

    /// The peer takes no further calls. What waits for room is not sent; behind what is part of the next write the peer is told
    /// that no more comes, and so answers all that does.
    fn leave(&mut self) {
        if !self.leaving && !self.ended {
            self.leaving = true;
            self.end_calls(false);
            let mut frame = FrameBuilder::new();
            frame.header(GOAWAY, "1");
            self.transmit.extend_from_slice(&frame.bare());
        }
    }

    /// The connection ended.
    pub fn handle_end(&mut self) {
        self.ended = true;
        self.transmit.clear();
        self.end_calls(true);
    }

    /// Ends the calls that wait for room, and those that were sent too if their replies cannot come any more.
    fn end_calls(&mut self, sent: bool) {
        self.queue.clear();
        (self.queued, self.queued_bytes) = (0, 0);
        for call in self.calls.values_mut() {
            let end = match &mut call.stage {
                Stage::Queued(waiting) => CallEnd::Unsent(std::mem::take(&mut waiting.frame)),
                Stage::Sent(_) if sent => CallEnd::Disconnected,
                Stage::Sent(_) | Stage::Ended(_) => continue,
            };
            self.woken.extend(call.end(end, &mut self.deadlines));
        }
    }

    /// The token of the next call for which [`poll_call`](Self::poll_call) has its end.
    pub fn poll_ended(&mut self) -> Option<T> {
        self.woken.pop_front()
    }

    /// Puts what is to be written into `out`, which is empty.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) {
        // Two buffers that take turns instead of one that is copied.
        std::mem::swap(out, &mut self.transmit);
        self.transmit.clear();
        while self.transmit.len() < MAX_UNSENT
            && let Some(id) = self.queue.pop_front()
        {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let Stage::Queued(waiting) = &call.stage else { continue };
            self.transmit.extend_from_slice(&waiting.frame);
            self.queued -= 1;
            self.queued_bytes -= waiting.frame.len();
            if waiting.oneway {
                self.woken.extend(call.end(CallEnd::Sent, &mut self.deadlines));
            } else {
                call.stage = Stage::Sent(waiting.deadline);
            }
        }
    }

    /// How many calls have not ended, or their end was not taken yet.
    pub fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// How many replies came that nobody waited for.
    pub fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Whether the connection ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether calls may be made: the connection has not ended, nor did the peer say that it takes no further ones.
    pub fn takes_calls(&self) -> bool {
        !self.ended && !self.leaving
    }
}

impl Stage {
    /// Where the deadline of a call is that has not ended.
    fn deadline(&self) -> Option<Place> {
        match self {
            Stage::Queued(waiting) => waiting.deadline,
            Stage::Sent(deadline) => *deadline,
            Stage::Ended(_) => None,
        }
    }
}

impl<T> Call<T> {
    fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued(_))
    }

    /// It ends like this. Gives the token of its caller.
    fn end(&mut self, end: CallEnd, deadlines: &mut Deadlines) -> Option<T> {
        if let Some(deadline) = std::mem::replace(&mut self.stage, Stage::Ended(end)).deadline() {
            deadlines.remove(deadline);
        }
        self.token.take()
    }
}

#[cfg(test)]
mod tests;
