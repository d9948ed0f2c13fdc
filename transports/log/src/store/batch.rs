//! Records encoded together: what is appended, and how a body that was read is taken apart again.

use bytes::{Buf, Bytes};
use crc32c::crc32c;

use super::StoreError;
use super::codec::{self, Codec, Unreadable};
use super::format::{self, CODEC, HAS_GAPS, HAS_HEADERS, HAS_KEYS, HAS_PRODUCER, HEADER, KNOWN_FLAGS, MAX_BODY};
use super::producer::{self, Producer};
use super::{pool, varint};

/// One record to be appended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// What the record is about; records with the same key keep their order wherever they are shared out.
    pub key: Option<&'a [u8]>,
    /// Names and values that go with it.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What is stored.
    pub value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// A record without a key and headers.
    pub fn of(value: &'a [u8]) -> Self {
        Self { key: None, headers: &[], value }
    }

    /// With this key.
    #[must_use]
    pub fn key(self, key: &'a [u8]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// With these headers.
    #[must_use]
    pub fn headers(self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self { headers, ..self }
    }
}

/// Records encoded together: the unit of append, checksum and reading. Either all of them are kept or none, so what must be
/// stored together goes into one batch.
#[derive(Debug)]
pub struct Batch {
    /// Room for the header, then the body.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
    pub(super) flags: u16,
    pub(super) body_crc: u32,
    pub(super) producer: Option<Producer>,
    pub(super) expected: Option<u64>,
}

impl Batch {
    /// Encodes records, in one buffer and with the checksum of the body. At least one is needed.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when they are more bytes than a batch can hold, or none at all.
    pub fn of(entries: &[Entry<'_>]) -> Result<Self, StoreError> {
        let mut flags = 0;
        let mut room = 0;
        for entry in entries {
            flags |= if entry.headers.is_empty() { 0 } else { HAS_HEADERS };
            flags |= if entry.key.is_some() { HAS_KEYS } else { 0 };
            room += largest(entry);
        }
        let count = match u32::try_from(entries.len()) {
            Ok(count @ 1..) if room <= MAX_BODY + entries.len() * SLACK => count,
            _ => return Err(StoreError::TooLarge { size: room, limit: MAX_BODY }),
        };
        let mut bytes = pool::take(HEADER + room);
        bytes.resize(HEADER, 0);
        for entry in entries {
            put(&mut bytes, entry, flags);
        }
        let mut batch = Self { bytes, count, flags, body_crc: 0, producer: None, expected: None };
        batch.sum()?;
        Ok(batch)
    }

    /// Compresses the records as one block, where that makes them smaller. Worth it from some 4 KiB on.
    #[must_use]
    pub fn compressed(mut self, codec: Codec) -> Self {
        let start = HEADER + if self.producer.is_some() { producer::SIZE } else { 0 };
        if self.flags & CODEC == 0
            && let Some(block) = codec.compress(&self.bytes[start..])
        {
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(&block);
            self.flags |= codec.flag();
            // Smaller than before, so not too large.
            self.body_crc = crc32c(&self.bytes[HEADER..]);
        }
        self
    }

    /// Says who makes the batch, and as which of theirs, so that a repetition after an uncertain end is stored once: see
    /// [`Producer`].
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when it has no room for that.
    pub fn by(mut self, producer: Producer) -> Result<Self, StoreError> {
        let extension = producer.encode();
        if self.flags & HAS_PRODUCER == 0 {
            self.bytes.splice(HEADER..HEADER, extension);
        } else {
            self.bytes[HEADER..HEADER + producer::SIZE].copy_from_slice(&extension);
        }
        self.flags |= HAS_PRODUCER;
        self.producer = Some(producer);
        self.sum()?;
        Ok(self)
    }

    /// Has the log take the batch only if its first record gets this offset: if nobody else has appended meanwhile.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.expected = Some(offset);
        self
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes on the disk.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn sum(&mut self) -> Result<(), StoreError> {
        let body = &self.bytes[HEADER..];
        if body.len() > MAX_BODY {
            return Err(StoreError::TooLarge { size: body.len(), limit: MAX_BODY });
        }
        self.body_crc = crc32c(body);
        Ok(())
    }
}

/// The time delta of a record, in zig-zag form. Everything that is appended has its batch's time.
const NO_DELTA: u64 = 0;
/// The most bytes of a record beside its key, headers and value.
const SLACK: usize = 24;

/// So many bytes a record takes at most.
fn largest(entry: &Entry<'_>) -> usize {
    let pairs: usize = entry.headers.iter().map(|(name, value)| name.len() + value.len() + 2 * 5).sum();
    entry.value.len() + entry.key.map_or(0, |key| key.len() + 5) + pairs + SLACK
}

fn put(out: &mut Vec<u8>, entry: &Entry<'_>, flags: u16) {
    let text = |length: usize| varint::size(length as u64) + length;
    let mut size = varint::size(NO_DELTA) + entry.value.len();
    if flags & HAS_KEYS != 0 {
        size += entry.key.map_or(1, |key| varint::size(key.len() as u64 + 1) + key.len());
    }
    if flags & HAS_HEADERS != 0 {
        size += varint::size(entry.headers.len() as u64);
        size += entry.headers.iter().map(|(name, value)| text(name.len()) + text(value.len())).sum::<usize>();
    }
    varint::put(out, size as u64);
    varint::put(out, NO_DELTA);
    if flags & HAS_KEYS != 0 {
        varint::put(out, entry.key.map_or(0, |key| key.len() as u64 + 1));
        out.extend_from_slice(entry.key.unwrap_or_default());
    }
    if flags & HAS_HEADERS != 0 {
        varint::put(out, entry.headers.len() as u64);
        for (name, value) in entry.headers {
            varint::put(out, name.len() as u64);
            out.extend_from_slice(name.as_bytes());
            varint::put(out, value.len() as u64);
            out.extend_from_slice(value);
        }
    }
    out.extend_from_slice(entry.value);
}

/// The records of a body whose checksum was right, without what stands before them and as they were before they were
/// compressed.
pub(crate) fn records(mut body: Bytes, header: &format::Header) -> Result<Bytes, Unreadable> {
    if header.flags & !KNOWN_FLAGS != 0 {
        return Err(Unreadable::Unknown);
    }
    if header.flags & HAS_PRODUCER != 0 {
        if body.len() < producer::SIZE {
            return Err(Unreadable::Wrong);
        }
        body.advance(producer::SIZE);
    }
    codec::decompress(body, header.flags & CODEC)
}

/// What one record of a body holds, still in the body's memory.
#[derive(Clone, Debug)]
pub(crate) struct RecordParts {
    /// Microseconds after the batch's time.
    pub(crate) delta: i64,
    /// Offsets before this one that have no record any more.
    pub(crate) gap: u64,
    pub(crate) key: Option<Bytes>,
    /// Pairs of length and text; checked to be whole.
    pub(crate) headers: Bytes,
    pub(crate) value: Bytes,
}

/// Takes the next record off. `None` when the bytes are no record, though their checksum was right.
pub(crate) fn split_record(records: &mut Bytes, flags: u16) -> Option<RecordParts> {
    let length = varint::take(records)?;
    let mut record = split_to(records, length)?;
    let delta = varint::unzigzag(varint::take(&mut record)?);
    let gap = if flags & HAS_GAPS != 0 { varint::take(&mut record)? } else { 0 };
    let mut key = None;
    if flags & HAS_KEYS != 0
        && let Some(length) = varint::take(&mut record)?.checked_sub(1)
    {
        key = Some(split_to(&mut record, length)?);
    }
    let mut headers = Bytes::new();
    if flags & HAS_HEADERS != 0 {
        let pairs = varint::take(&mut record)?;
        let mut rest = record.clone();
        for _ in 0..pairs.checked_mul(2)? {
            let length = varint::take(&mut rest)?;
            split_to(&mut rest, length)?;
        }
        headers = record.split_to(record.len() - rest.len());
    }
    Some(RecordParts { delta, gap, key, headers, value: record })
}

/// Takes the next pair off checked pairs.
pub(crate) fn split_header(pairs: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let length = varint::take(pairs)?;
    let name = split_to(pairs, length)?;
    let length = varint::take(pairs)?;
    Some((name, split_to(pairs, length)?))
}

/// Whether these bytes are pairs and nothing else.
#[cfg(feature = "remote")]
pub(crate) fn are_pairs(pairs: &Bytes) -> bool {
    let mut rest = pairs.clone();
    while !rest.is_empty() {
        if split_header(&mut rest).is_none() {
            return false;
        }
    }
    true
}

/// The value of a header among checked pairs.
pub(crate) fn find_header(pairs: &Bytes, wanted: &str) -> Option<Bytes> {
    let mut rest = pairs.clone();
    std::iter::from_fn(|| split_header(&mut rest)).find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value)
}

fn split_to(bytes: &mut Bytes, length: u64) -> Option<Bytes> {
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
    Some(bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checksum keeps out what was damaged, and nothing that was written like that: whatever a body says, it is taken apart or
    /// refused.
    #[test]
    fn no_body_whatever_is_in_it_leads_past_its_end() {
        let headers: [(&str, &[u8]); 1] = [("topic", b"a.b")];
        let entries = [Entry::of(b"one").key(b"k").headers(&headers), Entry::of(&[7; 300])];
        let producer = Producer { id: 1, epoch: 2, sequence: 3 };
        let good = Batch::of(&entries).unwrap().compressed(Codec::Lz4).by(producer).unwrap();
        let body = &good.bytes[HEADER..];
        let (mut state, mut taken, mut refused) = (1_u64, 0, 0);
        for round in 0..30_000 {
            let mut bytes = body.to_vec();
            for _ in 0..=round % 4 {
                // A linear congruential generator (Knuth's MMIX numbers).
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len();
                bytes[at] = (state >> 25) as u8;
            }
            bytes.truncate(bytes.len() - (state >> 60) as usize);
            let header = format::Header {
                length: bytes.len() as u32,
                base: 0,
                time: 0,
                count: 2,
                flags: if round % 2 == 0 { good.flags } else { (state >> 40) as u16 & KNOWN_FLAGS },
                epoch: 0,
                body_crc: 0,
                distance: 0,
            };
            match records(bytes.into(), &header) {
                Ok(mut rest) => {
                    while split_record(&mut rest, header.flags).is_some() {
                        taken += 1;
                    }
                }
                Err(_) => refused += 1,
            }
        }
        assert!(taken > 1_000 && refused > 1_000, "{taken} taken, {refused} refused");
    }
}
