//! Takes the quotes and escapes off a string literal.

/// Why a literal says nothing: the escape in it that means nothing, as offset and text.
pub(super) struct BadEscape {
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// The bytes a literal stands for. Escapes are Thrift's (`\n \r \t \\ \" \'`) and those Frugal takes over from Go
/// (`\a \b \f \v`, `\x41`, `\101`, `\u00e9`, `\U0001f600`).
pub(super) fn unquote(literal: &str) -> Result<Vec<u8>, BadEscape> {
    let inner = &literal[1..literal.len() - 1];
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(found) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..found]);
        rest = &rest[found..];
        let taken = escape(rest, &mut bytes).ok_or_else(|| BadEscape {
            offset: 1 + inner.len() - rest.len(),
            length: 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        })?;
        rest = &rest[taken..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Reads the escape a text begins with; gives its length.
fn escape(text: &str, bytes: &mut Vec<u8>) -> Option<usize> {
    let byte = match text.as_bytes().get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        quoted @ (b'\\' | b'"' | b'\'') => *quoted,
        b'x' => {
            bytes.push(u8::try_from(number(text, 2, 2, 16)?).ok()?);
            return Some(4);
        }
        b'0'..=b'7' => {
            bytes.push(u8::try_from(number(text, 1, 3, 8)?).ok()?);
            return Some(4);
        }
        kind @ (b'u' | b'U') => {
            let digits = if *kind == b'u' { 4 } else { 8 };
            let letter = char::from_u32(number(text, 2, digits, 16)?)?;
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(2 + digits);
        }
        _ => return None,
    };
    bytes.push(byte);
    Some(2)
}

fn number(text: &str, start: usize, digits: usize, radix: u32) -> Option<u32> {
    let digits = text.get(start..start + digits)?;
    // `from_str_radix` would take a sign as well.
    digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn escapes_of_both_peers_are_taken_off() {
        let read = |literal: &str| unquote(literal).map_err(|bad| (bad.offset, bad.length));
        assert_eq!(read(r#""a\"b\\""#), Ok(b"a\"b\\".to_vec()));
        assert_eq!(read(r"'it\'s \n'"), Ok(b"it's \n".to_vec()));
        assert_eq!(read(r#""\x41\101\u00e9\U0001f600""#), Ok("AA\u{e9}\u{1f600}".as_bytes().to_vec()));
        assert_eq!(read(r#""\xff""#), Ok(vec![0xff]));
        assert_eq!(read("'\u{e9}'"), Ok("\u{e9}".as_bytes().to_vec()));
    }

    #[test]
    fn an_escape_that_means_nothing_is_pointed_at() {
        let read = |literal: &str| unquote(literal).map_err(|bad| (bad.offset, bad.length)).unwrap_err();
        assert_eq!(read(r#""ab\q""#), (3, 2));
        assert_eq!(read("\"\\\u{e9}\""), (1, 3));
        assert_eq!(read(r#""\x4""#), (1, 2));
        assert_eq!(read(r#""\x+1""#), (1, 2));
        assert_eq!(read(r#""\777""#), (1, 2));
        assert_eq!(read(r#""\ud800""#), (1, 2));
    }
}
