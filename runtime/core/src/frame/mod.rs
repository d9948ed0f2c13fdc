//! The one frame that crosses every transport: headers in front, one Thrift message behind.
//!
//! ```text
//! offset 0    4 bytes  N  bytes that follow
//!        4    1 byte   V  version of the header block, 0
//!        5    4 bytes  M  size of the header block
//!        9    M bytes     pairs: u32 length | name | u32 length | value
//!        9+M  N-5-M bytes one Thrift message
//! ```
//!
//! Numbers are big-endian, names and values UTF-8. This is Frugal's frame, so what TCP and NATS carry and what the log
//! stores are the same bytes, and a Frugal peer can read each. `docs/wire.md` has the whole page with examples.

mod decode;
mod encode;
mod headers;
mod own;
#[cfg(feature = "runtime")]
mod pack;
#[cfg(feature = "runtime")]
mod peek;

pub use decode::{Frame, FrameError, ReadBody};
#[cfg(feature = "runtime")]
pub(crate) use encode::Written;
pub use encode::{Body, FrameBuilder};
pub use headers::Headers;
#[cfg(feature = "runtime")]
pub(crate) use own::{Own, Span};
#[cfg(feature = "runtime")]
pub use pack::pack;
#[cfg(feature = "runtime")]
pub(crate) use peek::Peek;
#[cfg(feature = "runtime")]
pub use peek::{event_key, operation_id};

/// The largest frame that is read where nothing else was said, in bytes without the leading size: Frugal's own limit.
pub const DEFAULT_MAX_FRAME: usize = 16_384_000;

/// The bytes in front of the header block: frame size, version, block size.
pub(crate) const PREAMBLE: usize = 9;

/// The header of the correlation id.
pub const CORRELATION_ID: &str = "_cid";
/// The header of the operation id, by which a reply finds its call.
pub const OPERATION_ID: &str = "_opid";
/// The header of the timeout, in milliseconds.
pub const TIMEOUT: &str = "_timeout";
/// The header of the address that is called, on transports whose connections lead to several services.
pub const ADDRESS: &str = "_address";
/// The header by which the ends of a connection agree on cancelling, and do it. In a request, 0: the caller's end may cancel
/// it. In a frame without a message, 0: the callee's end knows how; 1: the call of this operation id is given up.
pub const CANCEL: &str = "_cancel";
/// The header by which the ends of a connection part. In a frame without a message, 1: the callee's end takes no calls beyond those
/// that are on their way; in answer, 1: the caller's end sends none any more.
pub const GOAWAY: &str = "_goaway";
/// The header of an event's key: events of one key are about one thing, and their order matters.
pub const KEY: &str = "_key";
/// What the header of a topic's prefix variable starts with; the variable's name follows.
pub const TOPIC_VARIABLE: &str = "_topic_";

/// The number that a header's value is, in decimal.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let digit = |digit: &u8| digit.is_ascii_digit().then(|| u64::from(digit - b'0'));
    let number = text.iter().try_fold(0_u64, |number, next| number.checked_mul(10)?.checked_add(digit(next)?));
    number.filter(|_| !text.is_empty())
}

/// Whether the runtime itself writes this header, from the context or the topic, so that a user's or an earlier message's
/// value for it is left out.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    const NAMES: [&str; 7] = [CORRELATION_ID, OPERATION_ID, TIMEOUT, ADDRESS, CANCEL, GOAWAY, KEY];
    // All of them start like this, and few others do.
    name.starts_with(b"_")
        && (NAMES.iter().any(|reserved| name == reserved.as_bytes()) || name.starts_with(TOPIC_VARIABLE.as_bytes()))
}
