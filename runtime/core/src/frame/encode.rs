//! Writes a frame front to back into one buffer, and fills in the sizes at the end.

use bytes::Bytes;

use super::headers::put_text;
use super::{FrameError, Headers, PREAMBLE, is_reserved};
use crate::codec::binary::BinaryWriter;

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

impl Default for FrameBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuilder {
    /// A frame with no headers yet.
    pub fn new() -> Self {
        let mut out = Vec::with_capacity(512);
        out.resize(PREAMBLE, 0);
        Self { out }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &str) {
        put_text(&mut self.out, name);
        put_text(&mut self.out, value);
    }

    /// Adds every header except those the runtime writes itself.
    pub fn headers(&mut self, headers: &Headers) {
        for (name, value) in headers.iter().filter(|(name, _)| !is_reserved(name)) {
            self.header(name, value);
        }
    }

    /// Writes the message with `body` behind its envelope and closes the frame.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when a size does not fit the 31 bits that every peer can read.
    pub fn message(
        mut self,
        message: crate::codec::Message<'_>,
        body: impl FnOnce(&mut BinaryWriter<'_>),
    ) -> Result<Bytes, FrameError> {
        let block = self.out.len() - PREAMBLE;
        let mut writer = BinaryWriter::new(&mut self.out);
        writer.message(message);
        body(&mut writer);
        let sound = writer.is_sound();
        let (Ok(block), Ok(size), true) = (i32::try_from(block), i32::try_from(self.out.len() - 4), sound) else {
            return Err(FrameError::TooLarge { size: self.out.len(), limit: i32::MAX as usize });
        };
        self.out[..4].copy_from_slice(&size.to_be_bytes());
        self.out[5..PREAMBLE].copy_from_slice(&block.to_be_bytes());
        Ok(self.out.into())
    }
}
