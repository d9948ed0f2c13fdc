//! The header of a batch: 44 bytes, and then its body. `docs/log-format.md` is the page of this format.
//!
//! Numbers are little-endian. Each offset is built from the field before it, and a test compares them with the page.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};

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

/// How the records are compressed as one block: see [`Codec`](super::Codec).
pub(crate) const CODEC: u16 = 0b111;
/// Each record has a place for a key.
pub(crate) const HAS_KEYS: u16 = 1 << 3;
/// Each record has headers.
pub(crate) const HAS_HEADERS: u16 = 1 << 4;
/// Who made the batch stands before the records.
pub(crate) const HAS_PRODUCER: u16 = 1 << 9;
/// Some of the offsets have no record any more: compaction removed it.
pub(crate) const HAS_GAPS: u16 = 1 << 10;
/// The flags this build knows. The others are reserved: create time (5), control (6), tombstones (7), encrypted (8).
pub(crate) const KNOWN_FLAGS: u16 = CODEC | HAS_KEYS | HAS_HEADERS | HAS_PRODUCER | HAS_GAPS;

/// A batch header, read or to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the body.
    pub(crate) length: u32,
    /// The offset of the first record; the others follow without a gap.
    pub(crate) base: u64,
    /// When it was appended, in microseconds since 1970.
    pub(crate) time: i64,
    /// How many records, or offsets where some of those have none any more; never 0.
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

pub(crate) fn u16_at(bytes: &[u8], at: Range<usize>) -> u16 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u16::from(*byte))
}

pub(crate) fn u32_at(bytes: &[u8], at: Range<usize>) -> u32 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

pub(crate) fn u64_at(bytes: &[u8], at: Range<usize>) -> u64 {
    bytes[at].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
