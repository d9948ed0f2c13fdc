//! Who makes batches, and what the log remembers of them, so that a batch that is sent twice is stored once.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crc32c::crc32c;

use super::StoreError;
use super::format::{u16_at, u32_at, u64_at};

/// The bytes of a producer in front of the records.
pub(crate) const SIZE: usize = 14;
/// So many of a producer's last batches are remembered: it may have as many under way.
const REMEMBERED: usize = 5;
/// So many producers are remembered; beyond that, the one who has been quiet longest is forgotten.
const MOST: usize = 1024;

/// Who makes a batch. A producer numbers its records without a gap, and repeats a batch with the same numbers when it does not
/// know whether it was stored. The log stores it once, and answers the repetition with where it was stored.
///
/// The log remembers the last five batches of a producer, and the 1,024 producers that were heard of last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Producer {
    /// Its number: random, and its own.
    pub id: u64,
    /// Which life of it this is. Once the log has seen a higher one, a lower one is refused.
    pub epoch: u16,
    /// The number of the batch's first record; 0 at the start of an epoch.
    pub sequence: u32,
}

impl Producer {
    pub(crate) fn encode(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&self.id.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[10..].copy_from_slice(&self.sequence.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let bytes = body.get(..SIZE)?;
        Some(Self { id: u64_at(bytes, 0..8), epoch: u16_at(bytes, 8..10), sequence: u32_at(bytes, 10..14) })
    }
}

/// A batch of a producer, as it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sequence: u32,
    pub(crate) count: u32,
    pub(crate) first: u64,
    pub(crate) time: i64,
}

impl Stored {
    /// The offset after its last record.
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// What is remembered of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    epoch: u16,
    batches: VecDeque<Stored>,
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Store it.
    New,
    /// It is there already.
    Known(Stored),
}

/// What is remembered of all producers, up to an offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers(BTreeMap<u64, Memory>);

impl Producers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks whether a batch follows on what there is.
    pub(crate) fn check(&self, producer: Producer, count: u32) -> Result<Answer, StoreError> {
        let Producer { id, epoch, sequence } = producer;
        let wrong = |expected| StoreError::Sequence { producer: id, epoch, expected, found: sequence };
        let Some(memory) = self.0.get(&id) else { return Ok(Answer::New) };
        if epoch < memory.epoch {
            return Err(StoreError::Fenced { producer: id, epoch, newer: memory.epoch });
        }
        if epoch > memory.epoch {
            return if sequence == 0 { Ok(Answer::New) } else { Err(wrong(0)) };
        }
        let expected = memory.batches.back().map_or(0, |last| last.sequence.wrapping_add(last.count));
        if sequence == expected {
            return Ok(Answer::New);
        }
        let known = memory.batches.iter().find(|stored| stored.sequence == sequence && stored.count == count);
        known.map(|stored| Answer::Known(*stored)).ok_or_else(|| wrong(expected))
    }

    /// Remembers a batch that was stored. Gives what was remembered before, to go back to.
    pub(crate) fn store(&mut self, producer: Producer, stored: Stored) -> Option<Memory> {
        let before = self.0.get(&producer.id).cloned();
        let fresh = || Memory { epoch: producer.epoch, batches: VecDeque::new() };
        let memory = self.0.entry(producer.id).or_insert_with(fresh);
        if memory.epoch != producer.epoch {
            *memory = fresh();
        }
        // Read again after a crash, it may be known.
        if memory.batches.back().is_none_or(|last| last.first < stored.first) {
            memory.batches.push_back(stored);
        }
        if memory.batches.len() > REMEMBERED {
            memory.batches.pop_front();
        }
        if self.0.len() > MOST {
            let quiet = self.0.iter().min_by_key(|(_, memory)| memory.batches.back().map(|last| last.first));
            if let Some(id) = quiet.map(|(id, _)| *id) {
                self.0.remove(&id);
            }
        }
        before
    }

    /// Goes back to what was remembered of a producer.
    pub(crate) fn restore(&mut self, id: u64, before: Option<Memory>) {
        match before {
            Some(memory) => drop(self.0.insert(id, memory)),
            None => drop(self.0.remove(&id)),
        }
    }
}

pub(crate) const MAGIC: [u8; 8] = *b"TWOODPRD";
pub(crate) const NAME: Range<usize> = 0..8;
pub(crate) const LOG_ID: Range<usize> = NAME.end..NAME.end + 8;
pub(crate) const NEXT: Range<usize> = LOG_ID.end..LOG_ID.end + 8;
pub(crate) const COUNT: Range<usize> = NEXT.end..NEXT.end + 4;
pub(crate) const CRC: Range<usize> = COUNT.end..COUNT.end + 4;
pub(crate) const HEADER: usize = CRC.end;
/// The bytes of one remembered batch in the file: id, epoch, two of nothing, sequence, count, first offset, time.
pub(crate) const BATCH: usize = 36;

impl Producers {
    /// The bytes of a snapshot; these are the producers of everything before `next`.
    pub(crate) fn encode(&self, log_id: u64, next: u64) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let mut count: u32 = 0;
        for (id, memory) in &self.0 {
            for stored in &memory.batches {
                count += 1;
                out.extend_from_slice(&id.to_le_bytes());
                out.extend_from_slice(&memory.epoch.to_le_bytes());
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&stored.sequence.to_le_bytes());
                out.extend_from_slice(&stored.count.to_le_bytes());
                out.extend_from_slice(&stored.first.to_le_bytes());
                out.extend_from_slice(&stored.time.to_le_bytes());
            }
        }
        out[NAME].copy_from_slice(&MAGIC);
        out[LOG_ID].copy_from_slice(&log_id.to_le_bytes());
        out[NEXT].copy_from_slice(&next.to_le_bytes());
        out[COUNT].copy_from_slice(&count.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c(&out[..CRC.start]), &out[HEADER..]);
        out[CRC].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a snapshot, and the offset it holds for. `None` when these are not its bytes.
    pub(crate) fn decode(bytes: &[u8], log_id: u64) -> Option<(u64, Self)> {
        let header = bytes.get(..HEADER)?;
        let batches = bytes[HEADER..].get(..(u32_at(header, COUNT) as usize).checked_mul(BATCH)?)?;
        let crc = crc32c::crc32c_append(crc32c(&header[..CRC.start]), batches);
        if header[NAME] != MAGIC || u64_at(header, LOG_ID) != log_id || u32_at(header, CRC) != crc {
            return None;
        }
        let mut producers = Self::default();
        for batch in batches.chunks_exact(BATCH) {
            let producer =
                Producer { id: u64_at(batch, 0..8), epoch: u16_at(batch, 8..10), sequence: u32_at(batch, 12..16) };
            let stored = Stored {
                sequence: producer.sequence,
                count: u32_at(batch, 16..20),
                first: u64_at(batch, 20..28),
                time: u64_at(batch, 28..36).cast_signed(),
            };
            producers.store(producer, stored);
        }
        Some((u64_at(header, NEXT), producers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producer(epoch: u16, sequence: u32) -> Producer {
        Producer { id: 7, epoch, sequence }
    }

    fn stored(sequence: u32, count: u32) -> Stored {
        Stored { sequence, count, first: 100 + u64::from(sequence), time: 5 }
    }

    #[test]
    fn a_repetition_is_known_a_gap_is_refused_and_an_older_life_is_over() {
        let mut producers = Producers::default();
        assert_eq!(producers.check(producer(1, 40), 2).unwrap(), Answer::New, "a producer may be forgotten");
        for n in 0..10 {
            producers.store(producer(1, n * 2), stored(n * 2, 2));
        }
        assert_eq!(producers.check(producer(1, 20), 3).unwrap(), Answer::New);
        assert_eq!(producers.check(producer(1, 18), 2).unwrap(), Answer::Known(stored(18, 2)));
        assert_eq!(producers.check(producer(1, 10), 2).unwrap(), Answer::Known(stored(10, 2)));
        for (sequence, count) in [(8, 2), (18, 1), (22, 2), (0, 1)] {
            let error = producers.check(producer(1, sequence), count).unwrap_err();
            assert!(matches!(error, StoreError::Sequence { expected: 20, .. }), "{error}");
        }
        assert!(matches!(producers.check(producer(0, 20), 1), Err(StoreError::Fenced { newer: 1, .. })));
        assert_eq!(producers.check(producer(2, 0), 1).unwrap(), Answer::New);
        assert!(producers.check(producer(2, 20), 1).is_err());
    }

    #[test]
    fn a_snapshot_comes_back_and_any_byte_changed_is_refused() {
        let mut producers = Producers::default();
        for n in 0..4 {
            producers.store(producer(1, n), stored(n, 1));
            producers
                .store(Producer { id: 9, epoch: 0, sequence: n }, Stored { first: 50 + u64::from(n), ..stored(n, 1) });
        }
        let bytes = producers.encode(3, 104);
        assert_eq!(Producers::decode(&bytes, 3), Some((104, producers.clone())));
        assert_eq!(Producers::decode(&bytes, 4), None);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Producers::decode(&changed, 3), None, "changed at {at}");
            assert_eq!(Producers::decode(&bytes[..at], 3), None, "cut at {at}");
        }
    }

    #[test]
    fn the_producer_who_has_been_quiet_longest_is_forgotten_first() {
        let mut producers = Producers::default();
        for id in 0..MOST as u64 + 10 {
            producers.store(Producer { id, epoch: 0, sequence: 0 }, Stored { first: id, ..stored(0, 1) });
        }
        assert_eq!(producers.0.len(), MOST);
        assert_eq!(producers.0.keys().next(), Some(&10));
    }
}
