//! Cuts a stream of bytes into frames.

use bytes::{Bytes, BytesMut};

use crate::frame::{FrameError, PREAMBLE};

/// Collects bytes in whatever pieces they come, and gives out whole frames, their leading size included.
///
/// Memory grows with the bytes that came, never with what a size claims.
#[derive(Debug)]
pub struct Deframer {
    buffer: BytesMut,
    /// Whole frames that were not given out yet. All that one read brings are split off together, and then share a count.
    whole: Bytes,
    max_frame: usize,
}

impl Deframer {
    /// A deframer for frames of up to `max_frame` bytes, the leading size not counted.
    pub fn new(max_frame: usize) -> Self {
        Self { buffer: BytesMut::new(), whole: Bytes::new(), max_frame }
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
        if self.whole.is_empty() {
            let Some(mut end) = self.frame_at(0)? else { return Ok(None) };
            // What is wrong behind whole frames is found when those have been given out.
            while let Ok(Some(next)) = self.frame_at(end) {
                end = next;
            }
            self.whole = self.buffer.split_to(end).freeze();
        }
        let size = self.whole.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize + 4);
        if size == self.whole.len() {
            return Ok(Some(std::mem::take(&mut self.whole)));
        }
        Ok(Some(self.whole.split_to(size)))
    }

    /// Where the frame ends that begins there, if it is all there.
    fn frame_at(&self, start: usize) -> Result<Option<usize>, FrameError> {
        let Some(size) = self.buffer.get(start..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let size = u32::from_be_bytes(*size) as usize;
        if size > self.max_frame {
            return Err(FrameError::TooLarge { size, limit: self.max_frame });
        }
        if size < PREAMBLE - 4 {
            return Err(FrameError::Truncated { size: size + 4 });
        }
        let end = start + size + 4;
        Ok((end <= self.buffer.len()).then_some(end))
    }

    /// How many bytes the frame that has begun still takes, where its size is there.
    pub fn missing(&self) -> usize {
        let size = self.buffer.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize + 4);
        size.saturating_sub(self.buffer.len())
    }

    /// Whether the connection ended inside a frame.
    pub fn is_inside_frame(&self) -> bool {
        !self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_begun_frame_still_takes_is_known_once_its_size_is_there() {
        let mut deframer = Deframer::new(1 << 20);
        assert_eq!(deframer.missing(), 0);
        deframer.push(&[0, 1, 0]);
        assert_eq!(deframer.missing(), 0, "of a size that is not whole");
        deframer.push(&[0, 7, 7]);
        assert_eq!(deframer.missing(), (1 << 16) - 2);
        deframer.push(&[0; 1 << 16]);
        assert_eq!(deframer.missing(), 0);
        assert!(deframer.next_frame().unwrap().is_some_and(|frame| frame.len() == (1 << 16) + 4));
        // What is behind it has begun.
        assert!(deframer.is_inside_frame() && deframer.missing() == 0);
    }
}
