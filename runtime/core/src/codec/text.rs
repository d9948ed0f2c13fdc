//! Text out of bytes that came from elsewhere, checked to be UTF-8.

use ascii::AsAsciiStr;

/// How long short text is, in bytes.
const SHORT: usize = 64;

/// These bytes as text; none where they are not UTF-8.
///
/// The standard library's check looks at short text byte by byte, which takes 7 ns for 22 of them. Whether all are ASCII, as most short
/// text is, takes 2.6; short text that is not takes at most 1 ns longer for having been asked. Long text is not asked: the library's check
/// takes words of ASCII too, and to ask looks for the first byte that is none once more.
#[inline]
pub(super) fn checked(bytes: &[u8]) -> Option<&str> {
    if bytes.len() <= SHORT
        && let Ok(ascii) = bytes.as_ascii_str()
    {
        return Some(ascii.as_str());
    }
    std::str::from_utf8(bytes).ok()
}

/// The same in memory of its own.
///
/// A `Box` is two words, which a call gives back in registers. A `String` is three, which it writes into memory, where what moves
/// them on waits for them: whether a build inlined that call decided between 680 and 880 ns for an order of 26 texts. This one is
/// never inlined, so that it is the same in each.
#[inline(never)]
pub(super) fn owned(bytes: &[u8]) -> Option<Box<str>> {
    checked(bytes).map(Box::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_the_standard_library_takes_for_it() {
        // All lengths around the words and blocks that a check may take at once, with something at every place of them.
        let pieces: [&[u8]; 9] =
            [b"\x7f", b"\x80", b"\xff", b"\xc3", "ä".as_bytes(), "音".as_bytes(), b"\xe9\x9f", "🎷".as_bytes(), b"\0"];
        for length in 0..=70 {
            let plain = vec![b'x'; length];
            assert_eq!(owned(&plain).as_deref(), std::str::from_utf8(&plain).ok());
            for at in 0..=length {
                for piece in pieces {
                    let bytes = [&plain[..at], piece, &plain[at..]].concat();
                    assert_eq!(owned(&bytes).as_deref(), std::str::from_utf8(&bytes).ok(), "{bytes:x?}");
                }
            }
        }
    }
}
