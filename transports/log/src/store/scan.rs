//! Walks the batches of a segment file by their headers, and finds the next good one where the bytes are damaged.

use std::io;

use super::disk::DiskFile;
use super::format::{BEGINNING, HEADER, Header};

/// How much is read at once, in bytes.
pub(crate) const CHUNK: usize = 256 * 1024;

/// How much is looked through at once. Most of what is looked through is zeros.
const BLOCK: usize = 4096;

/// A cursor-free view of one file, a chunk at a time.
pub(crate) struct Scan<'a> {
    file: &'a dyn DiskFile,
    seed: u32,
    /// Bytes from here on are not looked at.
    limit: u64,
    at: u64,
    chunk: Vec<u8>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile, seed: u32, limit: u64) -> Self {
        Self { file, seed, limit, at: 0, chunk: Vec::new() }
    }

    /// The header at `position`, when there is one and its body ends within the file.
    pub(crate) fn header(&mut self, position: u64) -> io::Result<Option<Header>> {
        let (seed, limit) = (self.seed, self.limit);
        let header = Header::decode(self.bytes(position, HEADER)?, seed);
        Ok(header.filter(|header| header.size() <= limit - position))
    }

    /// Whether the body behind this header is the one its checksum was made of.
    pub(crate) fn body_fits(&mut self, position: u64, header: &Header) -> io::Result<bool> {
        Ok(header.fits(self.bytes(position + HEADER as u64, header.length as usize)?))
    }

    /// Up to `length` bytes at `position`, whatever they are.
    pub(crate) fn peek(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        self.bytes(position, length)
    }

    /// The first header from `position` on whose batch starts at offset `at_least` or later.
    pub(crate) fn find(&mut self, mut position: u64, at_least: u64) -> io::Result<Option<(u64, Header)>> {
        while position < self.limit {
            // So much more that a beginning which starts in the block ends in it.
            let block = self.bytes(position, BLOCK + BEGINNING.len() - 1)?;
            let hit = if is_zero(block) { None } else { block.windows(BEGINNING.len()).position(|w| w == BEGINNING) };
            let Some(hit) = hit else {
                position += BLOCK as u64;
                continue;
            };
            position += hit as u64;
            match self.header(position)? {
                Some(header) if header.base >= at_least => return Ok(Some((position, header))),
                _ => position += 1,
            }
        }
        Ok(None)
    }

    /// Whether there is nothing but zeros from `position` on: space that was set aside and never written.
    pub(crate) fn is_empty_from(&mut self, position: u64) -> io::Result<bool> {
        for position in (position..self.limit).step_by(BLOCK) {
            if !is_zero(self.bytes(position, BLOCK)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Up to `length` bytes at `position`; fewer only at the limit.
    fn bytes(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(usize::try_from(self.limit.saturating_sub(position)).unwrap_or(usize::MAX));
        let held = self.at..self.at + self.chunk.len() as u64;
        if position < held.start || position + length as u64 > held.end {
            let wanted = length.max(CHUNK).min((self.limit - position.min(self.limit)) as usize);
            self.chunk = self.file.read_at(wanted, position)?;
            self.at = position;
        }
        let from = ((position - self.at) as usize).min(self.chunk.len());
        let to = (from + length).min(self.chunk.len());
        Ok(&self.chunk[from..to])
    }
}

/// Compared with zeros rather than looked at byte by byte: that is one call, which the standard library has in its fastest form.
fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; BLOCK + BEGINNING.len()] = [0; BLOCK + BEGINNING.len()];
    ZEROS.get(..bytes.len()) == Some(bytes)
}
