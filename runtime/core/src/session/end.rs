//! How a call on a connection ends, or does not begin.

use bytes::Bytes;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// The reply's frame.
    Reply(Bytes),
    /// A oneway call is part of what is to be written next.
    Sent,
    /// The connection ended first. The call may have been handled.
    Disconnected,
    /// The connection ended while the call still waited for room. Its frame, for another connection.
    Unsent(Bytes),
    /// Its time was up.
    TimedOut,
}

/// Why a call was not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A call with the same operation id is in flight, so the reply could not be told from that one's.
    #[error("a call with the same operation id is under way on this connection")]
    Duplicate,
    /// The connection has ended.
    #[error("the connection closed before the call was sent")]
    Ended,
    /// As many calls as there may be are in flight, or the peer takes none and too much waits.
    #[error(
        "{0} calls are under way on this connection already; more than the peer answers pile up, so slow down or add servers"
    )]
    Overloaded(usize),
}
