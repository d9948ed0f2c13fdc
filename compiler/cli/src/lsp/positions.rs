//! Turns bytes of a text into the protocol's lines and UTF-16 columns, and back.

use gen_lsp_types::{Position, Range};

/// Where the lines of a text begin. The protocol ends a line at `\n`, at `\r\n` and at a lone `\r`.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// The line and column of a byte of the text that these lines are of. Within a letter it is that of the letter.
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.0.partition_point(|start| *start <= offset).saturating_sub(1);
        let before = text.get(self.0.get(line).copied().unwrap_or(0)..offset).unwrap_or_default();
        Position { line: number(line), character: number(before.encode_utf16().count()) }
    }

    /// The byte at a line and column. Beyond the end of a line it is the line's end, beyond the last line the text's.
    pub(super) fn offset(&self, text: &str, position: Position) -> usize {
        let Some(start) = self.0.get(position.line as usize).copied() else { return text.len() };
        let mut column = 0;
        for (at, letter) in text.get(start..).unwrap_or_default().char_indices() {
            column += letter.len_utf16();
            if column > position.character as usize || matches!(letter, '\n' | '\r') {
                return start + at;
            }
        }
        text.len()
    }

    /// The piece of text between two bytes.
    pub(super) fn range(&self, text: &str, start: usize, end: usize) -> Range {
        Range { start: self.position(text, start), end: self.position(text, end) }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn columns_count_utf_16_units() {
        let text = "a🦀b\nä€x";
        let lines = Lines::new(text);
        for (offset, position) in [(0, at(0, 0)), (1, at(0, 1)), (5, at(0, 3)), (7, at(1, 0)), (12, at(1, 2))] {
            assert_eq!(lines.position(text, offset), position);
            assert_eq!(lines.offset(text, position), offset);
        }
    }

    #[test]
    fn a_place_within_a_letter_is_where_the_letter_begins() {
        let text = "a🦀b";
        let lines = Lines::new(text);
        assert_eq!(lines.position(text, 3), at(0, 1));
        assert_eq!(lines.offset(text, at(0, 2)), 1);
    }

    #[test]
    fn every_kind_of_line_end_ends_a_line() {
        let text = "a\r\nb\rc\n";
        let lines = Lines::new(text);
        assert_eq!(lines.position(text, 3), at(1, 0));
        assert_eq!(lines.position(text, 5), at(2, 0));
        assert_eq!(lines.position(text, 7), at(3, 0));
        assert_eq!(lines.offset(text, at(1, 0)), 3);
    }

    #[test]
    fn a_place_beyond_the_end_is_the_end() {
        let text = "ab\ncd";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, at(0, 99)), 2);
        assert_eq!(lines.offset(text, at(9, 0)), 5);
        assert_eq!(lines.offset(text, at(1, u32::MAX)), 5);
        assert_eq!(lines.position(text, 99), at(1, 2));
        assert_eq!(Lines::new("").offset("", at(0, 5)), 0);
    }
}
