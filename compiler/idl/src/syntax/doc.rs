//! Finds the doc comment of a definition by looking back from where it starts.

use crate::model::Doc;

/// The doc comment that ends right before `start`: `/** .. */`, Frugal's `/**@ .. */`, or a run of `///` lines.
pub(super) fn before(text: &str, start: usize) -> Doc {
    let head = last(text[..start].trim_end(), LONGEST);
    let raw = if head.ends_with("*/") {
        let comment = &head[head.rfind("/*")?..];
        let body = comment.strip_prefix("/**")?.strip_suffix("*/")?;
        // A comment that ended before: the text looked at ends with a line comment that happens to end in `*/`.
        if body.contains("*/") {
            return None;
        }
        clean(body.strip_prefix('@').unwrap_or(body).lines(), &['*'])
    } else {
        let lines: Vec<&str> = head.lines().rev().map_while(line_doc).collect();
        clean(lines.into_iter().rev(), &[])
    };
    (!raw.is_empty()).then_some(raw)
}

/// How far back a doc comment is looked for, in bytes: a file must not be read once per definition.
const LONGEST: usize = 64 * 1024;

/// The last `length` bytes of a text, or a few less where a letter would be cut.
fn last(text: &str, length: usize) -> &str {
    let mut start = text.len().saturating_sub(length);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// What a `///` line says. Four slashes are a rule drawn across the file.
fn line_doc(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("///").filter(|doc| !doc.starts_with('/'))
}

/// Takes the marks and the white space off each line, and the empty lines off both ends.
fn clean<'a>(lines: impl Iterator<Item = &'a str>, marks: &[char]) -> String {
    let lines: Vec<&str> = lines
        .map(|line| {
            let line = line.trim();
            let line = line.strip_prefix(marks).unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::before;

    fn doc(text: &str) -> Option<String> {
        before(text, text.len())
    }

    #[test]
    fn both_kinds_of_block_and_line_comments_are_cleaned_of_their_marks() {
        assert_eq!(doc("/** An album. */\n").as_deref(), Some("An album."));
        assert_eq!(doc("/**@ An album.\n * Two lines. */").as_deref(), Some("An album.\nTwo lines."));
        assert_eq!(doc("/// One.\n/// Two.\n").as_deref(), Some("One.\nTwo."));
    }

    #[test]
    fn an_ordinary_comment_is_no_doc() {
        assert_eq!(doc("/* no */"), None);
        assert_eq!(doc("// no\n"), None);
        assert_eq!(doc("/**/"), None);
        assert_eq!(doc("//////\n"), None);
        assert_eq!(doc("/** far */ struct A {} // near */\n"), None);
        assert_eq!(doc("/** far */ struct A {}\n"), None);
    }
}
