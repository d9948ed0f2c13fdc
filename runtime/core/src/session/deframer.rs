//! Cuts a stream of bytes into frames.

use bytes::{Bytes, BytesMut};

use crate::frame::{FrameError, PREAMBLE};

/// Collects bytes in whatever pieces they come, and gives out whole frames, their leading size included.
///
/// Memory grows with the bytes that came, never with what a size claims.
#[derive(Debug)]
pub struct Deframer {
    buffer: BytesMut,
    max_frame: usize,
}

impl Deframer {
    /// A deframer for frames of up to `max_frame` bytes, the leading size not counted.
    pub fn new(max_frame: usize) -> Self {
        Self { buffer: BytesMut::new(), max_frame }
    }

    /// Takes bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where bytes can be read into, without a copy: behind those that are there.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole frame, if it is all there.
    ///
    /// # Errors
    /// When the size in front is one that no frame has, or over the limit. Nothing after it can be read.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(size) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let size = u32::from_be_bytes(*size) as usize;
        if size > self.max_frame {
            return Err(FrameError::TooLarge { size, limit: self.max_frame });
        }
        if size < PREAMBLE - 4 {
            return Err(FrameError::Truncated { size: size + 4 });
        }
        if self.buffer.len() < size + 4 {
            return Ok(None);
        }
        Ok(Some(self.buffer.split_to(size + 4).freeze()))
    }

    /// Whether the connection ended inside a frame.
    pub fn is_inside_frame(&self) -> bool {
        !self.buffer.is_empty()
    }
}
