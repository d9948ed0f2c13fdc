//! Reading a log backwards, a few batches at a time.
//!
//! Batches can only be walked forwards, so this looks up a place a little before the end, reads from there, and gives what it
//! found in reverse. Between two entries of an index lie 4 KiB and one batch; no more is held.

use super::StoreError;
use super::reader::Reader;
use super::record::Record;

/// Reads records from the newest to the oldest.
#[derive(Debug)]
pub struct Backwards {
    reader: Reader,
    /// Everything from this offset on was given out, or is in `found`.
    offset: u64,
    /// What comes next, the next one last.
    found: Vec<Found>,
}

#[derive(Debug)]
enum Found {
    Record(Record),
    Damage(u64, u64),
}

impl Backwards {
    pub(super) fn new(reader: Reader) -> Self {
        Self { offset: reader.offset(), reader, found: Vec::new() }
    }

    /// The record before the last one it gave, or `None` at the first one that is kept. Reads from the disk.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for each damaged range, after which reading goes on before it; and what the file system
    /// says, after which the same is tried again.
    pub fn next_ready(&mut self) -> Result<Option<Record>, StoreError> {
        // More than once where all records of a place were removed.
        while self.found.is_empty() && self.offset > self.reader.first() {
            self.fill()?;
        }
        match self.found.pop() {
            None => Ok(None),
            Some(Found::Record(record)) => Ok(Some(record)),
            Some(Found::Damage(from, to)) => Err(self.reader.damaged(from, to)),
        }
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let end = self.offset;
        let start = self.reader.near(end - 1)?.max(self.reader.first());
        self.reader.seek(start);
        let mut found = Vec::new();
        while self.reader.offset() < end {
            match self.reader.next_ready() {
                Ok(Some(record)) if record.offset() < end => found.push(Found::Record(record)),
                Ok(_) => break,
                Err(StoreError::Corrupt { from, to, .. }) => found.push(Found::Damage(from, to.min(end))),
                Err(error) => return Err(error),
            }
        }
        // What was removed meanwhile is in neither.
        (self.offset, self.found) = (start, found);
        Ok(())
    }
}
