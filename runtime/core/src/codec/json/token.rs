//! The tokens of JSON: marks, numbers, and strings with what strings stand for.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::cursor::Cursor;
use crate::codec::{DecodeError, DecodeErrorKind};

/// Java and C++ leave the padding out; Go and Python write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The byte that the next token starts with, which stays where it is. Space before it is passed over.
pub(super) fn next(cursor: &mut Cursor<'_>) -> Result<u8, DecodeError> {
    let rest = cursor.rest();
    let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    cursor.advance(space);
    rest.get(space).copied().ok_or_else(|| cursor.error(DecodeErrorKind::Truncated))
}

/// A bracket, comma, colon or quote.
pub(super) fn mark(cursor: &mut Cursor<'_>, wanted: u8) -> Result<(), DecodeError> {
    if next(cursor)? != wanted {
        return Err(cursor.error(DecodeErrorKind::Syntax(match wanted {
            b'[' => "`[`",
            b']' => "`]`",
            b'{' => "`{`",
            b'}' => "`}`",
            b',' => "`,`",
            b':' => "`:`",
            _ => "a string",
        })));
    }
    cursor.advance(1);
    Ok(())
}

/// What stands between quotes or, without them, up to the next mark: the form of numbers and of words.
fn word<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], DecodeError> {
    let quoted = next(cursor)? == b'"';
    if quoted {
        cursor.advance(1);
    }
    let rest = cursor.rest();
    let end = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    cursor.advance(end);
    if quoted {
        match cursor.rest().first() {
            Some(b'"') => cursor.advance(1),
            Some(_) => return Err(cursor.error(DecodeErrorKind::Syntax("`\"` behind a number"))),
            None => return Err(cursor.error(DecodeErrorKind::Truncated)),
        }
    } else if cursor.rest().is_empty() && end == 0 {
        return Err(cursor.error(DecodeErrorKind::Truncated));
    }
    Ok(&rest[..end])
}

/// A whole number, with or without quotes.
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Result<i64, DecodeError> {
    let word = word(cursor)?;
    // A sign at the very end is a number that was cut.
    let cut = cursor.rest().is_empty();
    whole(word).map_err(|kind| match kind {
        DecodeErrorKind::Syntax(_) if cut => cursor.error(DecodeErrorKind::Truncated),
        kind => cursor.error(kind),
    })
}

fn whole(word: &[u8]) -> Result<i64, DecodeErrorKind> {
    let digits = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeErrorKind::Syntax("a whole number"));
    }
    let text = std::str::from_utf8(word).unwrap_or_default();
    text.parse().map_err(|_| DecodeErrorKind::Varint)
}

/// A `bool`: a number, of which only 0 is false for every peer, or JSON's own words.
pub(super) fn boolean(cursor: &mut Cursor<'_>) -> Result<bool, DecodeError> {
    match word(cursor)? {
        b"true" => Ok(true),
        b"false" => Ok(false),
        word => whole(word).map(|number| number != 0).map_err(|kind| cursor.error(kind)),
    }
}

/// A `double`, with or without quotes, and the words for what is no number.
pub(super) fn double(cursor: &mut Cursor<'_>) -> Result<f64, DecodeError> {
    let word = word(cursor)?;
    let number = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| cursor.error(DecodeErrorKind::Syntax("a number")))
}

/// The bytes between two quotes, and whether there is an escape in them.
fn between_quotes<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], bool), DecodeError> {
    mark(cursor, b'"')?;
    let rest = cursor.rest();
    let (mut at, mut escaped) = (0, false);
    loop {
        match rest.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => {
                cursor.advance(rest.len());
                return Err(cursor.error(DecodeErrorKind::Truncated));
            }
        }
    }
    cursor.advance(at + 1);
    Ok((&rest[..at], escaped))
}

/// A string without escapes.
pub(super) fn plain_string<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, DecodeError> {
    match string(cursor)? {
        Cow::Borrowed(text) => Ok(text),
        Cow::Owned(_) => Err(cursor.error(DecodeErrorKind::Syntax("a name without escapes"))),
    }
}

/// A string. Control characters may be escaped or not.
pub(super) fn string<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, DecodeError> {
    let (bytes, escaped) = between_quotes(cursor)?;
    let text = cursor.text(bytes)?;
    if !escaped {
        return Ok(Cow::Borrowed(text));
    }
    unescape(text).map(Cow::Owned).map_err(|kind| cursor.error(kind))
}

/// A string that may share the message's memory. One with escapes has its own.
pub(super) fn shared_string(cursor: &mut Cursor<'_>) -> Result<ByteString, DecodeError> {
    let (bytes, escaped) = between_quotes(cursor)?;
    let text = cursor.share(bytes).ok_or_else(|| cursor.error(DecodeErrorKind::Utf8))?;
    if !escaped {
        return Ok(text);
    }
    unescape(&text).map(ByteString::from).map_err(|kind| cursor.error(kind))
}

fn unescape(text: &str) -> Result<String, DecodeErrorKind> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut chars = after.chars();
        let escaped = match chars.next() {
            Some(mark @ ('"' | '\\' | '/')) => mark,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (found, behind) = code_point(chars.as_str())?;
                chars = behind.chars();
                found
            }
            _ => return Err(DecodeErrorKind::Syntax("one of JSON's escapes behind `\\`")),
        };
        plain.push(escaped);
        rest = chars.as_str();
    }
    plain.push_str(rest);
    Ok(plain)
}

/// What follows `\u`: four hexadecimal digits, and for characters beyond them a second such escape.
fn code_point(text: &str) -> Result<(char, &str), DecodeErrorKind> {
    let (first, rest) = code_unit(text)?;
    if let Some(found) = char::from_u32(first) {
        return Ok((found, rest));
    }
    let (second, rest) = rest.strip_prefix("\\u").map_or(Err(DecodeErrorKind::Utf8), code_unit)?;
    match (first, second) {
        (0xd800..0xdc00, 0xdc00..0xe000) => {
            let point = 0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff);
            char::from_u32(point).map(|found| (found, rest)).ok_or(DecodeErrorKind::Utf8)
        }
        _ => Err(DecodeErrorKind::Utf8),
    }
}

fn code_unit(text: &str) -> Result<(u32, &str), DecodeErrorKind> {
    let unit = text.split_at_checked(4).filter(|(digits, _)| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let unit = unit.and_then(|(digits, rest)| Some((u32::from_str_radix(digits, 16).ok()?, rest)));
    unit.ok_or(DecodeErrorKind::Syntax("four hexadecimal digits behind `\\u`"))
}

/// The bytes that a string of base64 stands for.
pub(super) fn base64(cursor: &mut Cursor<'_>) -> Result<Bytes, DecodeError> {
    let text = string(cursor)?;
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| cursor.error(DecodeErrorKind::Syntax("base64")))?;
    Ok(bytes.into())
}

/// A uuid, with its hyphens and in lower case or otherwise.
pub(super) fn uuid(cursor: &mut Cursor<'_>) -> Result<[u8; 16], DecodeError> {
    let text = string(cursor)?;
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).take(33).collect();
    let whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let bits = if whole { u128::from_str_radix(&digits, 16).ok() } else { None };
    bits.map(u128::to_be_bytes).ok_or_else(|| cursor.error(DecodeErrorKind::Syntax("a uuid")))
}
