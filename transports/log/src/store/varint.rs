//! Numbers of variable length: seven bits a byte, the lowest first, the top bit set on all but the last (LEB128), as in
//! Kafka's records and Protocol Buffers.

use bytes::{Buf, Bytes};

/// The most bytes that 64 bits take.
const MAX: usize = 10;

/// How many bytes [`put`] writes.
pub(crate) fn size(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number off the front. `None` when the bytes end within it or it does not fit 64 bits.
pub(crate) fn take(bytes: &mut Bytes) -> Option<u64> {
    let mut number = 0;
    for (i, byte) in bytes.iter().take(MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if i == MAX - 1 && bits > 1 {
            return None;
        }
        number |= bits << (7 * i);
        if byte & 0x80 == 0 {
            bytes.advance(i + 1);
            return Some(number);
        }
    }
    None
}

/// The zig-zag form of a number of either sign, in which small ones of both signs are short.
pub(crate) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// Gives a number of either sign back from its zig-zag form.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_sizes_are_true() {
        for number in (0..64).flat_map(|shift| [1 << shift, (1_u64 << shift) - 1]).chain([u64::MAX]) {
            let mut out = Vec::new();
            put(&mut out, number);
            assert_eq!(out.len(), size(number), "{number}");
            assert_eq!(take(&mut Bytes::from(out)), Some(number));
        }
    }

    #[test]
    fn an_unfinished_or_oversized_number_is_none() {
        for bytes in
            [&[][..], &[0x80], &[0xff; 9], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert_eq!(take(&mut Bytes::copy_from_slice(bytes)), None, "{bytes:?}");
        }
    }

    #[test]
    fn zigzag_alternates_signs() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(unzigzag), [0, -1, 1, -2, i64::MIN]);
        assert_eq!([0, -1, 1, -2, i64::MIN, i64::MAX].map(zigzag), [0, 1, 2, 3, u64::MAX, u64::MAX - 1]);
    }
}
