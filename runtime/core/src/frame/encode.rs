//! Writes a frame front to back into one buffer, and fills in the sizes at the end.

use std::cell::Cell;

use bytes::Bytes;

use super::headers::{put_bytes, put_text};
use super::{CORRELATION_ID, FrameError, Headers, OPERATION_ID, PREAMBLE, TIMEOUT, is_reserved};
use crate::codec::binary::BinaryWriter;
use crate::codec::{AnyWriter, Message, Protocol, Wire, Writer};

/// What stands behind a message's envelope: arguments, a result, a payload.
///
/// A trait and not a closure, since a closure cannot be generic over the writer.
pub trait Body {
    /// Writes it.
    fn write<W: Writer>(&self, w: &mut W);
}

impl<T: Wire> Body for T {
    fn write<W: Writer>(&self, w: &mut W) {
        self.encode(w);
    }
}

thread_local! {
    /// Where a thread writes its frames. One of the right size is then one allocation; a buffer that grows and is shared
    /// afterwards is two and more, of which the largest stays as large as it grew.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A larger frame keeps its buffer: copying it would cost more than an allocation, and each thread keeps a buffer of this size.
const MAX_SCRATCH: usize = 16 * 1024;

/// A frame being written: first the headers, then the message.
///
/// ```
/// use thriftwood_core::codec::{Message, MessageType, Wire};
/// use thriftwood_core::frame::{Frame, FrameBuilder};
///
/// let mut frame = FrameBuilder::new();
/// frame.header("_cid", "abc");
/// let bytes = frame.message(Message::new("add", MessageType::Call), |w| 42_i32.encode(w))?;
/// assert_eq!(Frame::decode(bytes)?.headers().get("_cid"), Some("abc"));
/// # Ok::<(), thriftwood_core::frame::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameBuilder {
    out: Vec<u8>,
}

/// A frame that is written, and still where that was done.
#[derive(Debug)]
pub(crate) struct Written {
    out: Vec<u8>,
}

impl Default for FrameBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuilder {
    /// A frame with no headers yet.
    pub fn new() -> Self {
        let mut out = SCRATCH.take();
        out.extend_from_slice(&[0; PREAMBLE]);
        Self { out }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &str) {
        self.text(name, value.as_bytes());
    }

    /// Adds a header whose value is known to be text. Compiled where it is called: of a name that is a constant, the size and the name
    /// are then two words that are stored, where they were a copy of each, and those were half of what writing headers took.
    #[inline(always)]
    pub(crate) fn text(&mut self, name: &str, value: &[u8]) {
        // Room for both at once: four pieces that each see to their own take twice as long.
        self.out.reserve(8 + name.len() + value.len());
        put_text(&mut self.out, name);
        put_bytes(&mut self.out, value);
    }

    /// Adds a header whose value is a number, in decimal.
    pub fn number(&mut self, name: &str, value: u64) {
        put_text(&mut self.out, name);
        self.decimal(value);
    }

    /// Adds the headers by which a request is known, and how long it may take.
    #[inline]
    pub(crate) fn request(&mut self, correlation_id: &[u8], operation_id: u64, millis: u64) {
        const CID: [u8; 8] = sized(CORRELATION_ID);
        const OPID: [u8; 9] = sized(OPERATION_ID);
        const MILLIS: [u8; 12] = sized(TIMEOUT);
        self.out.extend_from_slice(&CID);
        put_bytes(&mut self.out, correlation_id);
        self.out.extend_from_slice(&OPID);
        self.decimal(operation_id);
        self.out.extend_from_slice(&MILLIS);
        self.decimal(millis);
    }

    /// A number in decimal, with its size in front.
    fn decimal(&mut self, number: u64) {
        let (high, digits) = (number / 100_000_000, eight_digits(number % 100_000_000));
        if high == 0 {
            // The first of them are the lowest; of a zero, one is left.
            let zeros = (digits.trailing_zeros() / 8).min(7);
            let text = (digits | ZEROS) >> (8 * zeros);
            self.out.extend_from_slice(&(8 - zeros).to_be_bytes());
            // All eight, which is one word, and then without those that are none: a copy of so many bytes is a call.
            self.out.extend_from_slice(&text.to_le_bytes());
            self.out.truncate(self.out.len() - zeros as usize);
        } else {
            let at = self.out.len();
            self.decimal(high);
            self.out.extend_from_slice(&(digits | ZEROS).to_le_bytes());
            self.out[at + 3] += 8;
        }
    }

    /// Adds every header except those the runtime writes itself.
    pub fn headers(&mut self, headers: &Headers) {
        // Those between two that are left out are copied together; most often that is all of them.
        let mut pairs = headers.pairs();
        let (mut wanted, mut here) = (pairs.rest(), pairs.rest());
        while let Some((name, _)) = pairs.next() {
            if is_reserved(name) {
                self.out.extend_from_slice(&wanted[..wanted.len() - here.len()]);
                wanted = pairs.rest();
            }
            here = pairs.rest();
        }
        self.out.extend_from_slice(wanted);
    }

    /// Adds every header, those the runtime writes itself too.
    pub(crate) fn all_headers(&mut self, headers: &Headers) {
        self.out.extend_from_slice(headers.block());
    }

    /// Writes the message in the binary protocol, with `body` behind its envelope, and closes the frame.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when a size does not fit the 31 bits that every peer can read.
    pub fn message(self, message: Message<'_>, body: impl FnOnce(&mut BinaryWriter<'_>)) -> Result<Bytes, FrameError> {
        Ok(self.written(message, body)?.into_bytes())
    }

    /// Writes the message in the protocol that is named at run time, and closes the frame.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when a size does not fit the 31 bits that every peer can read.
    pub fn message_in(self, protocol: Protocol, message: Message<'_>, body: &impl Body) -> Result<Bytes, FrameError> {
        Ok(self.written_in(protocol, message, body)?.into_bytes())
    }

    /// [`message`](Self::message), of which the bytes may be looked at where they are.
    fn written(
        mut self,
        message: Message<'_>,
        body: impl FnOnce(&mut BinaryWriter<'_>),
    ) -> Result<Written, FrameError> {
        let block = self.out.len();
        let mut writer = BinaryWriter::new(&mut self.out);
        writer.message(message);
        body(&mut writer);
        let sound = writer.is_sound();
        self.close(block, sound)
    }

    /// [`message_in`](Self::message_in), of which the bytes may be looked at where they are.
    pub(crate) fn written_in(
        mut self,
        protocol: Protocol,
        message: Message<'_>,
        body: &impl Body,
    ) -> Result<Written, FrameError> {
        if protocol == Protocol::Binary {
            return self.written(message, |w| body.write(w));
        }
        let block = self.out.len();
        let mut writer = AnyWriter::new(protocol, &mut self.out);
        writer.message(message);
        body.write(&mut writer);
        let sound = writer.is_sound();
        self.close(block, sound)
    }

    /// Closes the frame around a message that was written elsewhere: that of a peer which speaks plain Thrift and has no headers.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when a size does not fit the 31 bits that every peer can read.
    pub fn around(mut self, message: &[u8]) -> Result<Bytes, FrameError> {
        let block = self.out.len();
        self.out.extend_from_slice(message);
        Ok(self.close(block, true)?.into_bytes())
    }

    /// Closes a frame without a message. Headers of no more than some bytes always fit.
    #[cfg(feature = "runtime")]
    pub(crate) fn bare(self) -> Bytes {
        let block = self.out.len();
        self.close(block, true).map(Written::into_bytes).unwrap_or_default()
    }

    /// Fills in the sizes, of which the header block's ends at `block`.
    fn close(mut self, block: usize, sound: bool) -> Result<Written, FrameError> {
        let (Ok(block), Ok(size)) = (i32::try_from(block - PREAMBLE), i32::try_from(self.out.len() - 4)) else {
            return Err(FrameError::TooLarge { size: self.out.len(), limit: i32::MAX as usize });
        };
        // A length that does not fit makes the frame too large as well, so it was something else.
        if !sound {
            return Err(FrameError::Unwritable);
        }
        self.out[..4].copy_from_slice(&size.to_be_bytes());
        self.out[5..PREAMBLE].copy_from_slice(&block.to_be_bytes());
        Ok(Written { out: self.out })
    }
}

impl Written {
    /// All of the frame, where a copy of it costs less than memory of its own.
    #[cfg(feature = "runtime")]
    pub(crate) fn small(&self) -> Option<&[u8]> {
        (self.out.len() <= MAX_SCRATCH).then_some(&self.out)
    }

    /// The frame, in memory of the right size.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.out.len() > MAX_SCRATCH {
            return self.out.into();
        }
        let frame = Bytes::copy_from_slice(&self.out);
        self.forget();
        frame
    }

    /// Lets the next frame of this thread be written here.
    pub(crate) fn forget(mut self) {
        if self.out.capacity() <= MAX_SCRATCH {
            self.out.clear();
            SCRATCH.set(self.out);
        }
    }
}

/// A name behind its size.
const fn sized<const N: usize>(name: &str) -> [u8; N] {
    let (mut sized, mut at) = ([0; N], 4);
    sized[3] = name.len() as u8;
    while at < N {
        sized[at] = name.as_bytes()[at - 4];
        at += 1;
    }
    assert!(name.len() + 4 == N);
    sized
}

/// Eight zeros in ASCII.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// The eight digits of a number that has no more, the first in the lowest byte: halved three times, all parts of one word at once. Two
/// numbers are in every message, and digit by digit they took a third of what its headers take.
fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // By 100: n * 10,486 >> 20 is n / 100 for every n below 10,000.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    // By 10: n * 103 >> 10 is n / 10 for every n below 100.
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::MessageType;
    use crate::frame::Frame;

    #[test]
    fn a_number_is_written_as_people_write_it() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let near =
            powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7), power.saturating_mul(9)]);
        let some = (0..20_000).chain((0..40_000).map(|i| i * 2_503));
        for number in some.chain(near).chain([u64::from(u32::MAX), u64::MAX]) {
            let mut frame = FrameBuilder::new();
            frame.number("n", number);
            frame.header("after", "it");
            let frame = Frame::decode(frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap()).unwrap();
            assert_eq!(frame.headers().get("n"), Some(number.to_string().as_str()));
            assert_eq!(frame.headers().get("after"), Some("it"));
        }
    }

    #[test]
    fn headers_of_the_runtimes_own_are_left_out_wherever_they_stand() {
        let mine = [("a", "1"), ("b", "2"), ("c", "3")];
        for place in 0..=mine.len() {
            for count in 0..3 {
                let mut all = mine.to_vec();
                all.splice(place..place, [("_opid", "7"), ("_topic_x", "y")].into_iter().take(count));
                let mut frame = FrameBuilder::new();
                frame.headers(&all.into_iter().collect());
                let frame =
                    Frame::decode(frame.message(Message::new("m", MessageType::Call), |_| {}).unwrap()).unwrap();
                assert!(frame.headers().iter().eq(mine), "{count} before {place}: {:?}", frame.headers());
            }
        }
    }
}
