//! How far a log was compacted: a note in a file of its own, so that a pass need not read the keys of everything again. It is a
//! cache; without it, or where it is wrong, a pass reads more. `docs/log-format.md` has the layout.

use std::io;
use std::ops::Range;

use crc32c::crc32c;
use tracing::debug;

use super::format::{u32_at, u64_at};
use super::home::Home;

const FILE: &str = "compacted";
pub(crate) const MAGIC: [u8; 8] = *b"TWOODCMP";
pub(crate) const NAME: Range<usize> = 0..8;
pub(crate) const LOG_ID: Range<usize> = NAME.end..NAME.end + 8;
pub(crate) const NEXT: Range<usize> = LOG_ID.end..LOG_ID.end + 8;
pub(crate) const CRC: Range<usize> = NEXT.end..NEXT.end + 4;
const SIZE: usize = CRC.end;

/// The offset before which no key is twice.
pub(super) fn load(home: &Home) -> u64 {
    let read = || home.disk.open(&home.dir.join(FILE))?.read_at(SIZE, 0);
    read().ok().and_then(|bytes| decode(&bytes, home.log_id)).unwrap_or(0)
}

pub(super) fn save(home: &Home, next: u64) {
    let path = home.dir.join(FILE);
    let write = || {
        let file = home.disk.open(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => home.disk.create(&path),
            _ => Err(error),
        });
        file?.write_at(&encode(home.log_id, next), 0)
    };
    if let Err(error) = write() {
        debug!(path = %path.display(), %error, "how far a log was compacted was not noted");
    }
}

pub(crate) fn encode(log_id: u64, next: u64) -> [u8; SIZE] {
    let mut out = [0; SIZE];
    out[NAME].copy_from_slice(&MAGIC);
    out[LOG_ID].copy_from_slice(&log_id.to_le_bytes());
    out[NEXT].copy_from_slice(&next.to_le_bytes());
    let crc = crc32c(&out[..CRC.start]);
    out[CRC].copy_from_slice(&crc.to_le_bytes());
    out
}

fn decode(bytes: &[u8], log_id: u64) -> Option<u64> {
    let is_ours = bytes.len() == SIZE && bytes[NAME] == MAGIC && u64_at(bytes, LOG_ID) == log_id;
    (is_ours && u32_at(bytes, CRC) == crc32c(&bytes[..CRC.start])).then(|| u64_at(bytes, NEXT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_with_any_byte_changed_says_nothing() {
        let bytes = encode(7, 300);
        assert_eq!(decode(&bytes, 7), Some(300));
        assert_eq!(decode(&bytes, 8), None, "another log's");
        for at in 0..SIZE {
            let mut changed = bytes;
            changed[at] ^= 4;
            assert_eq!(decode(&changed, 7), None, "changed at {at}");
            assert_eq!(decode(&bytes[..at], 7), None, "cut at {at}");
        }
    }
}
