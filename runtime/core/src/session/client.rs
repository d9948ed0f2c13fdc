//! The calling side of a connection: calls out, replies in, in any order.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::Deframer;
use crate::frame::{Frame, FrameError};

/// A client's connection. `T` is whatever the driver needs to recognise a call by, such as the sender of a channel.
///
/// ```
/// use thriftwood_core::session::{ClientEvent, ClientSession};
///
/// let mut session = ClientSession::new(1024);
/// session.handle_call(7, vec![0; 9].into(), "the call");
/// assert!(session.poll_transmit().is_some());
/// session.handle_end();
/// assert!(matches!(session.poll_event(), Some(("the call", ClientEvent::Disconnected))));
/// ```
#[derive(Debug)]
pub struct ClientSession<T> {
    deframer: Deframer,
    in_flight: HashMap<u64, T>,
    transmit: VecDeque<Bytes>,
    events: VecDeque<(T, ClientEvent)>,
    late_replies: u64,
    ended: bool,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The reply's frame.
    Reply(Bytes),
    /// A oneway call was handed to [`poll_transmit`](ClientSession::poll_transmit).
    Sent,
    /// The connection ended first.
    Disconnected,
    /// A call with the same operation id is in flight, so the reply could not be told from that one's. It was not sent.
    Duplicate,
}

impl<T> ClientSession<T> {
    /// A session that reads frames of up to `max_frame` bytes.
    pub fn new(max_frame: usize) -> Self {
        Self {
            deframer: Deframer::new(max_frame),
            in_flight: HashMap::new(),
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            late_replies: 0,
            ended: false,
        }
    }

    /// A call whose reply is wanted. Operation ids must differ; a second call with one that is in flight is refused.
    pub fn handle_call(&mut self, operation_id: u64, frame: Bytes, token: T) {
        if self.ended {
            self.events.push_back((token, ClientEvent::Disconnected));
            return;
        }
        match self.in_flight.entry(operation_id) {
            Entry::Occupied(_) => self.events.push_back((token, ClientEvent::Duplicate)),
            Entry::Vacant(place) => {
                place.insert(token);
                self.transmit.push_back(frame);
            }
        }
    }

    /// A call that wants no reply.
    pub fn handle_oneway(&mut self, frame: Bytes, token: T) {
        if self.ended {
            self.events.push_back((token, ClientEvent::Disconnected));
        } else {
            self.transmit.push_back(frame);
            self.events.push_back((token, ClientEvent::Sent));
        }
    }

    /// The caller has given up; its reply, should it still come, is dropped and counted.
    pub fn handle_cancel(&mut self, operation_id: u64) {
        self.in_flight.remove(&operation_id);
    }

    /// Bytes were read.
    ///
    /// # Errors
    /// When they are not frames. The connection cannot be used any more; calls in flight end as
    /// [`Disconnected`](ClientEvent::Disconnected).
    pub fn handle_read(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.deframer.push(bytes);
        loop {
            match self.deframer.next_frame().and_then(|frame| self.pair(frame)) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.handle_end();
                    return Err(error);
                }
            }
        }
    }

    /// The connection ended.
    pub fn handle_end(&mut self) {
        self.ended = true;
        self.transmit.clear();
        let lost = self.in_flight.drain().map(|(_, token)| (token, ClientEvent::Disconnected));
        self.events.extend(lost);
    }

    /// The next call that ended, and how.
    pub fn poll_event(&mut self) -> Option<(T, ClientEvent)> {
        self.events.pop_front()
    }

    /// The next frame to write.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.pop_front()
    }

    /// The token of a call that waits for its reply.
    pub fn token(&self, operation_id: u64) -> Option<&T> {
        self.in_flight.get(&operation_id)
    }

    /// How many calls wait for a reply.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many replies came that nobody waited for.
    pub fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Gives a reply to its call. True when there was a frame.
    fn pair(&mut self, frame: Option<Bytes>) -> Result<bool, FrameError> {
        let Some(bytes) = frame else { return Ok(false) };
        let id = Frame::decode(bytes.clone())?.operation_id();
        match id.and_then(|id| self.in_flight.remove(&id)) {
            Some(token) => self.events.push_back((token, ClientEvent::Reply(bytes))),
            None => self.late_replies += 1,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Message, MessageType};
    use crate::frame::{FrameBuilder, OPERATION_ID};

    fn reply(id: u64) -> Bytes {
        let mut frame = FrameBuilder::new();
        frame.header(OPERATION_ID, &id.to_string());
        frame.message(Message::new("m", MessageType::Reply), |_| {}).unwrap()
    }

    #[test]
    fn replies_find_their_calls_in_any_order_and_in_any_pieces() {
        let mut session = ClientSession::new(1024);
        for id in 1..=3 {
            session.handle_call(id, reply(id), id);
        }
        let bytes: Vec<u8> = [3, 1, 2].into_iter().flat_map(reply).collect();
        for byte in bytes {
            session.handle_read(&[byte]).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
        assert_eq!(order, [3, 1, 2].map(|id| (id, ClientEvent::Reply(reply(id)))));
        assert_eq!(session.in_flight(), 0);
    }

    #[test]
    fn a_reply_nobody_waits_for_is_counted_and_dropped() {
        let mut session = ClientSession::new(1024);
        session.handle_call(1, reply(1), ());
        session.handle_cancel(1);
        session.handle_read(&reply(1)).unwrap();
        assert_eq!((session.poll_event(), session.late_replies()), (None, 1));
    }

    #[test]
    fn bytes_that_are_no_frame_end_every_call() {
        let mut session = ClientSession::new(1024);
        session.handle_call(1, reply(1), ());
        session.handle_read(&[0x7f, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(session.poll_event(), Some(((), ClientEvent::Disconnected)));
        session.handle_call(2, reply(2), ());
        assert_eq!(session.poll_event(), Some(((), ClientEvent::Disconnected)));
        assert_eq!(session.poll_transmit(), None);
    }
}
