//! A look over the brackets of a text, before and after the grammar reads it: before, because the grammar recurses once
//! per bracket and hostile text must not exhaust the stack; after, to say which bracket was never closed.

/// How deep brackets may nest. Real files stay below ten.
pub(super) const MAX_DEPTH: usize = 64;

/// What the brackets of a text look like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The first bracket nested deeper than [`MAX_DEPTH`]; the scan ends there.
    pub(super) too_deep: Option<usize>,
    /// The brackets still open at the end, outermost first.
    pub(super) unclosed: Vec<usize>,
    /// The block comment that never ends.
    pub(super) endless_comment: Option<usize>,
}

/// Whether brackets nest too deep for the grammar.
pub(crate) fn is_too_deep(text: &str) -> bool {
    scan(text).too_deep.is_some()
}

/// Scans a text from a place where no comment or string is open.
pub(super) fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let mut words = Words::None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => at = line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => match text[at + 2..].find("*/") {
                Some(length) => at += length + 4,
                None => {
                    scan.endless_comment = Some(at);
                    return scan;
                }
            },
            b'"' | b'\'' => {
                words = Words::None;
                at = literal_end(bytes, at).unwrap_or(at + 1);
            }
            b'<' | b'(' | b'[' | b'{' => {
                if scan.unclosed.len() == MAX_DEPTH {
                    scan.too_deep = Some(at);
                    return scan;
                }
                scan.unclosed.push(at);
                words = Words::None;
                at += 1;
            }
            b'>' | b')' | b']' | b'}' => {
                scan.unclosed.pop();
                words = Words::None;
                at += 1;
            }
            byte if is_word(byte) => {
                let end = word_end(bytes, at);
                words = words.then(&text[at..end]);
                at = end;
                if words == Words::Prefix {
                    at = prefix_end(bytes, at);
                    words = Words::None;
                }
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    words = Words::None;
                }
                at += 1;
            }
        }
    }
    scan
}

/// How much of `scope NAME prefix` was just read: after it, quotes and brackets are part of the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    None,
    Scope,
    Name,
    Prefix,
}

impl Words {
    fn then(self, word: &str) -> Self {
        match (self, word) {
            (Words::Scope, _) => Words::Name,
            (Words::Name, "prefix") => Words::Prefix,
            (_, "scope") => Words::Scope,
            _ => Words::None,
        }
    }
}

/// Whether a byte can be part of a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

/// Where the word at `at` ends.
pub(super) fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

/// Where the string at `at` ends; `None` where its line ends first.
pub(super) fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\n' => return None,
            b'\\' if bytes.get(end + 1).is_some_and(|next| *next != b'\n') => end += 2,
            byte if *byte == quote => return Some(end + 1),
            _ => end += 1,
        }
    }
    None
}

fn prefix_end(bytes: &[u8], start: usize) -> usize {
    let blank = |at: usize| bytes.get(at).is_none_or(|byte| byte.is_ascii_whitespace() || *byte == 0xb);
    let text = |at: usize| !blank(at) && !matches!(bytes[at], b'.' | b'{' | b'}');
    let mut at = start;
    while at < bytes.len() && blank(at) {
        at += 1;
    }
    loop {
        let token = at;
        if bytes.get(at) == Some(&b'{') {
            let mut end = at + 1;
            while text(end) {
                end += 1;
            }
            if end > at + 1 && bytes.get(end) == Some(&b'}') {
                at = end + 1;
            }
        } else {
            while text(at) {
                at += 1;
            }
        }
        if at == token || bytes.get(at) != Some(&b'.') {
            return at;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, scan};

    #[test]
    fn brackets_in_comments_strings_and_prefixes_do_not_count() {
        let text = "// {\n# {\n/* { */ struct A { 1: string a = \"{\\\"{\" }\nscope S prefix {a\"b}.<c.'{d} { }";
        assert_eq!(scan(text), super::Scan::default());
    }

    #[test]
    fn what_stays_open_is_named() {
        assert_eq!(scan("struct A {\n 1: list<i32").unclosed, [9, 19]);
        assert_eq!(scan("struct A {} /* oh").endless_comment, Some(12));
    }

    #[test]
    fn the_bracket_past_the_limit_is_found() {
        let text = "list<".repeat(MAX_DEPTH + 1);
        assert_eq!(scan(&text).too_deep, Some(text.len() - 1));
        assert_eq!(scan(&"list<".repeat(MAX_DEPTH)).too_deep, None);
    }
}
