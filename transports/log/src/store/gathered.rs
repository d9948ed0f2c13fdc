//! Stamped batches on their way to the disk, in as few pieces as copying little allows.

use std::collections::VecDeque;

use super::pool;

/// A batch below this size is copied behind the one before; a larger one is written from where it is. A piece of its own
/// costs the system call about as much as copying so many bytes.
const SMALL: usize = 8 * 1024;
/// Small batches are gathered in buffers of this size.
const BUFFER: usize = 64 * 1024;

/// Bytes that are written next, in order.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that were written already.
    skip: usize,
    length: usize,
    /// Whether the last piece is a buffer for small batches.
    has_buffer: bool,
}

impl Gathered {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn push(&mut self, batch: Vec<u8>) {
        self.length += batch.len();
        if batch.len() >= SMALL {
            self.pieces.push_back(batch);
            self.has_buffer = false;
            return;
        }
        match self.pieces.back_mut() {
            Some(last) if self.has_buffer && last.len() + batch.len() <= BUFFER => last.extend_from_slice(&batch),
            // A small batch by itself, as one producer at a time makes them.
            None => self.pieces.push_back(batch),
            _ => {
                let mut buffer = pool::take(BUFFER);
                buffer.extend_from_slice(&batch);
                self.pieces.push_back(buffer);
                self.has_buffer = true;
            }
        }
    }

    /// The first `length` bytes.
    pub(crate) fn front(&self, mut length: usize) -> Vec<&[u8]> {
        let mut skip = self.skip;
        let mut front = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let rest = &piece[skip..];
            skip = 0;
            let taken = rest.len().min(length);
            if taken == 0 {
                break;
            }
            front.push(&rest[..taken]);
            length -= taken;
        }
        front
    }

    /// Forgets the first `length` bytes.
    pub(crate) fn advance(&mut self, mut length: usize) {
        self.length -= length;
        while let Some(first) = self.pieces.front() {
            let rest = first.len() - self.skip;
            if length < rest {
                self.skip += length;
                return;
            }
            length -= rest;
            self.skip = 0;
            let done = self.pieces.pop_front().unwrap_or_default();
            pool::give(done);
        }
        self.has_buffer = false;
    }

    pub(crate) fn clear(&mut self) {
        self.advance(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_however_they_were_cut() {
        let sizes = [10, SMALL - 1, SMALL, 3, 100_000, 1, 1, 70_000, 5];
        let mut expected = Vec::new();
        let mut gathered = Gathered::default();
        for (n, size) in sizes.into_iter().enumerate() {
            let batch: Vec<u8> = (0..size).map(|at| (at * 7 + n) as u8).collect();
            expected.extend_from_slice(&batch);
            gathered.push(batch);
        }
        let mut found = Vec::new();
        for length in (1..).map(|n| n * 3_000) {
            let length = length.min(gathered.len());
            if length == 0 {
                break;
            }
            found.extend(gathered.front(length).concat());
            gathered.advance(length);
            gathered.push(vec![1, 2, 3]);
            expected.extend([1, 2, 3]);
            if found.len() > 150_000 {
                found.extend(gathered.front(gathered.len()).concat());
                gathered.clear();
            }
        }
        assert!(found == expected, "{} bytes of {}", found.len(), expected.len());
    }
}
