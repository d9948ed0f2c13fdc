//! The called side of a connection: requests in, replies out, in any order.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Deframer;
use crate::frame::FrameError;

/// A server's connection. Which reply belongs to which request is written in the reply itself, so the session need not
/// remember; it counts what is still to be answered.
#[derive(Debug)]
pub struct ServerSession {
    deframer: Deframer,
    requests: VecDeque<Bytes>,
    transmit: VecDeque<Bytes>,
    under_way: usize,
}

impl ServerSession {
    /// A session that reads frames of up to `max_frame` bytes.
    pub fn new(max_frame: usize) -> Self {
        Self { deframer: Deframer::new(max_frame), requests: VecDeque::new(), transmit: VecDeque::new(), under_way: 0 }
    }

    /// Bytes were read.
    ///
    /// # Errors
    /// When they are not frames. No further request can be read; what was read before it can still be answered.
    pub fn handle_read(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.deframer.push(bytes);
        while let Some(frame) = self.deframer.next_frame()? {
            self.requests.push_back(frame);
        }
        Ok(())
    }

    /// A request that [`poll_request`](Self::poll_request) gave out has been answered, with a frame or with nothing.
    pub fn handle_reply(&mut self, frame: Option<Bytes>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.transmit.extend(frame);
    }

    /// The next request to answer.
    pub fn poll_request(&mut self) -> Option<Bytes> {
        let request = self.requests.pop_front()?;
        self.under_way += 1;
        Some(request)
    }

    /// The next frame to write.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.pop_front()
    }

    /// How many requests were given out and not yet answered.
    pub fn under_way(&self) -> usize {
        self.under_way
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
        let mut session = ServerSession::new(64);
        let frame = [0, 0, 0, 5, 0, 0, 0, 0, 0];
        session.handle_read(&[frame, frame].concat()[..13]).unwrap();
        assert_eq!(session.poll_request().as_deref(), Some(&frame[..]));
        assert_eq!(session.poll_request(), None);
        session.handle_read(&frame[4..]).unwrap();
        assert!(session.poll_request().is_some());
        assert_eq!(session.under_way(), 2);
        session.handle_reply(None);
        assert_eq!(session.under_way(), 1);
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_it_is_read() {
        let mut session = ServerSession::new(64);
        let error = session.handle_read(&[0, 0, 0, 65]).unwrap_err();
        assert_eq!(error, FrameError::TooLarge { size: 65, limit: 64 });
    }
}
