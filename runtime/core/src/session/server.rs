//! The called side of a connection: requests in, replies out, in any order.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A server's connection. Which reply belongs to which request is written in the reply itself, so the session need not
/// remember; it counts what is still to be answered.
#[derive(Debug, Default)]
pub struct ServerSession {
    requests: VecDeque<Bytes>,
    transmit: BytesMut,
    under_way: usize,
}

impl ServerSession {
    /// A session to which nothing has come yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole frame was read.
    pub fn handle_frame(&mut self, frame: Bytes) {
        self.requests.push_back(frame);
    }

    /// A request that [`poll_request`](Self::poll_request) gave out has been answered, with a frame or with nothing.
    pub fn handle_reply(&mut self, frame: Option<&Bytes>) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(frame) = frame {
            self.transmit.extend_from_slice(frame);
        }
    }

    /// The next request to answer.
    pub fn poll_request(&mut self) -> Option<Bytes> {
        let request = self.requests.pop_front()?;
        self.under_way += 1;
        Some(request)
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

    /// Whether requests were read that nobody has taken yet. A driver that stops reading while this is so pushes back on
    /// its peer.
    pub fn has_waiting(&self) -> bool {
        !self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_out_whole_and_are_counted_until_answered() {
        let mut session = ServerSession::new();
        let frame = Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 0, 0]);
        session.handle_frame(frame.clone());
        assert_eq!(session.poll_request(), Some(frame.clone()));
        assert_eq!(session.poll_request(), None);
        session.handle_frame(frame.clone());
        assert!(session.poll_request().is_some());
        assert_eq!(session.under_way(), 2);
        session.handle_reply(None);
        session.handle_reply(Some(&frame));
        assert_eq!((session.under_way(), session.unsent()), (0, 9));
        let mut out = BytesMut::new();
        session.poll_transmit(&mut out);
        assert_eq!((&out[..], session.unsent()), (&frame[..], 0));
    }
}
