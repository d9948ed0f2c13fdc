//! Finds what stands between two tokens: the comments, and how many line breaks there are before each.

/// How wide a tab is taken to be where the lines of a comment are moved together.
pub(super) const TAB: usize = 4;

/// One comment of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comment<'t> {
    /// All of it, with its marks and without white space at its end.
    pub(super) text: &'t str,
    /// Whether it ends with its line: `//` and `#`.
    pub(super) is_line: bool,
    /// The line breaks between what comes before and this.
    pub(super) newlines: usize,
    /// The column it begins in, from 0; known only for comments of several lines.
    pub(super) column: usize,
}

impl Comment<'_> {
    /// Whether it says nothing of what follows it, so that a separator may be moved in front of it: ordinary line comments.
    fn is_plain(&self) -> bool {
        self.is_line && !self.text.starts_with("///") && !self.text.ends_with("*/")
    }
}

/// What stands between two tokens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gap<'t> {
    pub(super) comments: Vec<Comment<'t>>,
    /// The line breaks between the last comment, or the token before, and the token after.
    pub(super) newlines: usize,
}

impl<'t> Gap<'t> {
    /// Reads `text[start..end]`. A separator in it is passed over: it was written where it belongs.
    pub(super) fn read(text: &'t str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let mut gap = Gap::default();
        let mut at = start;
        while at < end {
            match bytes[at] {
                b'\n' => gap.newlines += 1,
                // What follows a separator on its line was not at the beginning of a line before either.
                b',' | b';' => gap.newlines = 0,
                b'#' | b'/' => {
                    let is_line = !text[at..].starts_with("/*");
                    let length = match is_line {
                        true => text[at..end].find('\n').unwrap_or(end - at),
                        false => text[at + 2..end].find("*/").map_or(end - at, |length| length + 4),
                    };
                    gap.add(text, at, at + length, is_line);
                    at += length;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        gap
    }

    fn add(&mut self, text: &'t str, start: usize, end: usize, is_line: bool) {
        let comment = text[start..end].trim_end();
        let column = if comment.contains('\n') { column(text, start) } else { 0 };
        let newlines = match self.comments.last() {
            Some(before) if before.is_line => self.newlines.max(1),
            _ => self.newlines,
        };
        self.comments.push(Comment { text: comment, is_line, newlines, column });
        self.newlines = 0;
    }

    /// Whether a separator at the end of the gap may as well stand at its start.
    pub(super) fn is_passable(&self) -> bool {
        self.comments.iter().all(Comment::is_plain)
    }
}

fn column(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    width(&text[line..at])
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter == '\t' { TAB } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::Gap;

    #[test]
    fn comments_of_all_kinds_are_found_with_the_line_breaks_before_them() {
        let text = " // one\n\n# two  \n/* three */ /// four\n\n\n";
        let gap = Gap::read(text, 0, text.len());
        let seen: Vec<(&str, usize)> = gap.comments.iter().map(|comment| (comment.text, comment.newlines)).collect();
        assert_eq!(seen, [("// one", 0), ("# two", 2), ("/* three */", 1), ("/// four", 0)]);
        assert_eq!(gap.newlines, 3);
    }

    #[test]
    fn only_ordinary_line_comments_let_a_separator_pass() {
        let passable = |text: &str| Gap::read(text, 0, text.len()).is_passable();
        assert!(passable("") && passable(" // a\n # b\n"));
        assert!(!passable("/* a */") && !passable("/// a\n") && !passable("// a */\n"));
    }
}
