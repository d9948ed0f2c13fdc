//! Text out of bytes that came from elsewhere, checked to be UTF-8.

use ascii::{AsAsciiStr, AsciiStr};

use super::cursor::Cursor;
use super::{DecodeError, DecodeErrorKind};

/// How long short text is, in bytes: seven words, since from eight on the standard library looks for ASCII in larger pieces.
const SHORT: usize = 56;

/// A reader whose text can be had in memory of its own.
///
/// A `Box` is two words, which a call gives back in registers. A `String` is three, which it writes into memory, where what moves
/// them on waits for them: whether a build inlined that call decided between 680 and 880 ns for an order of 26 texts. This one is
/// never inlined, so that it is the same in each, and reads the length too, so that what calls it is the smaller.
pub(super) trait OwnText<'a> {
    /// How many bytes the length of short text takes.
    const PREFIX: usize;

    fn cursor(&mut self) -> &mut Cursor<'a>;

    /// How long the text at hand is, if that can be told at once, and what stands behind its length. Nothing is taken.
    fn ahead(&self) -> Option<(usize, &'a [u8])>;

    /// The bytes of the text at hand.
    fn content(&mut self) -> Result<&'a [u8], DecodeError>;

    /// The text at hand in memory of its own. None, and nothing taken, where something is wrong with it.
    #[inline(never)]
    fn own_text(&mut self) -> Option<Box<str>> {
        match self.ahead().and_then(|(length, bytes)| short_ascii(bytes, length)) {
            Some(text) => {
                self.cursor().advance(Self::PREFIX + text.len());
                Some(Box::from(text))
            }
            None => self.any_text(),
        }
    }

    /// The same of text that is long, not ASCII, or the last of its message.
    #[inline(never)]
    fn any_text(&mut self) -> Option<Box<str>> {
        let before = self.cursor().offset();
        let text = self.content().ok().and_then(checked);
        if text.is_none() {
            self.cursor().back_to(before);
        }
        text.map(Box::from)
    }

    /// What is wrong with the text at hand.
    #[cold]
    #[inline(never)]
    fn no_text(&mut self) -> DecodeError {
        match self.content() {
            Ok(_) => self.cursor().error(DecodeErrorKind::Utf8),
            Err(error) => error,
        }
    }
}

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

/// The text of this length that `bytes` start with, if it is short and seen at a glance to be ASCII.
///
/// The glance is at whole words. The last one may reach into what stands behind the text, which nearly always looks like ASCII: the
/// next field's type and length do. To look at the 1 to 7 bytes that are left one by one takes longer than all before them.
#[inline(always)]
fn short_ascii(bytes: &[u8], length: usize) -> Option<&str> {
    if length > SHORT {
        return None;
    }
    let words = bytes.get(..(length + 7) & !7)?.as_ascii_str().ok()?;
    let text: &AsciiStr = words.as_slice().get(..length)?.into();
    Some(text.as_str())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::binary::BinaryReader;
    use crate::codec::compact::CompactReader;
    use crate::codec::{Reader, binary, compact};

    /// What `reader` makes of this text with something behind it is what the standard library makes of it, and it goes on behind it.
    fn reads_as_text<R: Reader>(mut reader: R, text: &[u8], behind: &[u8]) {
        match reader.read_string() {
            Ok(read) => assert_eq!(read.as_bytes(), text),
            Err(error) => {
                assert_eq!(error.kind(), DecodeErrorKind::Utf8);
                assert_eq!(std::str::from_utf8(text).ok(), None, "{text:x?}");
                assert_eq!(error.offset(), reader.offset());
            }
        }
        assert_eq!(reader.remaining(), behind.len(), "{text:x?} before {behind:x?}");
    }

    #[test]
    fn text_is_what_the_standard_library_takes_for_it_whatever_stands_behind_it() {
        // All lengths around the words and blocks that a check may take at once, with something at every place of them.
        let pieces: [&[u8]; 10] = [
            b"",
            b"\x7f",
            b"\x80",
            b"\xff",
            b"\xc3",
            "ä".as_bytes(),
            "音".as_bytes(),
            b"\xe9\x9f",
            "🎷".as_bytes(),
            b"\0",
        ];
        for length in 0..=70 {
            let plain = vec![b'x'; length];
            for at in 0..=length {
                for piece in pieces {
                    let text = Bytes::from([&plain[..at], piece, &plain[at..]].concat());
                    for behind in [&b""[..], b"\xbf", b"behind it", b"\0\xff\xff\xff\xff\xff\xff\xff"] {
                        let message = Bytes::from([&binary::to_bytes(&text), behind].concat());
                        reads_as_text(BinaryReader::new(&message), &text, behind);
                        let message = Bytes::from([&compact::to_bytes(&text), behind].concat());
                        reads_as_text(CompactReader::new(&message), &text, behind);
                    }
                }
            }
        }
    }

    #[test]
    fn text_longer_than_its_message_is_told_from_text_that_is_cut_within_its_length() {
        let kind = |error: DecodeError| (error.kind(), error.offset());
        let binary = |bytes: &'static [u8]| kind(binary::from_bytes::<String>(&bytes.into()).unwrap_err());
        assert_eq!(binary(b"\0\0\0\x03ab"), (DecodeErrorKind::Length(3), 4));
        assert_eq!(binary(b"\xff\xff\xff\xffab"), (DecodeErrorKind::Length(-1), 4));
        assert_eq!(binary(b"\0\0\0"), (DecodeErrorKind::Truncated, 0));
        let compact = |bytes: &'static [u8]| kind(compact::from_bytes::<String>(&bytes.into()).unwrap_err());
        assert_eq!(compact(b"\x03ab"), (DecodeErrorKind::Length(3), 1));
        assert_eq!(compact(b"\x83\x01ab"), (DecodeErrorKind::Length(131), 2));
        assert_eq!(compact(b"\x83"), (DecodeErrorKind::Truncated, 1));
    }
}
