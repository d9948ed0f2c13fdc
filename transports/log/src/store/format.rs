//! The bytes of a batch: a fixed header of 44 bytes, then records. `docs/log-format.md` is the page of this format.
//!
//! Numbers are little-endian. Each offset is built from the field before it, and a test compares them with the page.

use std::ops::Range;

use bytes::Bytes;
use crc32c::{crc32c, crc32c_append};

use super::StoreError;
use super::{pool, varint};

/// The version that this build writes, in every batch header and in the checkpoint.
pub(crate) const VERSION: u8 = 1;
/// `GL`, at the start of every batch.
pub(crate) const MAGIC: [u8; 2] = 0x4c47_u16.to_le_bytes();
/// What a scanner looks for when it has lost its way: magic, version, and the length of the header in words.
pub(crate) const BEGINNING: [u8; 4] = [MAGIC[0], MAGIC[1], VERSION, (HEADER / 4) as u8];
/// The size of a batch header in bytes.
pub(crate) const HEADER: usize = HEADER_CRC.end;
/// The most bytes in the body of one batch.
pub(crate) const MAX_BODY: usize = 64 * 1024 * 1024;

pub(crate) const START: Range<usize> = 0..4;
pub(crate) const LENGTH: Range<usize> = START.end..START.end + 4;
pub(crate) const BASE: Range<usize> = LENGTH.end..LENGTH.end + 8;
pub(crate) const TIME: Range<usize> = BASE.end..BASE.end + 8;
pub(crate) const COUNT: Range<usize> = TIME.end..TIME.end + 4;
pub(crate) const FLAGS: Range<usize> = COUNT.end..COUNT.end + 2;
pub(crate) const EPOCH: Range<usize> = FLAGS.end..FLAGS.end + 2;
pub(crate) const BODY_CRC: Range<usize> = EPOCH.end..EPOCH.end + 4;
pub(crate) const DISTANCE: Range<usize> = BODY_CRC.end..BODY_CRC.end + 4;
pub(crate) const HEADER_CRC: Range<usize> = DISTANCE.end..DISTANCE.end + 4;

/// Each record has headers.
pub(crate) const HAS_HEADERS: u16 = 1 << 4;
/// The flags this build writes. The others are reserved: codec (bits 0 to 2), keys (3), create time (5), control (6),
/// tombstones (7), encrypted (8), producer extension (9).
const KNOWN_FLAGS: u16 = HAS_HEADERS;

/// A batch header, read or to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the body.
    pub(crate) length: u32,
    /// The offset of the first record; the others follow without a gap.
    pub(crate) base: u64,
    /// When it was appended, in microseconds since 1970.
    pub(crate) time: i64,
    /// How many records; never 0.
    pub(crate) count: u32,
    pub(crate) flags: u16,
    /// Which opening of the log wrote it; wraps.
    pub(crate) epoch: u16,
    pub(crate) body_crc: u32,
    /// How far `base` was ahead of the first offset not known to be durable, when this was written.
    pub(crate) distance: u32,
}

/// The start value of the header checksums of a log with this id.
pub(crate) fn seed(log_id: u64) -> u32 {
    crc32c(&log_id.to_le_bytes())
}

impl Header {
    /// Reads a header. `None` when these are not the bytes of a header of the log with this seed, whatever else they are.
    pub(crate) fn decode(bytes: &[u8], seed: u32) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        if bytes[START] != BEGINNING || u32_at(bytes, HEADER_CRC) != crc32c_append(seed, &bytes[..HEADER_CRC.start]) {
            return None;
        }
        let header = Self {
            length: u32_at(bytes, LENGTH),
            base: u64_at(bytes, BASE),
            time: u64_at(bytes, TIME).cast_signed(),
            count: u32_at(bytes, COUNT),
            flags: u16_at(bytes, FLAGS),
            epoch: u16_at(bytes, EPOCH),
            body_crc: u32_at(bytes, BODY_CRC),
            distance: u32_at(bytes, DISTANCE),
        };
        // Bounds the arithmetic on offsets that follows everywhere.
        let sound = header.count > 0 && header.base.checked_add(u64::from(header.count)).is_some();
        (sound && header.length as usize <= MAX_BODY).then_some(header)
    }

    /// Writes the header, with its checksum, in front of a body.
    pub(crate) fn encode(&self, out: &mut [u8], seed: u32) {
        out[START].copy_from_slice(&BEGINNING);
        out[LENGTH].copy_from_slice(&self.length.to_le_bytes());
        out[BASE].copy_from_slice(&self.base.to_le_bytes());
        out[TIME].copy_from_slice(&self.time.to_le_bytes());
        out[COUNT].copy_from_slice(&self.count.to_le_bytes());
        out[FLAGS].copy_from_slice(&self.flags.to_le_bytes());
        out[EPOCH].copy_from_slice(&self.epoch.to_le_bytes());
        out[BODY_CRC].copy_from_slice(&self.body_crc.to_le_bytes());
        out[DISTANCE].copy_from_slice(&self.distance.to_le_bytes());
        let crc = crc32c_append(seed, &out[..HEADER_CRC.start]);
        out[HEADER_CRC].copy_from_slice(&crc.to_le_bytes());
    }

    /// The offset after its last record.
    pub(crate) fn end(&self) -> u64 {
        self.base + u64::from(self.count)
    }

    /// Header and body in bytes.
    pub(crate) fn size(&self) -> u64 {
        HEADER as u64 + u64::from(self.length)
    }

    /// Everything before this offset was durable when the batch was written.
    pub(crate) fn durable_end(&self) -> u64 {
        self.base.saturating_sub(u64::from(self.distance))
    }

    /// Whether this is the body that belongs to the header.
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        body.len() == self.length as usize && crc32c(body) == self.body_crc
    }
}

/// One record to be appended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// Names and values that go with it.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What is stored.
    pub value: &'a [u8],
}

/// Records encoded together: the unit of append, checksum and reading. Either all of them are kept or none.
#[derive(Debug)]
pub struct Batch {
    /// Room for the header, then the body.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
    pub(super) flags: u16,
    pub(super) body_crc: u32,
}

impl Batch {
    /// Encodes records, in one buffer and with the checksum of the body. At least one is needed.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when they are more bytes than a batch can hold, or none at all.
    pub fn of(entries: &[Entry<'_>]) -> Result<Self, StoreError> {
        let has_headers = entries.iter().any(|entry| !entry.headers.is_empty());
        let sizes = entries.iter().map(|entry| {
            let inner = inner_size(entry, has_headers);
            varint::size(inner as u64) + inner
        });
        let body: usize = sizes.sum();
        let (Ok(count @ 1..), ..=MAX_BODY) = (u32::try_from(entries.len()), body) else {
            return Err(StoreError::TooLarge { size: body, limit: MAX_BODY });
        };
        let mut bytes = pool::take(HEADER + body);
        bytes.resize(HEADER, 0);
        for entry in entries {
            varint::put(&mut bytes, inner_size(entry, has_headers) as u64);
            put_inner(&mut bytes, entry, has_headers);
        }
        let body_crc = crc32c(&bytes[HEADER..]);
        Ok(Self { bytes, count, flags: if has_headers { HAS_HEADERS } else { 0 }, body_crc })
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes on the disk.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The time delta of a record, in zig-zag form. Everything that is appended has its batch's time.
const NO_DELTA: u64 = 0;

fn inner_size(entry: &Entry<'_>, has_headers: bool) -> usize {
    let text = |len: usize| varint::size(len as u64) + len;
    let headers = || {
        let pairs: usize = entry.headers.iter().map(|(name, value)| text(name.len()) + text(value.len())).sum();
        varint::size(entry.headers.len() as u64) + pairs
    };
    varint::size(NO_DELTA) + if has_headers { headers() } else { 0 } + entry.value.len()
}

fn put_inner(out: &mut Vec<u8>, entry: &Entry<'_>, has_headers: bool) {
    varint::put(out, NO_DELTA);
    if has_headers {
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

/// What one record of a body holds, still in the body's memory.
#[derive(Clone, Debug)]
pub(crate) struct RecordParts {
    /// Microseconds after the batch's time.
    pub(crate) delta: i64,
    /// Pairs of length and text; checked to be whole.
    pub(crate) headers: Bytes,
    pub(crate) value: Bytes,
}

/// Takes the next record off a body whose checksum was right. `None` when the bytes are no record all the same, or have a
/// feature that this build does not know.
pub(crate) fn split_record(body: &mut Bytes, flags: u16) -> Option<RecordParts> {
    if flags & !KNOWN_FLAGS != 0 {
        return None;
    }
    let length = varint::take(body)?;
    let mut record = split_to(body, length)?;
    let delta = varint::unzigzag(varint::take(&mut record)?);
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
    Some(RecordParts { delta, headers, value: record })
}

/// The value of a header among checked pairs.
pub(crate) fn find_header(pairs: &Bytes, wanted: &str) -> Option<Bytes> {
    let mut rest = pairs.clone();
    while !rest.is_empty() {
        let length = varint::take(&mut rest)?;
        let name = split_to(&mut rest, length)?;
        let length = varint::take(&mut rest)?;
        let value = split_to(&mut rest, length)?;
        if name == wanted.as_bytes() {
            return Some(value);
        }
    }
    None
}

fn split_to(bytes: &mut Bytes, length: u64) -> Option<Bytes> {
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
    Some(bytes.split_to(length))
}

fn u16_at(bytes: &[u8], at: Range<usize>) -> u16 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u16::from(*byte))
}

pub(crate) fn u32_at(bytes: &[u8], at: Range<usize>) -> u32 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

pub(crate) fn u64_at(bytes: &[u8], at: Range<usize>) -> u64 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
