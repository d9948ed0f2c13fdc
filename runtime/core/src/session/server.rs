//! The called side of a connection: requests in, replies out, in any order.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::ids::Ids;
use crate::frame::{CANCEL, FrameBuilder, GOAWAY, Peek};

/// A server's connection. Which reply belongs to which request is written in the reply itself, so the session need not
/// remember; it counts what is still to be answered.
#[derive(Debug, Default)]
pub struct ServerSession {
    requests: VecDeque<(Bytes, Instant)>,
    /// The bytes of them.
    waiting: usize,
    transmit: BytesMut,
    under_way: usize,
    /// The caller's end cancels what nobody waits for any more.
    peer_cancels: bool,
    cancelled: VecDeque<u64>,
    /// Calls that were cancelled while they may still have been among the requests.
    unwanted: HashSet<u64, Ids>,
    /// No further calls are wanted.
    stopping: bool,
    /// The caller's end has said that it sends none any more.
    peer_left: bool,
}

impl ServerSession {
    /// A session to which nothing has come yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole frame was read `now`.
    pub fn handle_frame(&mut self, frame: Bytes, now: Instant) {
        if let Ok(peek) = Peek::at(&frame) {
            if peek.is_bare && peek.header(CANCEL) == Some(b"1") {
                if let Ok(Some(id)) = peek.operation_id() {
                    self.cancel(id);
                }
                return;
            }
            if peek.is_bare && peek.header(GOAWAY) == Some(b"1") {
                self.peer_left = true;
                return;
            }
            if !self.peer_cancels && peek.header(CANCEL) == Some(b"0") {
                self.peer_cancels = true;
                self.say(CANCEL, "0");
                if self.stopping {
                    self.say(GOAWAY, "1");
                }
            }
        }
        // Who said that no more comes and sends more is not one of ours.
        if self.peer_left {
            return;
        }
        self.waiting += frame.len();
        self.requests.push_back((frame, now));
    }

    /// No further calls are wanted. A peer of ours is told, or will be once it shows itself, and sends none beyond those that are on
    /// their way; [`awaits_more`](Self::awaits_more) is true until they are here.
    pub fn handle_stop(&mut self) {
        if !self.stopping && self.peer_cancels {
            self.say(GOAWAY, "1");
        }
        self.stopping = true;
    }

    /// Whether the peer has been told that no further calls are wanted, and has not said yet that none come.
    pub fn awaits_more(&self) -> bool {
        self.stopping && self.peer_cancels && !self.peer_left
    }

    /// Whether the peer has said that it sends no further calls. It may still cancel some.
    pub fn peer_left(&self) -> bool {
        self.peer_left
    }

    fn say(&mut self, header: &str, value: &str) {
        let mut frame = FrameBuilder::new();
        frame.header(header, value);
        self.transmit.extend_from_slice(&frame.bare());
    }

    fn cancel(&mut self, operation_id: u64) {
        self.cancelled.push_back(operation_id);
        // No more of them than there are requests: a peer may say anything.
        if self.unwanted.len() < self.requests.len() {
            self.unwanted.insert(operation_id);
        }
    }

    /// Whether the caller's end cancels what nobody waits for any more. One that does has no use for replies either once it is
    /// gone; of others, some close their sending half and wait for replies.
    pub fn peer_cancels(&self) -> bool {
        self.peer_cancels
    }

    /// The operation id of the next call that its caller has given up. It may have been answered already.
    pub fn poll_cancelled(&mut self) -> Option<u64> {
        self.cancelled.pop_front()
    }

    /// A request that [`poll_request`](Self::poll_request) gave out has been answered, with a frame or with nothing.
    pub fn handle_reply(&mut self, frame: Option<&Bytes>) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(frame) = frame {
            self.transmit.extend_from_slice(frame);
        }
    }

    /// The next request to answer, and when it was read. One that was cancelled meanwhile is passed over.
    pub fn poll_request(&mut self) -> Option<(Bytes, Instant)> {
        loop {
            let (request, read) = self.requests.pop_front()?;
            self.waiting -= request.len();
            let unwanted = !self.unwanted.is_empty() && {
                let id = Peek::at(&request).and_then(|peek| peek.operation_id());
                id.ok().flatten().is_some_and(|id| self.unwanted.remove(&id))
            };
            if self.requests.is_empty() {
                self.unwanted.clear();
            }
            if !unwanted {
                self.under_way += 1;
                return Some((request, read));
            }
        }
    }

    /// Adds what is to be written to `out`.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) {
        if out.is_empty() {
            // Two buffers that take turns instead of one that is copied.
            std::mem::swap(out, &mut self.transmit);
        } else {
            out.extend_from_slice(&self.transmit);
        }
        self.transmit.clear();
    }

    /// How many requests were given out and not yet answered.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// How many bytes of replies [`poll_transmit`](Self::poll_transmit) has.
    pub fn unsent(&self) -> usize {
        self.transmit.len()
    }

    /// How many requests were read that nobody has taken yet, and their bytes. A driver that stops reading when these are too
    /// many pushes back on its peer.
    pub fn waiting(&self) -> (usize, usize) {
        (self.requests.len(), self.waiting)
    }

    /// Whether there is any such request.
    pub fn has_waiting(&self) -> bool {
        !self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Message, MessageType};

    #[test]
    fn requests_come_out_whole_and_are_counted_until_answered() {
        let mut session = ServerSession::new();
        let frame = Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 0, 0]);
        let now = Instant::now();
        session.handle_frame(frame.clone(), now);
        assert_eq!((session.waiting(), session.poll_request()), ((1, 9), Some((frame.clone(), now))));
        assert_eq!((session.waiting(), session.poll_request()), ((0, 0), None));
        session.handle_frame(frame.clone(), now);
        assert!(session.poll_request().is_some());
        assert_eq!(session.under_way(), 2);
        session.handle_reply(None);
        session.handle_reply(Some(&frame));
        assert_eq!((session.under_way(), session.unsent()), (0, 9));
        let mut out = BytesMut::new();
        session.poll_transmit(&mut out);
        assert_eq!((&out[..], session.unsent()), (&frame[..], 0));
    }

    #[test]
    fn a_call_that_is_cancelled_while_it_waits_is_not_given_out() {
        let frame = |id: u64, cancel: &str| {
            let mut frame = FrameBuilder::new();
            frame.number("_opid", id);
            frame.header(CANCEL, cancel);
            if cancel == "1" {
                frame.bare()
            } else {
                frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap()
            }
        };
        let (mut session, now) = (ServerSession::new(), Instant::now());
        for id in 1..=3 {
            session.handle_frame(frame(id, "0"), now);
        }
        session.handle_frame(frame(2, "1"), now);
        assert_eq!(session.poll_cancelled(), Some(2));
        let given: Vec<Bytes> = std::iter::from_fn(|| session.poll_request()).map(|(frame, _)| frame).collect();
        assert_eq!(given, [frame(1, "0"), frame(3, "0")]);
        // Said once, and only to a peer that asked.
        let mut out = BytesMut::new();
        session.poll_transmit(&mut out);
        assert!(session.peer_cancels() && Peek::at(&out).unwrap().header(CANCEL) == Some(b"0"));
        assert!(ServerSession::new().unsent() == 0);
    }

    #[test]
    fn a_cancel_takes_no_call_that_comes_after_it() {
        let call = |id: u64| {
            let mut frame = FrameBuilder::new();
            frame.number("_opid", id);
            frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap()
        };
        let cancel = |id: u64| {
            let mut frame = FrameBuilder::new();
            frame.number("_opid", id);
            frame.header(CANCEL, "1");
            frame.bare()
        };
        let (mut session, now) = (ServerSession::new(), Instant::now());
        // While nothing waits, of which it could be one; and while something else does.
        session.handle_frame(cancel(7), now);
        session.handle_frame(call(7), now);
        assert_eq!(session.poll_request(), Some((call(7), now)));
        session.handle_frame(call(1), now);
        session.handle_frame(cancel(8), now);
        assert_eq!(session.poll_request(), Some((call(1), now)));
        session.handle_frame(call(8), now);
        assert_eq!(session.poll_request(), Some((call(8), now)));
        // Nor one that has no number to be known by.
        let nameless = FrameBuilder::new().message(Message::new("m", MessageType::Call), |_| {}).unwrap();
        session.handle_frame(call(2), now);
        session.handle_frame(nameless.clone(), now);
        session.handle_frame(cancel(2), now);
        assert_eq!(session.poll_request(), Some((nameless, now)));
        assert_eq!((session.poll_request(), session.under_way()), (None, 4));
    }

    #[test]
    fn a_peer_that_cancels_is_told_of_a_stop_once_and_its_calls_are_taken_until_it_says_that_no_more_come() {
        let call = |id: u64, ours: bool| {
            let mut frame = FrameBuilder::new();
            frame.number("_opid", id);
            if ours {
                frame.header(CANCEL, "0");
            }
            frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap()
        };
        let bare = |name, value| {
            let mut frame = FrameBuilder::new();
            frame.header(name, value);
            frame.bare()
        };
        let now = Instant::now();
        for before in [true, false] {
            let (mut session, mut out) = (ServerSession::new(), BytesMut::new());
            session.handle_frame(call(1, false), now);
            if before {
                session.handle_stop();
                assert!(session.unsent() == 0 && !session.awaits_more(), "a peer that knows nothing of it was told");
            }
            session.handle_frame(call(2, true), now);
            session.handle_stop();
            session.handle_stop();
            session.poll_transmit(&mut out);
            assert_eq!(out, [bare(CANCEL, "0"), bare(GOAWAY, "1")].concat());
            session.handle_frame(call(3, true), now);
            assert!(session.awaits_more());
            session.handle_frame(bare(GOAWAY, "1"), now);
            session.handle_frame(call(4, true), now);
            assert!(!session.awaits_more() && session.peer_left());
            assert_eq!(session.waiting().0, 3, "a call behind the word that no more come was taken");
        }
    }
}
